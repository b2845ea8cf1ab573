/**
 * Keeps calls away from a server that keeps failing, and asks it one question of our own from time to time. Failures in
 * a row raise the suspicion only: our question decides, so that one tool that hangs does not take the server from
 * callers whose tools answer.
 */
import { backoffMs } from './backoff.ts';
import type { Tuning } from './options.ts';
import type { Timer, UpstreamPorts } from './ports.ts';

/** `closed`: calls pass. `open`: none does until the next try. `half-open`: our question is under way. */
export type BreakerState = 'closed' | 'open' | 'half-open';

/** How long callers are told to wait while the question is under way, milliseconds. */
const ASKING_MS = 1_000;

/** What a breaker is bounded by. */
export type BreakerTuning = Pick<Tuning, 'breakerFailures' | 'backoffMs' | 'maxBackoffMs'>;

/** Watches how calls of one upstream end. */
export class Breaker {
  state: BreakerState = 'closed';
  /** How often it has opened after having been closed. */
  opened = 0;
  readonly #ask: () => Promise<boolean>;
  readonly #tuning: BreakerTuning;
  readonly #ports: Pick<UpstreamPorts, 'clock' | 'timers' | 'random'>;
  readonly #onState: (state: BreakerState) => void;
  #failures = 0;
  #refusals = 0;
  #isAsking = false;
  /** Changes with each reset: what was asked before it says nothing of what is there now. */
  #round = 0;
  #isStopped = false;
  #timer: Timer | undefined;
  #dueAt = 0;

  /**
   * @param ask - asks the server something that every server answers; false when it did not
   * @param onState - told of each change of state
   */
  constructor(
    ask: () => Promise<boolean>,
    tuning: BreakerTuning,
    ports: Pick<UpstreamPorts, 'clock' | 'timers' | 'random'>,
    onState: (state: BreakerState) => void,
  ) {
    this.#ask = ask;
    this.#tuning = tuning;
    this.#ports = ports;
    this.#onState = onState;
  }

  /** Milliseconds until the next try; undefined while calls pass. */
  get waitMs(): number | undefined {
    if (this.state === 'closed') return undefined;
    if (this.state === 'half-open') return ASKING_MS;
    return Math.max(0, this.#dueAt - this.#ports.clock.monotonic());
  }

  /** Notes that the server answered a call, whatever it said. */
  succeeded(): void {
    this.#failures = 0;
  }

  /** Notes that a call got no answer. */
  failed(): void {
    this.#failures += 1;
    if (this.state !== 'closed' || this.#isAsking || this.#isStopped) return;
    if (this.#failures >= this.#tuning.breakerFailures) void this.#try();
  }

  /** Lets calls pass again: the server was started anew. */
  reset(): void {
    this.#round += 1;
    this.#isAsking = false;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#isStopped = false;
    this.#failures = 0;
    this.#refusals = 0;
    this.#enter('closed');
  }

  /** Asks no more. */
  stop(): void {
    this.reset();
    this.#isStopped = true;
  }

  async #try(): Promise<void> {
    this.#timer = undefined;
    if (this.state === 'open') this.#enter('half-open');
    this.#isAsking = true;
    const round = this.#round;
    const isWell = await this.#ask();
    if (round !== this.#round) return;
    this.#isAsking = false;
    if (isWell) {
      this.reset();
      return;
    }
    if (this.state === 'closed') this.opened += 1;
    const wait = backoffMs(this.#refusals, this.#tuning.backoffMs, this.#tuning.maxBackoffMs, this.#ports.random);
    this.#refusals += 1;
    this.#dueAt = this.#ports.clock.monotonic() + wait;
    this.#timer = this.#ports.timers.after(wait, () => void this.#try());
    this.#enter('open');
  }

  #enter(state: BreakerState): void {
    if (this.state === state) return;
    this.state = state;
    this.#onState(state);
  }
}
