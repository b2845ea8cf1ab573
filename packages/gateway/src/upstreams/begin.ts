/**
 * How a conversation begins, over any channel (2026-07-28 versioning, stdio): `server/discover` first; silence, an error
 * that is not a modern one, or a server that ends means legacy.
 */
import { MODERN_REVISION, type Era } from '@sallyport/protocol';
import type { Channel } from './channel.ts';
import { Conversation } from './conversation.ts';
import { discoverParams, initializeParams, readDiscover, readInitialize } from './handshake.ts';
import { linkFailure, type Link, type LinkAnswer, type LinkFailure, type LinkPeer } from './link.ts';
import type { OpenOptions } from './options.ts';
import { pause, type UpstreamPorts } from './ports.ts';
import type { EraWish, Opening } from './transport.ts';

/** The server answered, but not so that a conversation can begin. */
export interface Unusable {
  readonly kind: 'unusable';
  /** For the log only. */
  readonly detail: string;
  /** It answered as only a modern server does. */
  readonly isModern: boolean;
  /** The status of the answer, over HTTP. */
  readonly httpStatus?: number | undefined;
}

/** What a handshake came to. */
export type Outcome =
  | { readonly kind: 'ready'; readonly era: Era; readonly revision: string; readonly peer: LinkPeer }
  | { readonly kind: 'legacy' }
  | Unusable
  | { readonly kind: 'failure'; readonly failure: LinkFailure };

/**
 * Opens a conversation and finds out which era the server speaks.
 *
 * @param make - gives a channel that is not open yet; called again for a server that ends when it is probed
 */
export const openConversation = async (
  make: () => Channel,
  open: OpenOptions,
  ports: UpstreamPorts,
  wish: EraWish,
): Promise<Opening> => {
  if (wish === 'legacy') return openLegacy(make, open, ports);
  const link = new Conversation(make(), open, ports);
  const failure = await link.connect();
  if (failure !== undefined) return giveUp(link, failure);
  const outcome = await probe(link, open, ports);
  // Some legacy servers die of a message before initialize; those get a conversation that never sees one.
  if (outcome.kind === 'failure' && link.state === 'closed' && !open.cancellation.isCancelled) {
    await link.close();
    return openLegacy(make, open, ports);
  }
  return settle(link, outcome);
};

const openLegacy = async (make: () => Channel, open: OpenOptions, ports: UpstreamPorts): Promise<Opening> => {
  const link = new Conversation(make(), open, ports);
  const failure = await link.connect();
  if (failure !== undefined) return giveUp(link, failure);
  return settle(link, await askInitialize(link, open));
};

const settle = async (link: Conversation, outcome: Outcome): Promise<Opening> => {
  switch (outcome.kind) {
    case 'ready': {
      const failure = await link.begin(outcome.era, outcome.revision, outcome.peer);
      return failure === undefined ? { kind: 'open', link } : giveUp(link, failure);
    }
    case 'failure':
      return giveUp(link, outcome.failure);
    case 'legacy':
      return giveUp(link, unusable(link.name, 'gave no answer to server/discover or initialize'));
    case 'unusable':
      return giveUp(link, unusable(link.name, outcome.detail));
  }
};

const giveUp = async (link: Conversation, failure: LinkFailure): Promise<Opening> => {
  await link.close('the conversation could not begin');
  return { kind: 'failure', failure: { ...failure, words: link.lastWords() ?? failure.words } };
};

/** Returns the failure of a server that answers, but not so that a conversation can begin. `detail` is for the log. */
export const unusable = (name: string, detail: string): LinkFailure =>
  linkFailure('bad-answer', `${name} could not begin a conversation.`, { detail });

const send = (link: Link, method: string, params: Buffer, open: OpenOptions): Promise<LinkAnswer> => {
  const { handshakeMs: ms } = open.tuning;
  return link.request(
    { id: link.mint(), method, params, timeoutMs: ms, maxTimeMs: ms, cancellation: open.cancellation },
    { onMessage: () => {}, onRequest: () => Promise.reject(new Error('nothing is asked before the start')) },
  );
};

/** Sends `initialize` and reads what comes back. */
export const askInitialize = async (link: Link, open: OpenOptions): Promise<Outcome> => {
  const answer = await send(link, 'initialize', initializeParams(open.clientCapabilities, open.clientInfo), open);
  if (answer.kind === 'failure') return answer;
  const reading = readInitialize(answer.message);
  if (reading.kind === 'unusable') return { ...reading, httpStatus: answer.httpStatus };
  return { kind: 'ready', era: 'legacy', revision: reading.revision, peer: reading.peer };
};

/** Sends `server/discover` and reads what comes back. */
export const askDiscover = async (link: Link, open: OpenOptions): Promise<Outcome> => {
  const answer = await send(link, 'server/discover', discoverParams(open.clientInfo), open);
  if (answer.kind === 'failure') return answer;
  const verdict = readDiscover(answer.message);
  if (verdict.kind === 'unusable') return { ...verdict, isModern: true };
  if (verdict.kind === 'legacy') return verdict;
  return { kind: 'ready', era: 'modern', revision: MODERN_REVISION, peer: verdict.peer };
};

/**
 * Asks both questions where one is not enough. A server that is slow to start (package runners) stays silent at first
 * whatever its era, so after the probe's time `initialize` goes out too, and the first usable answer decides. A server
 * answers in order, so a modern one still says so first.
 */
const probe = async (link: Conversation, open: OpenOptions, ports: UpstreamPorts): Promise<Outcome> => {
  const discovered = discoverOrSilence(link, open);
  const first = await Promise.race([discovered, pause(ports.timers, open.tuning.probeMs)]);
  if (first !== undefined) return first.kind === 'legacy' ? askInitialize(link, open) : first;
  const initialized = askInitialize(link, open);
  const second = await Promise.race([discovered, initialized]);
  if (second.kind === 'ready') return second;
  const outcome = await initialized;
  return outcome.kind === 'ready' ? outcome : await discovered;
};

const discoverOrSilence = async (link: Conversation, open: OpenOptions): Promise<Outcome> => {
  const outcome = await askDiscover(link, open);
  return outcome.kind === 'failure' && outcome.failure.reason === 'timeout' ? { kind: 'legacy' } : outcome;
};
