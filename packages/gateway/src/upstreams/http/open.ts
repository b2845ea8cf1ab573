/**
 * Opens conversations with an HTTP upstream: asks which era it speaks (2026-07-28 versioning, backwards compatibility)
 * and begins in that one.
 */
import { discoverParams, readDiscover, type DiscoverVerdict } from '../handshake.ts';
import { linkFailure, type LinkAnswer, type LinkFailure } from '../link.ts';
import type { OpenOptions, Tuning } from '../options.ts';
import type { UpstreamPorts } from '../ports.ts';
import type { EraWish, Opening, Transport } from '../transport.ts';
import { createChannel, type Channel } from './channel.ts';
import { LegacyHttpLink } from './legacy-link.ts';
import { ModernHttpLink } from './modern-link.ts';
import type { HttpOptions } from './options.ts';

/**
 * Returns the HTTP kind of upstream.
 *
 * @param name - the upstream's name, for texts
 */
export const createHttpTransport = (
  name: string,
  options: HttpOptions,
  tuning: Tuning,
  ports: UpstreamPorts,
): Transport => {
  const channel = createChannel(name, options, tuning, ports);
  return {
    kind: 'http',
    open: (open, wish) => openHttp(channel, open, wish),
    close: async () => {
      await Promise.all([channel.calls.destroy(), channel.streams.destroy()]);
    },
  };
};

const openHttp = async (channel: Channel, open: OpenOptions, wish: EraWish): Promise<Opening> => {
  if (wish === 'legacy') return openLegacy(channel, open);
  const link = new ModernHttpLink(channel, open);
  const { handshakeMs } = channel.tuning;
  const answer = await link.request(
    {
      id: link.mint(),
      method: 'server/discover',
      params: discoverParams(open.clientInfo),
      timeoutMs: handshakeMs,
      maxTimeMs: handshakeMs,
      cancellation: open.cancellation,
    },
    { onMessage: () => {}, onRequest: () => Promise.reject(new Error('modern servers do not ask')) },
  );
  const verdict = readProbe(answer);
  switch (verdict.kind) {
    case 'modern':
      link.peer = verdict.peer;
      return { kind: 'open', link };
    case 'legacy':
      await link.close();
      return openLegacy(channel, open);
    case 'unusable': {
      await link.close();
      const { detail } = verdict;
      const text = `${channel.name} speaks no revision of the protocol that Sallyport knows.`;
      return { kind: 'failure', failure: linkFailure('bad-answer', text, { detail }) };
    }
    case 'failure':
      await link.close();
      return verdict;
  }
};

/** What the probe came to. */
type Probe = DiscoverVerdict | { readonly kind: 'failure'; readonly failure: LinkFailure };

/** A connection that fails says nothing about the era; any answer that is not recognisably modern means legacy. */
const readProbe = (answer: LinkAnswer): Probe => {
  if (answer.kind === 'answer') return readDiscover(answer.message);
  return answer.failure.reason === 'bad-answer' ? { kind: 'legacy' } : answer;
};

const openLegacy = async (channel: Channel, open: OpenOptions): Promise<Opening> => {
  const link = new LegacyHttpLink(channel, open);
  const failure = await link.initialize(open);
  if (failure === undefined) return { kind: 'open', link };
  await link.close('the conversation could not begin');
  return { kind: 'failure', failure };
};
