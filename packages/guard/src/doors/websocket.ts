/**
 * The WebSocket door (RFC 6455, subprotocol `mcp`): identity is settled before the upgrade, by the stages that judge any
 * other request; then one JSON-RPC message is one text frame. No extension is on.
 */
import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import type { CallerStream, Identified, Reply } from '../exchange.ts';
import { endExchange, runHead } from '../pipeline.ts';
import { isRefusal, refuse, type Refusal } from '../refusals.ts';
import type { Backlog, Reader } from './backlog.ts';
import { Conversation, type Channel } from './conversation.ts';
import { noteStatus } from './door.ts';
import { readHead, receiveRequest, standingTeller, type Arrival, type HttpContext } from './request.ts';
import { headerLines } from './security-headers.ts';
import { Session } from './session.ts';
import type { Standing } from './standing.ts';

/** How patient the door is. Times in milliseconds. */
export interface WebSocketOptions {
  readonly backlog: Backlog;
  /** Between two looks at whether the caller is still there. Default 30,000. */
  readonly pingMs?: number;
  /** How long a caller may take to answer a close. Default 1000. */
  readonly closeMs?: number;
}

/** True for a request that this door should judge. */
export function wantsWebSocket({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket';
}

/** Judges an upgrade, and serves the socket when it is let in. */
export async function serveWebSocket(
  request: IncomingMessage,
  socket: Duplex,
  early: Buffer,
  given: Arrival,
  context: HttpContext,
  options: WebSocketOptions,
): Promise<void> {
  // A caller that breaks off during the handshake is nobody's bug.
  socket.on('error', () => socket.destroy());
  const arrival: Arrival = { ...given, door: 'websocket' };
  const rules = context.rules();
  const head = readHead(request, arrival);
  const exchange = receiveRequest(request, arrival, head, rules, silent, context);
  const judged = await runHead(exchange, context.ports);
  const place = isRefusal(judged) ? judged : context.conversations.admit(judged as Identified, context.ports);
  if (isRefusal(place)) {
    if (exchange.refusedAt === undefined) exchange.refusedAt = 'admit';
    const { reply } = await endExchange(Object.assign(exchange, { refusal: place }), context.ports);
    answerPlainly(socket, reply);
    return;
  }
  if (socket.destroyed) {
    place.release();
    return;
  }
  const upgrader = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: rules.limits.body,
    // Pongs are bounded like everything else that is written.
    autoPong: false,
    handleProtocols: () => 'mcp',
  });
  let isUpgraded = false;
  socket.once('close', () => {
    if (!isUpgraded) place.release();
  });
  upgrader.handleUpgrade(request, socket, early, (webSocket) => {
    isUpgraded = true;
    const standing = standingTeller(request, head, context);
    const conversation = converse(webSocket, judged as Identified, socket, standing, context, options);
    context.conversations.add(conversation, place);
    noteStatus(exchange, 'socket opened', context);
    void conversation.closed.then(() => noteStatus(exchange, 'socket closed', context));
  });
}

const silent: CallerStream = { isOpenable: false, open: () => undefined, send: () => undefined };

function converse(
  webSocket: WebSocket,
  exchange: Identified,
  socket: Duplex,
  standing: () => Standing,
  context: HttpContext,
  options: WebSocketOptions,
): Conversation {
  const { principal, path, address, head } = exchange;
  const session = new Session(
    `websocket:${exchange.id}`,
    principal.id,
    principal.roles,
    path,
    context.ports.clock.now(),
  );
  const channel = new SocketChannel(webSocket, principal.id, options);
  const conversation = new Conversation(context, {
    door: 'websocket',
    path,
    address,
    session,
    channel,
    standing,
    ...(principal.expiresAt === undefined ? {} : { expiresAt: principal.expiresAt }),
    ...(head === undefined ? {} : { head }),
  });
  socket.on('drain', () => conversation.drained());
  let late = 0;
  webSocket.on('message', (data: Buffer, isBinary: boolean) => {
    // What comes behind our close is not heard any more.
    if (conversation.isOver || webSocket.readyState !== webSocket.OPEN) {
      late += 1;
      if (late > mostLate) channel.cut();
      return;
    }
    if (!isBinary) {
      conversation.accept(data);
      return;
    }
    conversation.accept(refuse('not-text'));
    void channel.closeWith(closeCodes.notText, 'text frames only');
  });
  webSocket.on('error', (cause: Error & { readonly code?: string }) => {
    conversation.accept(refusalOf(cause, context.rules().limits.body));
  });
  webSocket.on('close', () => conversation.close('the caller closed the socket'));
  return conversation;
}

/** Messages behind our close that are let pass: a caller may have sent some before it knew. */
const mostLate = 1024;

/** Frames that break the protocol or a bound end the socket; the record says which. */
function refusalOf(cause: Error & { readonly code?: string }, limit: number): Refusal {
  if (cause.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') return refuse('body-too-large', { fill: { limit } });
  if (cause.code === 'WS_ERR_INVALID_UTF8') return refuse('malformed-json', { cause });
  return refuse('invalid-request', { cause, note: cause.message, fill: { detail: 'a broken frame' } });
}

/** RFC 6455 §7.4.1. */
const closeCodes = { goingAway: 1001, notText: 1003, policy: 1008 } as const;

/** A socket that is closed when its caller is gone, dead, or does not read. */
class SocketChannel implements Channel, Reader {
  private readonly webSocket: WebSocket;
  private readonly owner: string;
  private readonly options: WebSocketOptions;
  private readonly gone: Promise<void>;
  private isAlive = true;
  private lastWaiting = 0;

  constructor(webSocket: WebSocket, owner: string, options: WebSocketOptions) {
    this.webSocket = webSocket;
    this.owner = owner;
    this.options = options;
    const leave = options.backlog.join(owner, this);
    const timer = setInterval(() => this.look(), options.pingMs ?? 30_000);
    timer.unref();
    this.gone = new Promise((resolve) => {
      webSocket.once('close', () => {
        clearInterval(timer);
        leave();
        resolve();
      });
    });
    const heard = (): void => {
      this.isAlive = true;
    };
    webSocket.on('pong', heard);
    webSocket.on('message', heard);
    webSocket.on('ping', (data: Buffer) => {
      heard();
      // Whoever does not read its pongs needs no more of them.
      if (this.waiting <= mostUnansweredPings) webSocket.pong(data);
    });
  }

  get waiting(): number {
    return this.webSocket.bufferedAmount;
  }

  send(message: Uint8Array): void {
    if (this.webSocket.readyState !== this.webSocket.OPEN) return;
    if (this.options.backlog.admits(this.owner, this)) this.webSocket.send(message, { binary: false });
  }

  pause(): void {
    this.webSocket.pause();
  }

  resume(): void {
    this.webSocket.resume();
  }

  cut(): void {
    this.webSocket.terminate();
  }

  end(reason: string): Promise<void> {
    return this.closeWith(reason === 'draining' ? closeCodes.goingAway : closeCodes.policy, reason);
  }

  /** Closes with a code; a caller that does not answer the close is cut off. */
  async closeWith(code: number, reason: string): Promise<void> {
    const timer = setTimeout(() => this.cut(), this.options.closeMs ?? 1000);
    this.webSocket.resume();
    this.webSocket.close(code, reason);
    await this.gone;
    clearTimeout(timer);
  }

  /** A caller that has neither spoken nor read anything since the last look is dead. */
  private look(): void {
    const { waiting } = this;
    const hasRead = waiting < this.lastWaiting;
    this.lastWaiting = waiting;
    if (!this.isAlive && !hasRead) {
      this.cut();
      return;
    }
    this.isAlive = false;
    this.webSocket.ping();
  }
}

/** Bytes that may wait while pings are still answered. */
const mostUnansweredPings = 64 * 1024;

/** Answers an upgrade that is refused like the plain request that it still is. */
function answerPlainly(socket: Duplex, { status, headers, body }: Reply): void {
  const length = `Content-Length: ${body?.length ?? 0}`;
  socket.write(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${headerLines(headers)}` +
      `Sec-WebSocket-Version: 13\r\nConnection: close\r\n${length}\r\n\r\n`,
  );
  socket.end(body ?? new Uint8Array());
  // Whoever never closes its half has had its answer.
  const timer = setTimeout(() => socket.destroy(), 1000);
  timer.unref();
  socket.resume();
}
