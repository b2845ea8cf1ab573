/** One HTTP response as an event stream (WHATWG HTML §9.2), bounded by what its caller leaves unread. */
import type { ServerResponse } from 'node:http';
import { encodeSseEvent } from '@sallyport/protocol';
import type { Received } from '../exchange.ts';
import type { Backlog, Reader } from './backlog.ts';
import { accessHeaders } from './cors.ts';
import { headersUnder } from './security-headers.ts';

/** How patient event streams are. Times in milliseconds. */
export interface EventStreamOptions {
  readonly backlog: Backlog;
  /** Between two comments on a stream that has nothing to say. Default 15,000. */
  readonly keepAliveMs?: number;
  /** How long what was written last may wait for a caller that does not read. */
  readonly stallMs: number;
}

/** How soon a caller that lost its stream should come back, milliseconds. */
const retryMs = 1000;

/** Writes events to a response; a stream that was never opened writes nothing. */
export class EventStream implements Reader {
  isOpen = false;
  private readonly response: ServerResponse;
  private readonly options: EventStreamOptions;
  private owner = '';
  private isOver = false;
  private keepAlive: NodeJS.Timeout | undefined = undefined;
  private leave: (() => void) | undefined = undefined;

  constructor(response: ServerResponse, options: EventStreamOptions) {
    this.response = response;
    this.options = options;
    response.once('close', () => {
      this.isOver = true;
      clearInterval(this.keepAlive);
      this.leave?.();
    });
  }

  get waiting(): number {
    return this.response.writableLength;
  }

  /** True while something can still be written. */
  get isLive(): boolean {
    return !this.isOver;
  }

  /** Sends the head with further `fields`, names and values in turn; `owner` is the principal whose unread bytes these are. */
  open(
    { id, head, rules }: Pick<Received, 'id' | 'head' | 'rules'>,
    owner: string,
    fields: readonly string[] = [],
  ): void {
    if (this.isOpen || this.isOver) return;
    this.isOpen = true;
    this.owner = owner;
    const safe = [...headersUnder(rules), ...accessHeaders(head, rules), ...fields];
    this.response.writeHead(200, [...streamHeaders, 'Sallyport-Exchange', id, ...safe]);
    this.response.flushHeaders();
    this.leave = this.options.backlog.join(owner, this);
    this.keepAlive = setInterval(() => this.write(': keep-alive\n\n'), this.options.keepAliveMs ?? 15_000);
    this.keepAlive.unref();
  }

  /** Gives the caller an event id to come back with, before there is an event. */
  prime(id: string): void {
    this.write(`retry: ${retryMs}\nid: ${id}\ndata: \n\n`);
  }

  event(message: Uint8Array, id?: string, type?: string): void {
    this.write(encodeSseEvent(message, id, type));
  }

  end(): void {
    if (this.isOver) return;
    this.isOver = true;
    clearInterval(this.keepAlive);
    this.response.end();
    boundLast(this.response, this.options.stallMs);
  }

  cut(): void {
    this.isOver = true;
    this.response.destroy();
  }

  private write(bytes: Uint8Array | string): void {
    if (this.isOver || !this.options.backlog.admits(this.owner, this)) return;
    this.response.write(bytes);
  }
}

const streamHeaders = [
  'Content-Type',
  'text/event-stream',
  // Beside `no-store`: what compresses on the way holds events back.
  'Cache-Control',
  'no-transform',
  'X-Accel-Buffering',
  'no',
] as const;

/** What did not fit into the socket waits for a caller that reads; one that never does is cut off. */
export function boundLast(response: ServerResponse, stallMs: number): void {
  if (response.writableLength > 0) response.setTimeout(stallMs, () => response.destroy());
}
