/**
 * Hears that an upstream's lists changed. A legacy server says so on its conversation; a modern one only on a
 * `subscriptions/listen` stream (2026-07-28 patterns, subscriptions), which is kept open here.
 */
import { createCanceller } from '@sallyport/guard';
import {
  CLIENT_CAPABILITIES_KEY,
  CLIENT_INFO_KEY,
  isObject,
  MODERN_REVISION,
  PROTOCOL_VERSION_KEY,
  type JsonObject,
  type Message,
} from '@sallyport/protocol';
import { backoffMs } from './backoff.ts';
import type { Link } from './link.ts';
import type { Timer, UpstreamPorts } from './ports.ts';
import { encodeJson } from './wire.ts';

/** A list that can change. */
export type ListKind = 'tools' | 'prompts' | 'resources';

const KINDS: readonly ListKind[] = ['tools', 'prompts', 'resources'];
const FIRST_WAIT_MS = 1_000;
const MAX_WAIT_MS = 60_000;

/** Returns the list that a notification says has changed. */
export const changedList = (message: Message): ListKind | undefined =>
  KINDS.find((kind) => message.method === `notifications/${kind}/list_changed`);

/** Returns the filter of a listen request for every list that the server says can change; undefined for none. */
export const changeFilter = (capabilities: JsonObject): Record<string, true> | undefined => {
  const filter: Record<string, true> = {};
  for (const kind of KINDS) {
    const capability = capabilities[kind];
    if (isObject(capability) && capability['listChanged'] === true) filter[`${kind}ListChanged`] = true;
  }
  return Object.keys(filter).length === 0 ? undefined : filter;
};

/**
 * Keeps a listen stream open on a modern link for as long as the link lives. After a break, everything may have
 * changed meanwhile, so all lists are reported once the stream is back.
 *
 * @param clientInfo - how we introduce ourselves
 * @param onChanged - told of each list that changed
 * @returns a function that ends the stream
 */
export const followChanges = (
  link: Link,
  clientInfo: JsonObject,
  ports: UpstreamPorts,
  onChanged: (kind: ListKind) => void,
): (() => void) => {
  const filter = changeFilter(link.peer.capabilities);
  if (link.era === 'legacy' || filter === undefined) return () => {};
  const params = encodeJson({
    notifications: filter,
    _meta: {
      [PROTOCOL_VERSION_KEY]: MODERN_REVISION,
      [CLIENT_CAPABILITIES_KEY]: {},
      [CLIENT_INFO_KEY]: clientInfo,
    },
  });
  const cancellation = createCanceller();
  let isAgain = false;
  let failures = 0;
  let timer: Timer | undefined;
  const heard = (message: Message): void => {
    failures = 0;
    if (message.method === 'notifications/subscriptions/acknowledged') {
      if (isAgain) for (const kind of KINDS) if (`${kind}ListChanged` in filter) onChanged(kind);
      isAgain = true;
      return;
    }
    const kind = changedList(message);
    if (kind !== undefined) onChanged(kind);
  };
  const run = async (): Promise<void> => {
    const answer = await link.request(
      {
        id: link.mint(),
        method: 'subscriptions/listen',
        params,
        timeoutMs: Infinity,
        maxTimeMs: Infinity,
        cancellation,
      },
      { onMessage: heard, onRequest: () => Promise.reject(new Error('a listen stream carries no requests')) },
    );
    const isRefused = answer.kind === 'answer' && answer.message.spans.error !== undefined;
    if (cancellation.isCancelled || isRefused || link.state === 'closed') return;
    timer = ports.timers.after(backoffMs(failures, FIRST_WAIT_MS, MAX_WAIT_MS, ports.random), () => void run());
    failures += 1;
  };
  void run();
  return () => {
    timer?.cancel();
    cancellation.cancel('no longer needed');
  };
};
