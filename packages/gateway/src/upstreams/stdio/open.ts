/**
 * Starts a local server and finds out which era it speaks (2026-07-28 versioning, stdio): `server/discover` first;
 * silence, an error that is not a modern one, or a crash means legacy.
 */
import { MODERN_REVISION, type Era } from '@sallyport/protocol';
import { discoverParams, initializeParams, readDiscover, readInitialize } from '../handshake.ts';
import { linkFailure, type LinkAnswer, type LinkFailure, type LinkPeer } from '../link.ts';
import type { OpenOptions } from '../options.ts';
import { pause, type UpstreamPorts } from '../ports.ts';
import type { EraWish, Opening, Transport } from '../transport.ts';
import { childEnvironment } from './environment.ts';
import { StdioLink } from './link.ts';
import type { StdioOptions } from './options.ts';
import { prepareCommand, type Prepared } from './prepare.ts';
import { createRedaction } from './redact.ts';
import { createLastWords, readStderr } from './stderr.ts';

const MARK_BYTES = 8;

type Ready = Extract<Prepared, { kind: 'command' }>;

/**
 * Returns the stdio kind of upstream.
 *
 * @param name - the upstream's name, for texts
 * @param onStderr - hears each line that a server writes to its standard error
 */
export const createStdioTransport = (
  name: string,
  options: StdioOptions,
  ports: UpstreamPorts,
  onStderr: (line: string) => void,
): Transport => {
  const redact = createRedaction(options.secrets ?? []);
  const { cwd, limits } = options;
  const start = ({ command: [program, ...args], helpers }: Ready, open: OpenOptions): StdioLink => {
    const env = childEnvironment(options.env, process.env, process.platform);
    const child = ports.spawn({ program, args, env, cwd, mark: newMark(ports), limits, helpers });
    const lastWords = createLastWords();
    readStderr(child.stderr, (said) => {
      const line = redact(said);
      lastWords.hear(line);
      onStderr(line);
    });
    return new StdioLink(child, open, ports, lastWords.text);
  };
  const openLegacy = async (ready: Ready, open: OpenOptions): Promise<Opening> => {
    const link = start(ready, open);
    return settle(link, name, await initialize(link, open));
  };
  return {
    kind: 'stdio',
    async open(open: OpenOptions, wish: EraWish): Promise<Opening> {
      const ready = await prepareCommand(options);
      if (ready.kind === 'fault') {
        const detail = `${ready.message}: ${ready.wayOut}`;
        return { kind: 'failure', failure: linkFailure('unreachable', `${name} could not be started.`, { detail }) };
      }
      if (wish === 'legacy') return openLegacy(ready, open);
      const link = start(ready, open);
      const outcome = await probe(link, open, ports);
      // Some legacy servers die of a message before initialize; those get a process that never sees one.
      if (outcome.kind === 'failure' && outcome.failure.reason === 'closed') {
        await link.close();
        return openLegacy(ready, open);
      }
      return settle(link, name, outcome);
    },
    close: () => Promise.resolve(),
  };
};

const newMark = ({ mark, random }: UpstreamPorts): string =>
  `${mark}.${Buffer.from(random.bytes(MARK_BYTES)).toString('hex')}`;

/** What the handshake came to. */
type Outcome =
  | { readonly kind: 'ready'; readonly era: Era; readonly revision: string; readonly peer: LinkPeer }
  | { readonly kind: 'legacy' }
  | { readonly kind: 'unusable'; readonly detail: string }
  | { readonly kind: 'failure'; readonly failure: LinkFailure };

const settle = async (link: StdioLink, name: string, outcome: Outcome): Promise<Opening> => {
  let failure: LinkFailure | undefined;
  switch (outcome.kind) {
    case 'ready':
      failure = await link.begin(outcome.era, outcome.revision, outcome.peer);
      break;
    case 'failure':
      failure = outcome.failure;
      break;
    case 'legacy':
    case 'unusable': {
      const detail = outcome.kind === 'unusable' ? outcome.detail : 'gave no answer to server/discover or initialize';
      failure = linkFailure('bad-answer', `${name} could not begin a conversation.`, { detail });
    }
  }
  if (failure === undefined) return { kind: 'open', link };
  await link.close('the conversation could not begin');
  return { kind: 'failure', failure: { ...failure, words: link.lastWords() } };
};

const send = (link: StdioLink, method: string, params: Buffer, open: OpenOptions): Promise<LinkAnswer> => {
  const { handshakeMs: ms } = open.tuning;
  return link.request(
    { id: link.mint(), method, params, timeoutMs: ms, maxTimeMs: ms, cancellation: open.cancellation },
    { onMessage: () => {}, onRequest: () => Promise.reject(new Error('nothing is asked before the start')) },
  );
};

const initialize = async (link: StdioLink, open: OpenOptions): Promise<Outcome> => {
  const params = initializeParams(open.clientCapabilities, open.clientInfo);
  const answer = await send(link, 'initialize', params, open);
  if (answer.kind === 'failure') return answer;
  const reading = readInitialize(answer.message);
  if (reading.kind === 'unusable') return reading;
  return { kind: 'ready', era: 'legacy', revision: reading.revision, peer: reading.peer };
};

const discover = async (link: StdioLink, open: OpenOptions): Promise<Outcome> => {
  const answer = await send(link, 'server/discover', discoverParams(open.clientInfo), open);
  if (answer.kind === 'failure') return answer.failure.reason === 'timeout' ? { kind: 'legacy' } : answer;
  const verdict = readDiscover(answer.message);
  if (verdict.kind !== 'modern') return verdict;
  return { kind: 'ready', era: 'modern', revision: MODERN_REVISION, peer: verdict.peer };
};

/**
 * Asks both questions where one is not enough. A server that is slow to start (package runners) stays silent at first
 * whatever its era, so after the probe's time `initialize` goes out too, and the first usable answer decides. A server
 * answers in order, so a modern one still says so first.
 */
const probe = async (link: StdioLink, open: OpenOptions, ports: UpstreamPorts): Promise<Outcome> => {
  const discovered = discover(link, open);
  const first = await Promise.race([discovered, pause(ports.timers, open.tuning.probeMs)]);
  if (first !== undefined) return first.kind === 'legacy' ? initialize(link, open) : first;
  const initialized = initialize(link, open);
  const second = await Promise.race([discovered, initialized]);
  if (second.kind === 'ready') return second;
  const outcome = await initialized;
  return outcome.kind === 'ready' ? outcome : await discovered;
};
