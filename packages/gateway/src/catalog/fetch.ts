/** Reads all lists of one server over a conversation of the gateway's own, page by page, within bounds. */
import type { Cancellation } from '@sallyport/guard';
import { isObject, type JsonObject } from '@sallyport/protocol';
import { linkFailure, type Link, type LinkFailure, type LinkPeer } from '../upstreams/link.ts';
import type { Server } from '../servers.ts';
import { isTtl } from '../cache/hints.ts';
import { ownParams } from '../own-request.ts';
import type { ListKind } from './definition.ts';

/** Everything that one server publishes. */
export interface FetchedLists {
  readonly kind: 'lists';
  readonly lists: Readonly<Record<ListKind, readonly JsonObject[]>>;
  readonly peer: LinkPeer;
  /** The smallest `ttlMs` of all lists, where the server gave one. */
  readonly ttlMs: number | undefined;
}

const maxPages = 100;
const maxDefinitions = 10_000;

/** Bytes of all pages of all lists of one server. */
const maxBytes = 16 * 1024 * 1024;

/** Shortest time that a list is shown, whatever the server says: one load at a time and never in a tight loop. */
const shortestTtl = 1000;

interface ListSource {
  readonly method: string;
  readonly member: string;
  readonly capability: string;
}

const sources: Readonly<Record<ListKind, ListSource>> = {
  tools: { method: 'tools/list', member: 'tools', capability: 'tools' },
  prompts: { method: 'prompts/list', member: 'prompts', capability: 'prompts' },
  resources: { method: 'resources/list', member: 'resources', capability: 'resources' },
  templates: { method: 'resources/templates/list', member: 'resourceTemplates', capability: 'resources' },
};

const never: Cancellation = { isCancelled: false, reason: undefined, subscribe: () => () => undefined };

/** Fetches the lists that the server's capabilities promise. */
export async function fetchList(server: Server): Promise<FetchedLists | { kind: 'failure'; failure: LinkFailure }> {
  const acquired = await server.upstream.acquire({ era: 'modern', scope: '', owner: '', clientCapabilities: {} });
  if (acquired.kind === 'failure') return acquired;
  const { link } = acquired;
  const lists: Record<ListKind, JsonObject[]> = { tools: [], prompts: [], resources: [], templates: [] };
  const room: Room = { bytes: maxBytes };
  let ttlMs: number | undefined;
  for (const kind of Object.keys(sources) as ListKind[]) {
    const source = sources[kind];
    // What a caller has at the server is its own; what the server can do is everybody's to see.
    if (kind === 'resources' && acquired.isLent === true) continue;
    if (!isObject(link.peer.capabilities[source.capability])) continue;
    const fetched = await fetchPages(link, source, lists[kind], room, server.timeoutMs);
    if (fetched.kind === 'failure') {
      // A server that promises resources need not know templates; one that fails its main lists is not usable.
      if (kind === 'templates' && room.bytes >= 0) continue;
      return fetched;
    }
    if (fetched.ttlMs !== undefined) ttlMs = Math.min(ttlMs ?? Number.MAX_SAFE_INTEGER, fetched.ttlMs);
  }
  return {
    kind: 'lists',
    lists,
    peer: link.peer,
    ttlMs: ttlMs === undefined ? undefined : Math.max(shortestTtl, ttlMs),
  };
}

/** What is left of the bytes that a server's lists may have; negative once they had more. */
interface Room {
  bytes: number;
}

async function fetchPages(
  link: Link,
  source: ListSource,
  into: JsonObject[],
  room: Room,
  timeoutMs: number,
): Promise<{ kind: 'pages'; ttlMs: number | undefined } | { kind: 'failure'; failure: LinkFailure }> {
  const seen = new Set<string>();
  let cursor: string | undefined;
  let ttlMs: number | undefined;
  for (let page = 0; page < maxPages; page++) {
    const answer = await link.request(
      {
        id: link.mint(),
        method: source.method,
        params: ownParams(link, cursor === undefined ? {} : { cursor }),
        timeoutMs,
        maxTimeMs: timeoutMs,
        cancellation: never,
      },
      { onMessage: () => undefined, onRequest: () => Promise.resolve(notNow) },
    );
    if (answer.kind === 'failure') return answer;
    room.bytes -= answer.message.bytes.byteLength;
    if (room.bytes < 0) {
      const detail = `more than ${maxBytes} bytes in all`;
      return { kind: 'failure', failure: linkFailure('too-large', `its lists are too large: ${detail}`) };
    }
    const result = answer.message.value['result'];
    if (!isObject(result) || !Array.isArray(result[source.member])) {
      return { kind: 'failure', failure: linkFailure('bad-answer', `${source.method} was not answered with a list`) };
    }
    // Only the definitions outlive the page: its bytes and the rest of its value are let go with it.
    for (const definition of result[source.member] as readonly unknown[]) {
      if (isObject(definition) && into.length < maxDefinitions) into.push(definition);
    }
    const given = result['ttlMs'];
    // A bound that makes no sense is none to rely on, so such a list is read again soon.
    if (given !== undefined) ttlMs = Math.min(ttlMs ?? Number.MAX_SAFE_INTEGER, isTtl(given) ? given : 0);
    const next = result['nextCursor'];
    if (typeof next !== 'string' || seen.has(next)) return { kind: 'pages', ttlMs };
    seen.add(next);
    cursor = next;
  }
  return { kind: 'pages', ttlMs };
}

const notNow = {
  kind: 'error' as const,
  body: Buffer.from('{"code":-32601,"message":"Nobody can be asked while lists are read"}'),
};
