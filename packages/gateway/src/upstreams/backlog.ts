/** Who has to wait before the next conversation is opened for them, because the last ones failed. */
import { backoffMs } from './backoff.ts';
import { linkFailure, type LinkFailure } from './link.ts';
import type { UpstreamPorts } from './ports.ts';

/** How long the waits are, milliseconds. */
export interface BacklogOptions {
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
}

interface Wait {
  readonly failures: number;
  readonly dueAt: number;
  readonly last: LinkFailure;
}

/** The waits of one upstream's principals. */
export class Backlog {
  readonly #options: BacklogOptions;
  readonly #ports: Pick<UpstreamPorts, 'clock' | 'random'>;
  readonly #waits = new Map<string, Wait>();

  constructor(options: BacklogOptions, ports: Pick<UpstreamPorts, 'clock' | 'random'>) {
    this.#options = options;
    this.#ports = ports;
  }

  /** Principals whose last conversation failed. */
  get size(): number {
    return this.#waits.size;
  }

  /** Says why nothing is opened for this principal now; undefined when it may have a try. */
  refusal(owner: string, name: string): LinkFailure | undefined {
    const wait = this.#waits.get(owner);
    if (wait === undefined) return undefined;
    const retryAfterMs = wait.dueAt - this.#ports.clock.monotonic();
    if (retryAfterMs <= 0) return undefined;
    const { detail, words } = wait.last;
    return linkFailure('unreachable', `${name} is not available at the moment.`, {
      detail: `its conversations fail: ${detail ?? wait.last.text}`,
      retryAfterMs,
      words,
    });
  }

  /** Notes that a conversation could not be opened. */
  failed(owner: string, last: LinkFailure): void {
    const failures = this.#waits.get(owner)?.failures ?? 0;
    this.#note(owner, failures, last, backoffMs(failures, ...this.#bounds()));
  }

  /** Notes that a conversation ended soon after it was opened. The first such end is made up for at once. */
  lost(owner: string, last: LinkFailure): void {
    const failures = this.#waits.get(owner)?.failures ?? 0;
    this.#note(owner, failures, last, failures === 0 ? 0 : backoffMs(failures, ...this.#bounds()));
  }

  /** Forgets the failures of a principal that has a conversation that lasts. */
  forget(owner: string): void {
    this.#waits.delete(owner);
  }

  /** Forgets failures that are long over. */
  sweep(): void {
    const before = this.#ports.clock.monotonic() - this.#options.maxBackoffMs;
    for (const [owner, { dueAt }] of this.#waits) if (dueAt < before) this.#waits.delete(owner);
  }

  #bounds(): [number, number, UpstreamPorts['random']] {
    return [this.#options.backoffMs, this.#options.maxBackoffMs, this.#ports.random];
  }

  #note(owner: string, failures: number, last: LinkFailure, wait: number): void {
    const dueAt = this.#ports.clock.monotonic() + wait;
    this.#waits.set(owner, { failures: failures + 1, dueAt, last });
  }
}
