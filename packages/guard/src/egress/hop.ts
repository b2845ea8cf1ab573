/** One request to one address and its answer: no redirects, everything bounded, nothing thrown. */
import type { Dispatcher } from 'undici';
import { collectBody, type BodyCollector } from './decoding.ts';
import { EgressError } from './egress-error.ts';
import { troubleOf } from './trouble.ts';

/** What one address said. */
export interface HopAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** One request to one address. */
export interface Hop {
  readonly url: URL;
  readonly method: Dispatcher.HttpMethod;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | undefined;
  readonly maxBytes: number;
  /** Ends the wait; its reason is an `EgressError`. */
  readonly signal: AbortSignal;
}

/** Sends a request over a pool and resolves with what came of it. */
export function sendHop(pool: Dispatcher, hop: Hop): Promise<HopAnswer | EgressError> {
  return new Promise((resolve) => {
    const receiving = new Receiving(hop, resolve);
    const { url, method, headers, body } = hop;
    pool.dispatch({ method, path: url.pathname + url.search, headers, body: body ?? null }, receiving);
  });
}

/** Statuses whose body is of no use: the next hop or the fault says it all. */
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** Says whether an answer leads elsewhere. */
export function isRedirect(answer: HopAnswer): boolean {
  return REDIRECTS.has(answer.status) && answer.headers['location'] !== undefined;
}

class Receiving implements Dispatcher.DispatchHandler {
  readonly #hop: Hop;
  readonly #resolve: (outcome: HopAnswer | EgressError) => void;
  readonly #onAbort: () => void;
  #controller: Dispatcher.DispatchController | undefined;
  #status = 0;
  #headers: Record<string, string> = {};
  #body: BodyCollector | undefined;
  #isSettled = false;

  constructor(hop: Hop, resolve: (outcome: HopAnswer | EgressError) => void) {
    this.#hop = hop;
    this.#resolve = resolve;
    this.#onAbort = () => this.#settle(hop.signal.reason as EgressError);
    hop.signal.addEventListener('abort', this.#onAbort, { once: true });
    if (hop.signal.aborted) this.#onAbort();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#isSettled) controller.abort(new Error('no longer needed'));
    else this.#controller = controller;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    if (status < 200 || this.#isSettled) return;
    this.#status = status;
    this.#headers = joined(headers);
    const host = this.#hop.url.host;
    if (isRedirect(this.#answer(EMPTY))) {
      this.#settle(this.#answer(EMPTY));
      return;
    }
    const body = collectBody(this.#headers['content-encoding'], this.#hop.maxBytes, host, {
      onBody: (bytes) => this.#settle(this.#answer(bytes)),
      onFault: (fault) => this.#settle(fault),
    });
    if (body instanceof EgressError) this.#settle(body);
    else this.#body = body;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#body?.push(chunk);
  }

  onResponseEnd(): void {
    // What unpacks is still at work; the connection is free already.
    this.#controller = undefined;
    this.#body?.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    this.#settle(troubleOf(error, this.#hop.url));
  }

  #answer(body: Uint8Array): HopAnswer {
    return { status: this.#status, headers: this.#headers, body };
  }

  #settle(outcome: HopAnswer | EgressError): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#hop.signal.removeEventListener('abort', this.#onAbort);
    this.#body?.stop();
    this.#controller?.abort(new Error('no longer needed'));
    this.#resolve(outcome);
  }
}

const EMPTY = new Uint8Array();

function joined(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) found[name] = typeof value === 'string' ? value : value.join(', ');
  }
  return found;
}
