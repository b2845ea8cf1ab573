/**
 * A server behind a WebSocket as a channel: subprotocol `mcp`, one JSON-RPC message a text frame. No revision of the
 * protocol defines this transport; the rules are those of stdio, and what clients in the field speak.
 */
import type { Socket, SocketEnd } from '@sallyport/guard';
import type { Channel, ChannelListener, Sent } from '../channel.ts';
import { Heartbeat } from '../heartbeat.ts';
import { connectionFailure, statusFailure, type ResponseHeaders } from '../http/trouble.ts';
import { linkFailure, type LinkFailure } from '../link.ts';
import type { OpenOptions } from '../options.ts';
import { pause, type Timer, type UpstreamPorts } from '../ports.ts';
import { createRedaction, secretsIn } from '../redact.ts';
import type { WebSocketOptions } from './options.ts';

const SUBPROTOCOL = 'mcp';
const CONTROLS = /\p{Cc}/gu;
/** `ws` says of a message over the bound that it has this code (RFC 6455 §7.4.1: close code 1009). */
const TOO_LARGE = 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH';

/** A server behind a WebSocket. */
export class WebSocketChannel implements Channel {
  readonly carrier = 'websocket';
  readonly pid = undefined;
  readonly #name: string;
  readonly #options: WebSocketOptions;
  readonly #open: OpenOptions;
  readonly #ports: UpstreamPorts;
  readonly #heartbeat: Heartbeat;
  readonly #redact: (text: string) => string;
  #timer: Timer | undefined;
  #socket: Socket | undefined;
  #listener: ChannelListener | undefined;
  #onOpened: (failure: LinkFailure | undefined) => void = () => {};
  #onGone: () => void = () => {};
  readonly #gone: Promise<void>;
  #isOver = false;
  #words: string | undefined;

  constructor(options: WebSocketOptions, open: OpenOptions, ports: UpstreamPorts) {
    this.#name = open.name;
    this.#options = options;
    this.#redact = createRedaction(secretsIn(options.headers));
    this.#open = open;
    this.#ports = ports;
    this.#heartbeat = new Heartbeat(ports.timers, open.tuning.quietMs, {
      onQuiet: () => this.#socket?.ping(),
      onDead: () => {
        this.#end(linkFailure('unreachable', `${this.#name} answers no more.`, { detail: 'no answer to a ping' }));
      },
    });
    this.#gone = new Promise((resolve) => {
      this.#onGone = resolve;
    });
  }

  get unsent(): number {
    return this.#socket?.unsent ?? 0;
  }

  lastWords(): string | undefined {
    return this.#words;
  }

  open(listener: ChannelListener): Promise<LinkFailure | undefined> {
    if (this.#isOver) return Promise.resolve(linkFailure('closed', `${this.#name} is being stopped.`));
    this.#listener = listener;
    const { messageBytes, handshakeMs } = this.#open.tuning;
    const { url, headers: fixed, ca, clientCertificate } = this.#options;
    const headers = { ...fixed, ...pairsOf(this.#open.credential?.headers() ?? []) };
    return new Promise((resolve) => {
      this.#onOpened = resolve;
      this.#timer = this.#ports.timers.after(handshakeMs, () => {
        this.#end(linkFailure('unreachable', `${this.#name} could not be reached in time.`));
      });
      this.#socket = this.#ports.socket(
        { url, headers, ca, clientCertificate, protocol: SUBPROTOCOL, messageBytes, connectTimeoutMs: handshakeMs },
        {
          onOpen: () => {
            this.#timer?.cancel();
            this.#heartbeat.start();
            resolve(undefined);
          },
          onRefused: (status, answer) => this.#leave(this.#refused(status, answer)),
          onMessage: (bytes, isText) => this.#receive(bytes, isText),
          onSign: () => this.#heartbeat.heard(),
          onEnd: (end) => this.#leave(this.#ended(end)),
        },
      );
    });
  }

  send(message: Buffer): Sent {
    const { messageBytes } = this.#open.tuning;
    if (message.length > messageBytes) {
      return linkFailure('too-large', `What ${this.#name} is to be sent is larger than ${messageBytes} bytes.`);
    }
    this.#socket?.sendText(message);
    return undefined;
  }

  /** Says goodbye, and breaks the connection where the server does not answer in time. */
  async close(): Promise<void> {
    const socket = this.#socket;
    this.#isOver = true;
    this.#timer?.cancel();
    this.#heartbeat.stop();
    this.#onOpened(linkFailure('closed', `${this.#name} is being stopped.`));
    if (socket === undefined) return;
    socket.close();
    await Promise.race([this.#gone, pause(this.#ports.timers, this.#open.tuning.stopMs)]);
    socket.destroy();
  }

  #receive(bytes: Buffer, isText: boolean): void {
    this.#heartbeat.heard();
    if (this.#isOver) return;
    if (isText) this.#listener?.onMessage(bytes);
    else this.#listener?.onDropped('a binary frame');
  }

  #refused(status: number, headers: ResponseHeaders): LinkFailure {
    const failure = statusFailure(this.#name, status, headers, this.#ports.clock.now(), this.#redact);
    if (failure.reason !== 'bad-answer' || (status >= 300 && status < 400)) return failure;
    return { ...failure, text: `${this.#name} offers no WebSocket at this URL.` };
  }

  #ended({ code, reason, error }: SocketEnd): LinkFailure {
    const { messageBytes } = this.#open.tuning;
    const name = this.#name;
    const words = this.#redact(reason.replaceAll(CONTROLS, ''));
    if (words !== '') this.#words = words;
    if (error === undefined) {
      return linkFailure('closed', `${name} closed the connection.`, { detail: `close code ${code}`, words });
    }
    const tag = 'code' in error ? String(error.code) : undefined;
    if (tag === TOO_LARGE)
      return linkFailure('too-large', `${name} sent a message of more than ${messageBytes} bytes.`);
    if (tag === undefined || tag.startsWith('WS_ERR_'))
      return ruleFailure(name, error, tag ?? this.#redact(error.message));
    return connectionFailure(name, error, false);
  }

  /** The connection is over by itself. */
  #leave(failure: LinkFailure): void {
    this.#onGone();
    this.#end(failure);
  }

  #end(failure: LinkFailure): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer?.cancel();
    this.#heartbeat.stop();
    this.#onOpened(failure);
    this.#listener?.onEnd(failure);
    this.#socket?.destroy();
  }
}

/** What a server that broke the rules of WebSocket did, in words that help the operator. */
const ruleFailure = (name: string, error: Error, detail: string): LinkFailure => {
  if (error.message.includes('subprotocol')) {
    const text = `${name} does not accept the WebSocket subprotocol "${SUBPROTOCOL}".`;
    return linkFailure('bad-answer', text, { detail, cause: error });
  }
  return linkFailure('bad-answer', `${name} broke the rules of WebSocket.`, { detail, cause: error });
};

/** Names and values in turn, as an object. */
const pairsOf = (headers: readonly string[]): Record<string, string> => {
  const pairs: Record<string, string> = {};
  for (let at = 0; at + 1 < headers.length; at += 2) pairs[headers[at] ?? ''] = headers[at + 1] ?? '';
  return pairs;
};
