/** Stand-ins for this folder's own tests: a link that answers as it is told, and children and servers without a machine. */
import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { Connections } from '@sallyport/guard';
import { linkFailure, type Link, type LinkAnswer, type LinkEvent, type LinkPeer, type LinkRequest } from './link.ts';
import { Listeners } from './listeners.ts';
import { realUpstreamPorts, type UpstreamPorts } from './ports.ts';
import type { Child, ChildExit, SpawnRequest } from './stdio/child.ts';

/** Ports whose randomness is always zero; time is whatever the test runner's timers say. */
export const fakePorts = (replacements: Partial<UpstreamPorts> = {}): UpstreamPorts =>
  realUpstreamPorts({ random: { bytes: (length) => new Uint8Array(length) }, ...replacements });

/** A link without a wire. */
export class FakeLink implements Link {
  readonly carrier = 'stdio';
  readonly era: Link['era'];
  readonly revision: string;
  readonly peer: LinkPeer;
  state: Link['state'] = 'open';
  pending = 0;
  readonly requests: LinkRequest[] = [];
  closeReason: string | undefined;
  readonly #listeners = new Listeners<LinkEvent>();
  #lastId = 0;

  constructor(era: Link['era'] = 'legacy', supportedRevisions: readonly string[] = ['2025-11-25']) {
    this.era = era;
    this.revision = supportedRevisions[0] ?? '';
    this.peer = {
      serverInfo: undefined,
      capabilities: { tools: { listChanged: true } },
      instructions: undefined,
      supportedRevisions,
      discover: undefined,
    };
  }

  mint(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  request(request: LinkRequest): Promise<LinkAnswer> {
    this.requests.push(request);
    return new Promise(() => {});
  }

  notify(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  onEvent(listener: (event: LinkEvent) => void): () => void {
    return this.#listeners.add(listener);
  }

  close(reason?: string): Promise<void> {
    this.closeReason = reason;
    this.die();
    return Promise.resolve();
  }

  /** Ends as a link does whose server is gone. */
  die(): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.#listeners.emit({ kind: 'closed', failure: linkFailure('closed', 'It ended.') });
  }
}

/** A child process that is only pipes. */
export interface FakeChild extends Child {
  readonly request: SpawnRequest;
  readonly signals: string[];
  /** What was written to its standard input, line by line. */
  readonly lines: string[];
  /** Writes one line to its standard output. */
  say(message: unknown): void;
  /** Ends the process. */
  exit(exit?: Partial<ChildExit>): void;
}

/** Makes a port that starts fake children; each is shown to `onSpawn`. */
export const fakeSpawn =
  (onSpawn: (child: FakeChild) => void) =>
  (request: SpawnRequest): FakeChild => {
    const ended = new EventEmitter();
    const exited = new Promise<ChildExit>((resolve) => {
      ended.once('exit', resolve);
    });
    const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
    const lines: string[] = [];
    const signals: string[] = [];
    let isGone = false;
    const exit = (how: Partial<ChildExit> = {}): void => {
      isGone = true;
      stdout.destroy();
      stderr.destroy();
      ended.emit('exit', { code: 0, signal: null, error: undefined, ...how });
    };
    const child: FakeChild = {
      pid: 4242,
      request,
      stdin,
      stdout,
      stderr,
      exited,
      lines,
      signals,
      say: (message) => void stdout.write(`${typeof message === 'string' ? message : JSON.stringify(message)}\n`),
      exit,
      signalFamily: (signal) => {
        if (isGone) return Promise.resolve(0);
        signals.push(signal);
        if (signal === 'SIGKILL') exit({ code: null, signal });
        return Promise.resolve(1);
      },
    };
    stdin.on('data', (chunk: Buffer) =>
      lines.push(
        ...chunk
          .toString()
          .split('\n')
          .filter((line) => line !== ''),
      ),
    );
    onSpawn(child);
    return child;
  };

/** One dispatched request of a fake connection. */
export interface Dispatched {
  readonly options: Dispatcher.DispatchOptions;
  readonly handler: Dispatcher.DispatchHandler;
}

/** Connections that only remember what was dispatched. */
export const fakeHttpClient = (onDispatch: (dispatched: Dispatched) => void): Connections => ({
  dispatch(options, handler) {
    onDispatch({ options, handler });
    return true;
  },
  destroy: () => Promise.resolve(),
});
