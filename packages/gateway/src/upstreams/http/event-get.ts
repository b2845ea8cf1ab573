/** One GET that a legacy server answers with a stream of events (2025-11-25 transports, listening and resuming). */
import { SseParser } from '@sallyport/protocol';
import type { Dispatcher } from 'undici';
import type { Endpoint } from './endpoint.ts';
import { single, type ResponseHeaders } from './trouble.ts';

/** How a GET ended. `status` is 0 when no answer came. */
export interface EventGetEnd {
  readonly status: number;
  /** The server opened a stream of events. */
  readonly isStream: boolean;
  readonly error: Error | undefined;
}

/** Returns a parser of events that each hold at most one message. */
export const createEventParser = (messageBytes: number): SseParser =>
  new SseParser({ maxLineBytes: messageBytes + FIELD_BYTES, maxEventBytes: messageBytes });

/** Room for a field's name beside a message that takes a whole line. */
const FIELD_BYTES = 64;

/** Hears the events of one GET. */
export interface EventGetListener {
  onOpen(): void;
  /** Bytes came, if only those of a comment. */
  onSign?(): void;
  /** The stream said where messages go (2024-11-05 transports). */
  onEndpoint?(data: Uint8Array): void;
  onMessage(bytes: Uint8Array): void;
  /** Called once. */
  onEnd(end: EventGetEnd): void;
}

/** One GET for events. */
export class EventGet implements Dispatcher.DispatchHandler {
  readonly #listener: EventGetListener;
  readonly #events: SseParser;
  #controller: Dispatcher.DispatchController | undefined;
  #status = 0;
  #isStream = false;
  #isStopped = false;

  constructor(endpoint: Endpoint, headers: string[], listener: EventGetListener) {
    this.#listener = listener;
    this.#events = createEventParser(endpoint.tuning.messageBytes);
    endpoint.streams.dispatch({ method: 'GET', path: endpoint.path, headers }, this);
  }

  /** Where to resume; empty when the stream has named no event. */
  get lastEventId(): string {
    return this.#events.lastEventId;
  }

  /** How long the server wants to be left alone after a break, milliseconds. */
  get retryMs(): number | undefined {
    return this.#events.retryMs;
  }

  /** Ends the stream without another call to the listener. */
  stop(): void {
    this.#isStopped = true;
    this.#controller?.abort(new Error('no longer needed'));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#isStopped) controller.abort(new Error('no longer needed'));
    else this.#controller = controller;
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: ResponseHeaders): void {
    if (status < 200) return;
    this.#status = status;
    const type = single(headers, 'content-type')?.toLowerCase() ?? '';
    this.#isStream = status === 200 && type.startsWith('text/event-stream');
    if (this.#isStream) this.#listener.onOpen();
    else this.#finish(undefined, controller);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#isStopped) return;
    this.#listener.onSign?.();
    for (const item of this.#events.push(chunk)) {
      if (this.#isStopped) return;
      if (item.kind === 'fault') this.#finish(new Error('an event is too large'), controller);
      else if (item.event === 'message' && item.data.length > 0) this.#listener.onMessage(item.data);
      else if (item.event === 'endpoint') this.#listener.onEndpoint?.(item.data);
    }
  }

  onResponseEnd(): void {
    this.#finish(undefined, undefined);
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    this.#finish(error, undefined);
  }

  #finish(error: Error | undefined, controller: Dispatcher.DispatchController | undefined): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    controller?.abort(new Error('no longer needed'));
    this.#listener.onEnd({ status: this.#status, isStream: this.#isStream, error });
  }
}
