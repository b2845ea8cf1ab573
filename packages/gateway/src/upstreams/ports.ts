/**
 * What upstreams need from the machine: time, timers, randomness, child processes, connections and a log.
 * Everything here can be replaced by a fake; the real ones stand at the end.
 */
import { randomBytes } from 'node:crypto';
import { createEgress, type Clock, type EgressClient, type Random } from '@sallyport/guard';
import { spawnChild, type SpawnChild } from './stdio/child.ts';

/** One timer. */
export interface Timer {
  /** Forgets the callback; does nothing when the timer is done. */
  cancel(): void;
}

/** Calls back later. */
export interface Timers {
  /** Calls `callback` once after `ms` milliseconds. A pending timer does not keep the process alive. */
  after(ms: number, callback: () => void): Timer;
}

/** One line for the operator's log. Never shown to callers. */
export interface UpstreamLogEntry {
  /** `stderr` is the upstream's own words; the others are ours. */
  readonly level: 'stderr' | 'info' | 'warning';
  readonly text: string;
}

/** What upstreams need from the machine. */
export interface UpstreamPorts {
  readonly clock: Clock;
  readonly random: Random;
  /** What the marks of all child processes begin with; see `takeCustody`. Default: random. */
  readonly mark: string;
  readonly timers: Timers;
  readonly spawn: SpawnChild;
  /** Opens connections to an origin. */
  readonly http: EgressClient['connections'];
  readonly socket: EgressClient['webSocket'];
}

/** Real timers. */
export const realTimers: Timers = {
  after(ms, callback) {
    const timeout = setTimeout(callback, ms);
    timeout.unref();
    return { cancel: () => clearTimeout(timeout) };
  },
};

/**
 * Returns ports to the real machine, each replaceable by `replacements`.
 *
 * @param egress - what makes connections; default: one without proxy and private authorities
 */
export const realUpstreamPorts = (
  replacements: Partial<UpstreamPorts> = {},
  egress: Pick<EgressClient, 'connections' | 'webSocket'> = createEgress(),
): UpstreamPorts => ({
  clock: { now: () => Date.now(), monotonic: () => performance.now() },
  random: { bytes: (length) => randomBytes(length) },
  mark: randomBytes(16).toString('hex'),
  timers: realTimers,
  spawn: spawnChild,
  http: egress.connections,
  socket: egress.webSocket,
  ...replacements,
});

/** Returns a promise that settles after `ms` milliseconds. */
export const pause = (timers: Timers, ms: number): Promise<void> =>
  new Promise((resolve) => {
    timers.after(ms, resolve);
  });

/** Returns a fraction in [0, 1) made of 32 random bits; for jitter, not for secrets. */
export const fraction = (random: Random): number => {
  const bytes = random.bytes(4);
  let value = 0;
  for (const byte of bytes) value = value * 256 + byte;
  return value / 2 ** 32;
};
