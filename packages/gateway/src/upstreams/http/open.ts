/**
 * Opens conversations with a server at an HTTP URL: asks which era it speaks and how (2026-07-28 versioning, backwards
 * compatibility): a modern request, then `initialize`, then the event stream of 2024-11-05, and begins in what fits.
 */
import { askDiscover, unusable, type Outcome } from '../begin.ts';
import { linkFailure, type LinkFailure } from '../link.ts';
import type { OpenOptions, Tuning } from '../options.ts';
import type { UpstreamPorts } from '../ports.ts';
import { openSse } from '../sse/open.ts';
import type { EraWish, Opening, Transport } from '../transport.ts';
import { closeEndpoint, createEndpoint, type Endpoint } from './endpoint.ts';
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
  const endpoint = createEndpoint(name, options, tuning, ports);
  const ladder = new Ladder(endpoint);
  return {
    kind: 'http',
    open: (open, wish) => ladder.open(open, wish),
    recheck: (open) => ladder.isModern(open),
    close: () => closeEndpoint(endpoint),
  };
};

/** Statuses with which servers that do not know Streamable HTTP answer a POST. */
const NOT_STREAMABLE: ReadonlySet<number | undefined> = new Set([400, 404, 405]);

/** The ways to speak to a server at a URL, tried from the newest to the oldest. */
class Ladder {
  readonly #endpoint: Endpoint;
  /** Monotonic time until which the server is taken for one that speaks HTTP+SSE only. */
  #sseUntil = -Infinity;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
  }

  async open(open: OpenOptions, wish: EraWish): Promise<Opening> {
    if (wish === 'legacy') return this.#openLegacy(open, []);
    const link = new ModernHttpLink(this.#endpoint, open);
    const outcome = await askDiscover(link, open);
    if (outcome.kind === 'ready') {
      link.peer = outcome.peer;
      return { kind: 'open', link };
    }
    await link.close();
    if (outcome.kind === 'unusable') {
      const text = `${link.name} speaks no revision of the protocol that Sallyport knows.`;
      return { kind: 'failure', failure: linkFailure('bad-answer', text, { detail: outcome.detail }) };
    }
    // A connection that fails says nothing about the era; any answer that is not recognisably modern means legacy.
    if (outcome.kind === 'failure' && outcome.failure.reason !== 'bad-answer') return outcome;
    this.#sseUntil = -Infinity;
    return this.#openLegacy(open, [`server/discover: ${reasonIn(outcome)}`]);
  }

  async isModern(open: OpenOptions): Promise<boolean> {
    const link = new ModernHttpLink(this.#endpoint, open);
    const outcome = await askDiscover(link, open);
    await link.close();
    return outcome.kind === 'ready';
  }

  /** @param tried what was tried before, and what came of it */
  async #openLegacy(open: OpenOptions, tried: readonly string[]): Promise<Opening> {
    const { clock } = this.#endpoint.ports;
    if (clock.monotonic() < this.#sseUntil) {
      const opening = await openSse(this.#endpoint, open);
      if (opening.kind === 'open' || !isRefusal(opening.failure)) return opening;
      this.#sseUntil = -Infinity;
    }
    const link = new LegacyHttpLink(this.#endpoint, open);
    const outcome = await link.initialize(open);
    if (outcome.kind === 'ready') return { kind: 'open', link };
    await link.close('the conversation could not begin');
    if (!mayBeSse(outcome)) return { kind: 'failure', failure: failureOf(link.name, outcome) };
    const opening = await openSse(this.#endpoint, open);
    if (opening.kind === 'open') this.#sseUntil = clock.monotonic() + this.#endpoint.tuning.verdictMs;
    if (opening.kind === 'open' || !isRefusal(opening.failure)) return opening;
    const steps = [...tried, `initialize: ${reasonIn(outcome)}`, `event stream: ${String(opening.failure.detail)}`];
    const text = `${link.name} does not speak MCP at this URL.`;
    return { kind: 'failure', failure: linkFailure('bad-answer', text, { detail: steps.join(', ') }) };
  }
}

type Fault = Exclude<Outcome, { kind: 'ready' }>;

/** What an outcome says in the log. */
const reasonIn = (outcome: Fault): string => {
  if (outcome.kind === 'failure') return outcome.failure.detail ?? outcome.failure.text;
  return outcome.kind === 'unusable' ? outcome.detail : 'no modern answer';
};

const failureOf = (name: string, outcome: Fault): LinkFailure =>
  outcome.kind === 'failure' ? outcome.failure : unusable(name, reasonIn(outcome));

/** A modern server may refuse `initialize` with these statuses too, but says so in a way of its own. */
const mayBeSse = (outcome: Fault): boolean => {
  if (outcome.kind === 'failure') return NOT_STREAMABLE.has(outcome.failure.httpStatus);
  return outcome.kind === 'unusable' && !outcome.isModern && NOT_STREAMABLE.has(outcome.httpStatus);
};

/** The server is there and says that it has no such stream. */
const isRefusal = ({ reason, httpStatus }: LinkFailure): boolean =>
  reason === 'bad-answer' && httpStatus !== undefined && (httpStatus < 300 || httpStatus >= 400);
