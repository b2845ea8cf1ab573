/**
 * The HTTP door: Streamable HTTP for callers of both eras on node:http. It turns a request into an exchange and a
 * reply into bytes; every judgement is a stage's.
 */
import { createServer, STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { encodeSseEvent } from '@sallyport/protocol';
import { draftRecord, round } from '../audit/draft.ts';
import { createCanceller } from '../cancellation.ts';
import type { Admitted, CallerStream, DoorPath, HttpHead, Received, Replied, Reply } from '../exchange.ts';
import { endExchange, runExchange, runHead } from '../pipeline.ts';
import { isRefusal, refuse, type Refusal } from '../refusals.ts';
import type { Rules } from '../rules.ts';
import type { DoorContext } from './door.ts';

/** Where to listen, and how patient to be. Times in milliseconds. */
export interface HttpDoorOptions {
  readonly host: string;
  readonly port: number;
  /** Between two comments on an event stream that has nothing to say; default 15,000. */
  readonly keepAliveMs?: number;
  /** Bytes waiting for a caller that does not read before its request is cancelled; default 16 MiB. */
  readonly maxWaitingBytes?: number;
}

/** An open HTTP door. */
export interface HttpDoor {
  readonly host: string;
  readonly port: number;
  /** Stops listening, lets running exchanges end until the deadline, then cuts them. */
  close(deadlineMs: number): Promise<void>;
}

/** Requests whose head is larger are answered 431 by the parser. */
const maxHeaderBytes = 16 * 1024;

/**
 * Opens the door.
 *
 * @param context - rules, ports and sessions
 * @param options - where to listen
 * @returns the door, once it listens; rejects when the address cannot be had
 */
export async function openHttpDoor(context: DoorContext, options: HttpDoorOptions): Promise<HttpDoor> {
  const { limits } = context.rules();
  const streamOptions: StreamOptions = { ...options, stallMs: limits.requestTimeoutMs };
  const server = createServer(
    {
      maxHeaderSize: maxHeaderBytes,
      requestTimeout: limits.requestTimeoutMs,
      headersTimeout: limits.requestTimeoutMs,
      connectionsCheckingInterval: Math.min(1000, limits.requestTimeoutMs),
      keepAliveTimeout: 72_000,
      noDelay: true,
      joinDuplicateHeaders: false,
    },
    (request, response) => {
      // A rejection here is a bug that no stage could turn into an answer; the caller sees a broken connection.
      serve(request, response, context, streamOptions).catch(() => response.destroy());
    },
  );
  server.on('clientError', answerUnreadable);
  server.on('connect', (_, socket) => socket.end(bareAnswer(405)));
  server.on('dropRequest', (_, socket) => socket.destroy());
  await listen(server, options);
  const address = server.address() as AddressInfo;
  return {
    host: options.host,
    port: address.port,
    close: (deadlineMs) => close(server, deadlineMs),
  };
}

function listen(server: Server, options: HttpDoorOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function close(server: Server, deadlineMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), deadlineMs);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  context: DoorContext,
  options: StreamOptions,
): Promise<void> {
  const rules = context.rules();
  const head = readHead(request);
  const stream = new HttpStream(response, head, options);
  const exchange: Received & Partial<Pick<Admitted, 'lease'>> = receiveHttp(request, head, rules, stream, context);
  stream.exchangeId = exchange.id;
  let hasEnded = false;
  // A call takes its caller's place until it has ended and its answer is out, or never will be.
  response.once('close', () => {
    stream.lose(exchange);
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
  stream.finish(replied.reply);
}

function receiveHttp(
  request: IncomingMessage,
  head: HttpHead,
  rules: Rules,
  stream: HttpStream,
  context: DoorContext,
): Received {
  const { clock } = context.ports;
  const started = clock.monotonic();
  return {
    id: context.nextId(),
    door: 'http',
    path: readPath(head.target) ?? { kind: 'all' },
    rules,
    time: clock.now(),
    started,
    address: addressKey(request.socket.remoteAddress ?? ''),
    head,
    cancellation: createCanceller(),
    caller: stream,
    readBody: () => readBody(request, rules.limits.body),
    marks: [],
  };
}

/** Opens the event stream of a session (GET), or ends the session (DELETE). */
async function serveSession(
  exchange: Received,
  stream: HttpStream,
  context: DoorContext,
): Promise<Replied | undefined> {
  const judged = await runHead(exchange, context.ports);
  const refused = (refusal: Refusal): Promise<Replied> =>
    endExchange(Object.assign(exchange, { refusal }), context.ports);
  if (isRefusal(judged)) return refused(judged);
  const identified = judged as Parameters<typeof context.sessions.find>[1];
  const id = exchange.head?.headers['mcp-session-id'] ?? '';
  const session = context.sessions.find(id, identified);
  if (session === undefined || exchange.head?.repeated.has('mcp-session-id') === true) {
    return refused(refuse('unknown-session'));
  }
  if (exchange.head?.method === 'DELETE') {
    noteStream(exchange, 'session ended', context);
    context.sessions.end(session, 'ended by the caller');
    stream.finish({ status: 204, headers: ['Sallyport-Exchange', exchange.id] });
    return undefined;
  }
  if (!stream.isOpenable) return refused(refuse('method-not-allowed'));
  noteStream(exchange, 'stream opened', context);
  session.attach(stream);
  const forget = session.onClose(() => stream.end());
  stream.onLost = () => {
    forget();
    session.detach(stream);
    noteStream(exchange, 'stream closed', context);
  };
  return undefined;
}

/** What has no message still leaves a record. */
function noteStream(exchange: Received, status: string, { ports }: DoorContext): void {
  const ms = round(ports.clock.monotonic() - exchange.started);
  ports.audit.append({ ...draftRecord('outcome', exchange), outcome: { status, ms } });
}

const pathPattern = /^\/mcp(?:\/([a-z][a-z0-9-]{0,23}))?$/;

function readPath(target: string): DoorPath | undefined {
  if (target === '/mcp') return { kind: 'all' };
  const server = pathPattern.exec(target)?.[1];
  return server === undefined ? undefined : { kind: 'server', server };
}

function readHead(request: IncomingMessage): HttpHead {
  const target = request.url ?? '';
  const { headers, repeated } = readHeaders(request);
  let hasParamHeaders = false;
  for (const name in headers) if (name.startsWith('mcp-param-')) hasParamHeaders = true;
  return {
    version: request.httpVersion,
    method: request.method ?? '',
    target,
    isKnownPath: readPath(target) !== undefined,
    headers,
    repeated,
    hasParamHeaders,
  };
}

const nothingRepeated: ReadonlySet<string> = new Set();

/**
 * Headers by lower-case name. The parser has made this object already, but it joins or drops what was sent twice; only
 * where something was, the raw list is read.
 */
function readHeaders(request: IncomingMessage): Pick<HttpHead, 'headers' | 'repeated'> {
  const raw = request.rawHeaders;
  const made = request.headers;
  let count = 0;
  for (const _ in made) count += 1;
  // Set-Cookie is the one that is made a list; no request has it for a reason.
  if (count * 2 === raw.length && made['set-cookie'] === undefined) {
    return { headers: made as HttpHead['headers'], repeated: nothingRepeated };
  }
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  const repeated = new Set<string>();
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] ?? '').toLowerCase();
    if (name in headers) repeated.add(name);
    else headers[name] = raw[i + 1] ?? '';
  }
  return { headers, repeated };
}

/** One bucket for each IPv4 address and each IPv6 /64, which is what one site has. */
function addressKey(address: string): string {
  if (address.startsWith('::ffff:')) return address.slice(7);
  return address.includes(':') ? address.split(':').slice(0, 4).join(':') : address;
}

function readBody(request: IncomingMessage, limit: number): Promise<Uint8Array | Refusal> {
  return new Promise((resolve) => {
    let first: Buffer | undefined;
    let more: Buffer[] | undefined;
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > limit) {
        request.pause();
        resolve(refuse('body-too-large', { fill: { limit } }));
        return;
      }
      if (first === undefined) first = chunk;
      else if (more === undefined) more = [first, chunk];
      else more.push(chunk);
    });
    request.on('end', () => resolve(more === undefined ? (first ?? Buffer.alloc(0)) : Buffer.concat(more, length)));
    request.on('error', (cause) => resolve(refuse('body-timeout', { cause })));
    request.on('close', () => resolve(refuse('body-timeout', { note: 'the connection ended before the body did' })));
  });
}

interface StreamOptions extends HttpDoorOptions {
  /** How long a finished answer may wait for a caller that does not read, milliseconds. */
  readonly stallMs: number;
}

/** The caller's side of one request. */
class HttpStream implements CallerStream {
  exchangeId = '';
  isOpen = false;
  onLost: (() => void) | undefined = undefined;
  private readonly response: ServerResponse;
  private readonly options: StreamOptions;
  private readonly acceptsStream: boolean;
  private isOver = false;
  private keepAlive: NodeJS.Timeout | undefined = undefined;

  constructor(response: ServerResponse, head: HttpHead, options: StreamOptions) {
    this.response = response;
    this.options = options;
    const accept = head.headers['accept'];
    this.acceptsStream = accept !== undefined && (accept.includes('text/event-stream') || accept.includes('*/*'));
  }

  get isOpenable(): boolean {
    return this.acceptsStream && !this.isOver;
  }

  open(): void {
    if (this.isOpen || !this.isOpenable) return;
    this.isOpen = true;
    this.response.writeHead(200, [
      'Content-Type',
      'text/event-stream',
      'Cache-Control',
      'no-cache, no-transform',
      'X-Accel-Buffering',
      'no',
      'X-Content-Type-Options',
      'nosniff',
      'Sallyport-Exchange',
      this.exchangeId,
    ]);
    this.response.flushHeaders();
    this.keepAlive = setInterval(() => this.write(': keep-alive\n\n'), this.options.keepAliveMs ?? 15_000);
    this.keepAlive.unref();
  }

  send(message: Uint8Array): void {
    this.open();
    if (this.isOpen) this.write(encodeSseEvent(message));
  }

  /** Writes the reply as one JSON body, or as the last event of an open stream. */
  finish(reply: Reply): void {
    if (this.isOver) return;
    if (this.isOpen) {
      if (reply.body !== undefined) this.write(encodeSseEvent(reply.body));
      this.end();
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
    this.boundWaiting();
  }

  /** The parts leave in one write of the socket, without having been copied into one. */
  private endInParts({ status, headers }: Reply, parts: readonly Uint8Array[]): void {
    let length = 0;
    for (const part of parts) length += part.length;
    this.response.writeHead(status, [...headers, 'Content-Length', String(length)]);
    for (const part of parts) this.response.write(part);
    this.response.end();
    this.boundWaiting();
  }

  end(): void {
    if (this.isOver) return;
    this.isOver = true;
    clearInterval(this.keepAlive);
    this.response.end();
    this.boundWaiting();
  }

  /** What did not fit into the socket waits for a caller that reads; one that never does is cut off. */
  private boundWaiting(): void {
    if (this.response.writableLength > 0) this.response.setTimeout(this.options.stallMs, () => this.response.destroy());
  }

  /** The connection is gone. For a modern caller that is how it cancels; a legacy caller's call runs on. */
  lose(exchange: Received & { readonly era?: string }): void {
    clearInterval(this.keepAlive);
    this.onLost?.();
    if (this.isOver) return;
    this.isOver = true;
    if (exchange.era === 'modern') exchange.cancellation.cancel('the caller closed the connection');
  }

  private write(bytes: Uint8Array | string): void {
    if (this.isOver) return;
    this.response.write(bytes);
    if (this.response.writableLength > (this.options.maxWaitingBytes ?? 16 * 1024 * 1024)) this.response.destroy();
  }
}

/** What the HTTP parser could not read gets the bare status it deserves, and the connection ends. */
function answerUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  socket.end(bareAnswer(unreadableStatus(error.code)));
}

function bareAnswer(status: number): string {
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;
}

function unreadableStatus(code: string | undefined): number {
  if (code === 'HPE_HEADER_OVERFLOW') return 431;
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 408;
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return 413;
  return 400;
}
