/** A local server as a channel: one JSON message a line over its standard streams (transports, stdio). */
import { LineReader, type LineItem } from '@sallyport/protocol';
import type { Channel, ChannelListener } from '../channel.ts';
import { linkFailure, type LinkFailure } from '../link.ts';
import type { OpenOptions } from '../options.ts';
import { pause, type UpstreamPorts } from '../ports.ts';
import { toLine } from '../wire.ts';
import type { Child, ChildExit } from './child.ts';

const LINE_FEED = 0x0a;
/** How long the pipes may still bring what the child wrote before its end. */
const DRAIN_MS = 100;
const REAP_PAUSE_MS = 50;
/** Between two reads of a line that is too long already, so that a server that floods slows itself and nobody else. */
const FLOOD_PAUSE_MS = 2;
/** Lines between two of which everybody else gets a turn, so that a server that floods keeps nobody waiting. */
const TURN_LINES = 128;
/** The wait instead, where most of them were no messages: there is nothing to lose. */
const NOISE_PAUSE_MS = 10;
/** How many times `stopMs` a stop takes at most. */
const STOP_ROUNDS = 6;

/** A local server. */
export class StdioChannel implements Channel {
  readonly carrier = 'stdio';
  readonly pid: number | undefined;
  readonly lastWords: () => string | undefined;
  readonly #name: string;
  readonly #child: Child;
  readonly #ports: UpstreamPorts;
  readonly #stopMs: number;
  readonly #lines: LineReader;
  readonly #messageBytes: number;
  /** Bytes since the last line ended. */
  #sinceLine = 0;
  /** Settles when the process and its family are gone. */
  #gone: Promise<void> | undefined;
  #isStopping = false;
  /** Nothing is heard any more. */
  #isOver = false;
  /** Lines left in this turn. */
  #left = TURN_LINES;
  /** How many lines of this turn were no messages. */
  #noise = 0;

  /** @param lastWords what the child last said of trouble; default: nothing is heard */
  constructor(
    child: Child,
    options: OpenOptions,
    ports: UpstreamPorts,
    lastWords: () => string | undefined = () => undefined,
  ) {
    this.pid = child.pid;
    this.lastWords = lastWords;
    this.#name = options.name;
    this.#child = child;
    this.#ports = ports;
    this.#stopMs = options.tuning.stopMs;
    this.#messageBytes = options.tuning.messageBytes;
    this.#lines = new LineReader(this.#messageBytes);
  }

  get unsent(): number {
    return this.#child.stdin.writableLength;
  }

  open(listener: ChannelListener): Promise<undefined> {
    this.#gone = this.#live(listener);
    return Promise.resolve(undefined);
  }

  send(message: Buffer): undefined {
    this.#child.stdin.write(toLine(message));
  }

  /** Stops the process: end of input, then SIGTERM, then SIGKILL, each to the whole family and each after a wait. */
  async close(): Promise<void> {
    if (!this.#isStopping) {
      this.#isStopping = true;
      this.#child.stdin.end();
      if (!(await this.#exitsWithin(this.#stopMs))) {
        await this.#child.signalFamily('SIGTERM');
        if (!(await this.#exitsWithin(this.#stopMs))) await this.#child.signalFamily('SIGKILL');
      }
    }
    // A process that not even SIGKILL ends (stuck in the kernel) must not keep the gateway from stopping.
    await Promise.race([this.#gone, pause(this.#ports.timers, STOP_ROUNDS * this.#stopMs)]);
  }

  /** Reads until the process ends, then says so and ends whatever the process left behind. */
  async #live(listener: ChannelListener): Promise<void> {
    const { stdout, stderr } = this.#child;
    stdout.on('data', (chunk: Buffer) => this.#read(chunk, listener));
    const closed = Promise.all(
      [stdout, stderr].map((pipe) => new Promise<void>((resolve) => void pipe.once('close', resolve))),
    );
    const exit = await this.#child.exited;
    await Promise.race([closed, pause(this.#ports.timers, DRAIN_MS)]);
    this.#isOver = true;
    listener.onEnd({ ...exitFailure(this.#name, exit), words: this.lastWords() });
    if (!(await this.#reap())) listener.onDropped('processes of the server survived SIGKILL');
    stdout.destroy();
    stderr.destroy();
    this.#child.stdin.destroy();
  }

  /** What the child started and left behind has no use without it. Returns false when something lives on. */
  async #reap(): Promise<boolean> {
    const rounds = Math.ceil(this.#stopMs / REAP_PAUSE_MS);
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      for (let round = 0; round < rounds; round += 1) {
        if ((await this.#child.signalFamily(signal)) === 0) return true;
        await pause(this.#ports.timers, REAP_PAUSE_MS);
      }
    }
    return false;
  }

  async #exitsWithin(ms: number): Promise<boolean> {
    return Promise.race([this.#child.exited.then(() => true), pause(this.#ports.timers, ms).then(() => false)]);
  }

  #read(chunk: Buffer, listener: ChannelListener): void {
    this.#sinceLine = chunk.includes(LINE_FEED) ? 0 : this.#sinceLine + chunk.length;
    this.#take(this.#lines.read(chunk), listener);
  }

  /** Takes line after line, also over several turns. Nothing more is read meanwhile. */
  #take(lines: Iterator<LineItem>, listener: ChannelListener): void {
    if (this.#isOver) return;
    for (let next = lines.next(); next.done !== true; next = lines.next()) {
      const item = next.value;
      if (item.kind === 'fault') listener.onDropped('a line longer than a message may be');
      else if (!listener.onMessage(item.bytes)) this.#noise += 1;
      this.#left -= 1;
      if (this.#left === 0) {
        this.#rest(lines, listener);
        return;
      }
    }
    const { stdout } = this.#child;
    if (this.#sinceLine > this.#messageBytes) {
      stdout.pause();
      this.#ports.timers.after(FLOOD_PAUSE_MS, () => stdout.resume());
    } else if (stdout.isPaused()) {
      stdout.resume();
    }
  }

  #rest(lines: Iterator<LineItem>, listener: ChannelListener): void {
    this.#child.stdout.pause();
    const go = (): void => this.#take(lines, listener);
    if (this.#noise > TURN_LINES / 2) this.#ports.timers.after(NOISE_PAUSE_MS, go);
    else setImmediate(go);
    this.#left = TURN_LINES;
    this.#noise = 0;
  }
}

const exitFailure = (name: string, exit: ChildExit): LinkFailure => {
  if (exit.error !== undefined) {
    const code = 'code' in exit.error ? String(exit.error.code) : exit.error.name;
    return linkFailure('unreachable', `${name} could not be started.`, { detail: code, cause: exit.error });
  }
  if (exit.verdict !== undefined) {
    return linkFailure('closed', `${name} stopped before its answer.`, { detail: exit.verdict, isExceeded: true });
  }
  const how = exit.signal === null ? `exit code ${String(exit.code)}` : `signal ${exit.signal}`;
  return linkFailure('closed', `${name} stopped before its answer.`, { detail: how });
};
