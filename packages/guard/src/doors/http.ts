/**
 * The Streamable HTTP door for callers of both eras. It turns a request into an exchange and a reply into bytes; every
 * judgement is a stage's. Streams of legacy callers can be resumed.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { LATEST_LEGACY_REVISION } from '@sallyport/protocol';
import type { Admitted, CallerStream, HttpHead, Received, Replied, Reply } from '../exchange.ts';
import { endExchange, runExchange, runHead } from '../pipeline.ts';
import { isRefusal, refuse, type Refusal } from '../refusals.ts';
import type { Rules } from '../rules.ts';
import { accessHeaders } from './cors.ts';
import { onCredentialEnd } from './credential-end.ts';
import { noteStatus } from './door.ts';
import type { EventLog, EventSink } from './event-log.ts';
import { boundLast, EventStream, type EventStreamOptions } from './event-stream.ts';
import { watchHeld, type Held } from './held-stream.ts';
import { endWhenSpent } from './pace.ts';
import { readHead, receiveRequest, type Arrival, type HttpContext } from './request.ts';
import { headersUnder } from './security-headers.ts';
import { Session } from './session.ts';

/** Serves one request to its end. */
export async function serveHttp(
  request: IncomingMessage,
  response: ServerResponse,
  arrival: Arrival,
  rules: Rules,
  context: HttpContext,
  options: EventStreamOptions,
): Promise<void> {
  const head = readHead(request, arrival);
  const stream = new HttpStream(response, head, options);
  const exchange: HttpExchange = receiveRequest(request, arrival, head, rules, stream, context);
  stream.exchange = exchange;
  let hasEnded = false;
  // A call takes its caller's place until it has ended and its answer is out, or never will be.
  let forgetHeld: (() => void) | undefined;
  stream.onOpened = (held, end) => {
    forgetHeld ??= watchHeld(held, request, end, context);
  };
  response.once('close', () => {
    forgetHeld?.();
    stream.lose();
    if (hasEnded) exchange.lease?.release();
  });
  let replied: Replied | undefined;
  try {
    // Only POST carries a message; GET and DELETE speak about a session.
    replied =
      head.method === 'GET' || head.method === 'DELETE'
        ? await serveSession(exchange, stream, context)
        : await runExchange(exchange, context.ports);
  } finally {
    hasEnded = true;
    if (response.closed) exchange.lease?.release();
  }
  if (replied === undefined) return;
  if (!request.complete && !stream.isOpen) response.shouldKeepAlive = false;
  endWhenSpent(request, response, replied, context);
  stream.finish(replied.reply);
}

/** An exchange of this door, with what later stages may have added. */
type HttpExchange = Received & Partial<Pick<Admitted, 'lease' | 'quota' | 'principal' | 'era' | 'session' | 'message'>>;

/** Opens or resumes an event stream of a session (GET), or ends the session (DELETE). */
async function serveSession(
  exchange: HttpExchange,
  stream: HttpStream,
  context: HttpContext,
): Promise<Replied | undefined> {
  const judged = await runHead(exchange, context.ports);
  const refused = (refusal: Refusal): Promise<Replied> =>
    endExchange(Object.assign(exchange, { refusal }), context.ports);
  if (isRefusal(judged)) return refused(judged);
  const { head } = exchange;
  const identified = judged as Parameters<typeof context.sessions.find>[1];
  const session = context.sessions.find(head?.headers['mcp-session-id'] ?? '', identified);
  if (session === undefined || head?.repeated.has('mcp-session-id') === true) return refused(refuse('unknown-session'));
  if (head?.method === 'DELETE') {
    noteStatus(exchange, 'session ended', context);
    // 204 means that it stays ended.
    if (!(await context.sessions.end(session, 'ended by the caller'))) {
      return refused(refuse('unavailable', { note: 'the end of the session could not be written' }));
    }
    const { id, rules } = exchange;
    const headers = ['Sallyport-Exchange', id, ...headersUnder(rules), ...accessHeaders(head, rules)];
    stream.finish({ status: 204, headers });
    return undefined;
  }
  if (!stream.isOpenable) return refused(refuse('method-not-allowed'));
  const last = head?.headers['last-event-id'];
  const found = last === undefined ? undefined : session.events?.find(last);
  if (last !== undefined && (found === undefined || head?.repeated.has('last-event-id') === true)) {
    return refused(refuse('bad-handle', { fill: { handle: 'Last-Event-ID' } }));
  }
  noteStatus(exchange, found === undefined ? 'stream opened' : 'stream resumed', context);
  stream.show(session);
  if (found === undefined) stream.begin(session);
  else stream.take(found.log, (sink) => found.resume(sink));
  if (found === undefined || found.log.kind === 'session') session.attach(stream);
  const unwatch = session.onClose(() => stream.end());
  const { expiresAt } = identified.principal;
  const unexpire = onCredentialEnd(expiresAt, context.ports.clock.now(), () => stream.end());
  stream.onLost = () => {
    unwatch();
    unexpire();
    session.detach(stream);
    noteStatus(exchange, 'stream closed', context);
  };
  return undefined;
}

/** True for revisions in which streams of Streamable HTTP have event ids. */
function hasEventIds(revision: string): boolean {
  return revision > '2024-11-05' && revision <= LATEST_LEGACY_REVISION;
}

/** The caller's side of one request. */
class HttpStream implements CallerStream {
  exchange: HttpExchange | undefined = undefined;
  onLost: (() => void) | undefined = undefined;
  /** Hears of a stream that stays open for its own sake, not for the answer to a call, and how to end it. */
  onOpened: ((held: Held, end: () => void) => void) | undefined = undefined;
  private readonly response: ServerResponse;
  private readonly options: EventStreamOptions;
  private readonly acceptsStream: boolean;
  private events: EventStream | undefined = undefined;
  private log: EventLog | undefined = undefined;
  private sink: EventSink | undefined = undefined;
  private isOver = false;

  constructor(response: ServerResponse, head: HttpHead, options: EventStreamOptions) {
    this.response = response;
    this.options = options;
    const accept = head.headers['accept'];
    this.acceptsStream = accept !== undefined && (accept.includes('text/event-stream') || accept.includes('*/*'));
  }

  get isOpen(): boolean {
    return this.events !== undefined;
  }

  /** A stream that its caller may come back to takes messages even while nobody is there. */
  get isOpenable(): boolean {
    return this.log !== undefined || (this.acceptsStream && !this.isOver);
  }

  open(): void {
    if (this.isOpen || !this.isOpenable) return;
    const session = this.exchange?.session;
    this.show(session);
    if (this.exchange?.era === 'legacy' && session instanceof Session) this.begin(session);
  }

  /** Sends the head of the stream. */
  show(session: { readonly owner: string } | undefined): void {
    const { exchange } = this;
    if (exchange === undefined) return;
    this.events = new EventStream(this.response, this.options);
    this.events.open(exchange, exchange.principal?.id ?? session?.owner ?? '', exchange.quota);
    const { head, door, path, address, principal, message, cancellation } = exchange;
    if (head === undefined || principal === undefined) return;
    const held = { head, door, path, address, roles: principal.roles };
    if (head.method === 'GET') this.onOpened?.(held, () => this.end());
    else if (message?.method === 'subscriptions/listen') {
      this.onOpened?.(held, () => cancellation.cancel('the caller may not call any more'));
    }
  }

  /** Makes this a stream of the session that can be resumed, where its revision knows how. */
  begin(session: Session): void {
    const { exchange } = this;
    const revision = session.revision ?? '';
    if (exchange === undefined || !hasEventIds(revision)) return;
    const log = session.events?.open(exchange.id, exchange.head?.method === 'GET' ? 'session' : 'request');
    if (log === undefined) return;
    this.take(log, (sink) => log.attach(sink));
    // Older callers take an event without data for a broken message.
    if (revision === LATEST_LEGACY_REVISION) this.events?.prime(log.firstId);
  }

  /** Carries the events of a log from now on. */
  take(log: EventLog, begin: (sink: EventSink) => void): void {
    this.log = log;
    this.sink = {
      event: (message, id) => this.events?.event(message, id),
      end: () => this.close(),
    };
    begin(this.sink);
  }

  send(message: Uint8Array): void {
    this.open();
    if (this.log !== undefined) this.log.append(message);
    else this.events?.event(message);
  }

  /** Writes the reply as one JSON body, or as the last event of an open stream. */
  finish(reply: Reply): void {
    if (this.log !== undefined) {
      if (reply.body !== undefined) this.log.append(reply.body);
      this.log.end();
      return;
    }
    if (this.isOver) return;
    if (this.events !== undefined) {
      if (reply.body !== undefined) this.events.event(reply.body);
      this.close();
      return;
    }
    this.isOver = true;
    if (reply.parts !== undefined) {
      this.endInParts(reply, reply.parts);
      return;
    }
    const { body } = reply;
    if (body === undefined) {
      this.response.writeHead(reply.status, [...reply.headers, 'Content-Length', '0']);
      this.response.end();
      return;
    }
    this.response.writeHead(reply.status, [...reply.headers, 'Content-Length', String(body.length)]);
    this.response.end(body);
    boundLast(this.response, this.options.stallMs);
  }

  /** The parts leave in one write of the socket, without having been copied into one. */
  private endInParts({ status, headers }: Reply, parts: readonly Uint8Array[]): void {
    let length = 0;
    for (const part of parts) length += part.length;
    this.response.writeHead(status, [...headers, 'Content-Length', String(length)]);
    for (const part of parts) this.response.write(part);
    this.response.end();
    boundLast(this.response, this.options.stallMs);
  }

  /** Ends the connection; a stream that can be resumed waits for its caller. */
  end(): void {
    if (this.sink !== undefined) this.log?.detach(this.sink);
    this.close();
  }

  private close(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.events?.end();
  }

  /** The connection is gone. For a modern caller that is how it cancels; a legacy caller's call runs on. */
  lose(): void {
    if (this.sink !== undefined) this.log?.detach(this.sink);
    this.onLost?.();
    if (this.isOver) return;
    this.isOver = true;
    if (this.exchange?.era === 'modern') this.exchange.cancellation.cancel('the caller closed the connection');
  }
}
