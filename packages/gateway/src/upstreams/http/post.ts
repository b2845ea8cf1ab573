/**
 * One POST that carries a request, as an undici dispatch handler: the answer is JSON in one piece or a stream of events
 * (transports, Streamable HTTP). No readable stream and no copy stand between the socket and the answer.
 */
import { LineBuffer, readMessage, type JsonBounds, type Message, type SseParser } from '@sallyport/protocol';
import type { Clock } from '@sallyport/guard';
import type { Dispatcher } from 'undici';
import { linkFailure, type LinkAnswer, type LinkFailure, type LinkListener, type LinkRequest } from '../link.ts';
import { PendingCall } from '../pending-call.ts';
import type { Timer, Timers } from '../ports.ts';
import type { Connections } from '@sallyport/guard';
import { createEventParser } from './event-get.ts';
import { connectionFailure, statusFailure, type ResponseHeaders } from './trouble.ts';

/** What the two eras do differently with a POST, and what they share. */
export interface PostOwner {
  readonly name: string;
  readonly timers: Timers;
  readonly clock: Clock;
  readonly messageBytes: number;
  readonly bounds: JsonBounds;
  /** Takes our own secrets out of what the server says. */
  readonly redact: (text: string) => string;
  /** The server asks something on this request's stream. */
  onServerRequest(post: Post, message: Message): void;
  /**
   * The stream ended before the answer.
   *
   * @param lastEventId - where to resume; empty when the stream named no event
   * @param retryMs - how long the server wants to be left alone
   * @returns true when the owner goes on with the call by other means
   */
  onStreamCut(post: Post, lastEventId: string, retryMs: number | undefined): boolean;
  /** The wait ended without an answer; the connection is cut after this. */
  onAbandoned(post: Post, failure: LinkFailure): void;
  /** An error status. Returns the failure that the era reads in it, or undefined for the common reading. */
  onErrorStatus(status: number): LinkFailure | undefined;
  /** Headers of a usable answer arrived. */
  onHeaders?(headers: ResponseHeaders): void;
}

/** How long the stream may stay open after the answer, so that its connection can be used again. */
const LINGER_MS = 1_000;
const ERROR_BODY_BYTES = 64 * 1024;

/** What kind of body is being read. */
type Mode = 'json' | 'events' | 'error' | 'ignored';

/** One POST that carries a request. */
export class Post implements Dispatcher.DispatchHandler {
  readonly call: PendingCall;
  readonly #owner: PostOwner;
  #controller: Dispatcher.DispatchController | undefined;
  #wasSent = false;
  #mode: Mode = 'ignored';
  #status = 0;
  #headers: ResponseHeaders = {};
  /** The body so far; gathered into one buffer, because a server may send a byte a piece. */
  #body: LineBuffer | undefined;
  #events: SseParser | undefined;
  #linger: Timer | undefined;

  constructor(owner: PostOwner, request: LinkRequest, listener: LinkListener, resolve: (answer: LinkAnswer) => void) {
    this.#owner = owner;
    this.call = new PendingCall(request, listener, resolve, this.#abandon, owner);
  }

  /** Sends the request, unless the caller has given up already. */
  send(client: Connections, path: string, headers: string[], body: Buffer): void {
    if (this.call.begin()) client.dispatch({ method: 'POST', path, headers, body }, this);
  }

  /** Ends the call with `failure` and cuts the connection. */
  end(failure: LinkFailure): void {
    this.call.fail(failure);
    this.#cut();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.call.isSettled) {
      controller.abort(new Error('the wait is over'));
      return;
    }
    this.#controller = controller;
    this.#wasSent = true;
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: ResponseHeaders): void {
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
    const type = headers['content-type'];
    if (headers['content-encoding'] !== undefined && headers['content-encoding'] !== 'identity') {
      this.end(linkFailure('bad-answer', `${this.#owner.name} gave no usable answer.`, { detail: 'encoded content' }));
    } else if (status >= 300) {
      this.#mode = 'error';
    } else if (isType(type, 'application/json')) {
      this.#mode = 'json';
      this.#owner.onHeaders?.(headers);
      const length = headers['content-length'];
      if (typeof length === 'string' && Number(length) > this.#owner.messageBytes) this.#tooLarge();
    } else if (isType(type, 'text/event-stream')) {
      this.#mode = 'events';
      this.#owner.onHeaders?.(headers);
      this.#events = createEventParser(this.#owner.messageBytes);
      this.call.openStream();
    } else {
      const detail = `HTTP ${status} with content type ${String(type)}`;
      this.end(linkFailure('bad-answer', `${this.#owner.name} gave no usable answer.`, { detail }));
    }
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    switch (this.#mode) {
      case 'json':
      case 'error':
        this.#collect(chunk);
        break;
      case 'events':
        this.#parse(chunk);
        break;
      case 'ignored':
        break;
    }
  }

  onResponseEnd(): void {
    this.#linger?.cancel();
    this.#controller = undefined;
    if (this.call.isSettled) return;
    switch (this.#mode) {
      case 'json':
        this.#readAnswer();
        break;
      case 'error':
        this.#readError();
        break;
      case 'events':
        this.#streamEnded(undefined);
        break;
      case 'ignored':
        break;
    }
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    this.#linger?.cancel();
    this.#controller = undefined;
    if (this.call.isSettled) return;
    if (this.#mode === 'events') this.#streamEnded(error);
    else this.call.fail(connectionFailure(this.#owner.name, error, this.#wasSent));
  }

  #collect(chunk: Buffer): void {
    this.#body ??= new LineBuffer(this.#mode === 'json' ? this.#owner.messageBytes : ERROR_BODY_BYTES);
    if (this.#body.add(chunk)) return;
    if (this.#mode === 'json') this.#tooLarge();
    else this.end(this.#commonFailure());
  }

  #whole(): Uint8Array {
    return this.#body?.take() ?? new Uint8Array(0);
  }

  #readAnswer(): void {
    const reading = readMessage(this.#whole(), this.#owner.bounds);
    if (reading.kind === 'fault') this.call.fail(this.#badAnswer(`unreadable: ${reading.fault.name}`));
    else this.#take(reading.message);
  }

  /** An error status may still carry the JSON-RPC answer; a login page or a proxy's words may not pass for one. */
  #readError(): void {
    const failure = this.#owner.onErrorStatus(this.#status);
    if (failure !== undefined) {
      this.call.fail(failure);
      return;
    }
    if (this.#status >= 400 && this.#status !== 401 && isType(this.#headers['content-type'], 'application/json')) {
      const reading = readMessage(this.#whole(), this.#owner.bounds);
      if (reading.kind === 'message' && this.#isOurError(reading.message)) {
        this.call.answer(reading.message, this.#status);
        return;
      }
    }
    this.call.fail(this.#commonFailure());
  }

  /** Under an error status the id may be missing, because the server refused before it read one. */
  #isOurError(message: Message): boolean {
    if (message.kind !== 'response') return false;
    return message.id === this.call.request.id || ((message.id ?? null) === null && message.spans.error !== undefined);
  }

  #commonFailure(): LinkFailure {
    // Not even an excerpt of the body: it may repeat arguments, and what is said here ends in the audit trail.
    const { name, clock, redact } = this.#owner;
    return statusFailure(name, this.#status, this.#headers, clock.now(), redact);
  }

  #parse(chunk: Buffer): void {
    if (this.call.isSettled) {
      this.#cut();
      return;
    }
    const events = this.#events;
    if (events === undefined) return;
    for (const item of events.push(chunk)) {
      if (this.call.isSettled) return;
      if (item.kind === 'fault') this.#tooLarge();
      else if (item.event === 'message' && item.data.length > 0) this.receive(item.data);
    }
  }

  /** Takes one message of this request's stream, wherever that stream continues. */
  receive(bytes: Uint8Array): void {
    const reading = readMessage(bytes, this.#owner.bounds);
    if (reading.kind === 'fault') {
      this.end(this.#badAnswer(`unreadable event: ${reading.fault.name}`));
      return;
    }
    const { message } = reading;
    if (message.kind === 'notification') this.call.deliver(message);
    else if (message.kind === 'request') this.#owner.onServerRequest(this, message);
    else this.#take(message);
  }

  /** The answer must carry the id that we minted, or it is someone else's. */
  #take(message: Message): void {
    if (message.kind !== 'response' || message.id !== this.call.request.id) {
      this.end(this.#badAnswer('an answer to another request'));
      return;
    }
    this.call.answer(message, this.#status);
    if (this.#mode === 'events' && this.#controller !== undefined) {
      this.#linger = this.#owner.timers.after(LINGER_MS, () => this.#cut());
    }
  }

  #streamEnded(error: Error | undefined): void {
    if (this.#owner.onStreamCut(this, this.#events?.lastEventId ?? '', this.#events?.retryMs)) return;
    const { name } = this.#owner;
    this.call.fail(
      error === undefined
        ? linkFailure('unreachable', `${name} ended the stream before its answer.`)
        : connectionFailure(name, error, true),
    );
  }

  #tooLarge(): void {
    const { name, messageBytes } = this.#owner;
    this.end(linkFailure('too-large', `${name} answered with more than ${messageBytes} bytes.`));
  }

  #badAnswer(detail: string): LinkFailure {
    return linkFailure('bad-answer', `${this.#owner.name} gave no usable answer.`, { detail });
  }

  readonly #abandon = (failure: LinkFailure): void => {
    this.#owner.onAbandoned(this, failure);
    this.#cut();
  };

  #cut(): void {
    this.#mode = 'ignored';
    this.#linger?.cancel();
    const controller = this.#controller;
    this.#controller = undefined;
    controller?.abort(new Error('the wait is over'));
  }
}

const isType = (header: string | string[] | undefined, type: string): boolean => {
  if (header === type) return true;
  if (typeof header !== 'string') return false;
  const end = header.indexOf(';');
  return (end === -1 ? header : header.slice(0, end)).trim().toLowerCase() === type;
};
