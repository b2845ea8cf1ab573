/** What tests of the trail share: a clock and timers that stand still, a signing key, short ways to make records. */
import { generateKeyPairSync } from 'node:crypto';
import type { Clock } from '../ports.ts';
import { createSigningKey } from './checkpoint.ts';
import { parseRecord } from './read.ts';
import type { MemoryDisk } from './memory-disk.fixture.ts';
import type { TrailOptions } from './options.ts';
import type { AuditRecord, RecordDraft } from './record.ts';
import { openTrail } from './trail.ts';
import type { Trail } from './trail.ts';
import type { TrailSource } from './verify.ts';

export const signing = createSigningKey(generateKeyPairSync('ed25519').privateKey);
export const directory = '/audit';

interface Task {
  readonly at: number;
  readonly run: () => void;
}

/** A clock that moves when told to, and timers that go off with it. */
export class ManualTime implements Clock {
  #now = Date.UTC(2026, 10, 20, 10);
  #tasks: Task[] = [];

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  readonly schedule = (ms: number, run: () => void): (() => void) => {
    const task = { at: this.#now + ms, run };
    this.#tasks.push(task);
    return () => {
      this.#tasks = this.#tasks.filter((other) => other !== task);
    };
  };

  /** Moves the clock, lets timers go off in order, and lets what they began settle. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      const next = this.#tasks.filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#tasks = this.#tasks.filter((task) => task !== next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
      await settle();
    }
    this.#now = end;
    await settle();
  }
}

/** Lets everything that needs no timer come to rest. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Options over a memory disk. */
export function trailOptions(disk: MemoryDisk, time: ManualTime, more: Partial<TrailOptions> = {}): TrailOptions {
  const fixed = { directory, disk, clock: time, schedule: time.schedule, signing, processName: 'test' };
  return { durability: 'intent', ...fixed, ...more };
}

/** Opens a trail that must open. */
export async function mustOpen(options: TrailOptions): Promise<Trail> {
  const trail = await openTrail(options);
  if ('fault' in trail) throw new Error(trail.message, { cause: trail.cause });
  return trail;
}

export function intent(exchange: string): RecordDraft {
  return {
    kind: 'intent',
    exchange,
    principal: { id: 'key:quickstart', kind: 'key', roles: ['reader'] },
    method: 'tools/call',
    target: { upstream: 'files', kind: 'tool', name: 'read_text_file' },
    args: { digest: 'ab'.repeat(32), bytes: 17 },
  };
}

export function outcome(exchange: string): RecordDraft {
  return { kind: 'outcome', exchange, isOwed: true, outcome: { status: 'ok', bytes: 12, ms: 1.25 } };
}

export function refusal(exchange: string): RecordDraft {
  return { kind: 'refusal', exchange, outcome: { status: 'refused', reason: 'denied' } };
}

/** The audit files of a memory disk, for verification. */
export function sourcesOf(disk: MemoryDisk): TrailSource[] {
  return disk.names.map((name) => ({ name, read: () => [disk.content(name)] }));
}

/** All whole records on a memory disk, in order. */
export function recordsOf(disk: MemoryDisk): AuditRecord[] {
  const lines = disk.names.flatMap((name) => disk.content(name).toString().split('\n'));
  return lines.map((line) => parseRecord(Buffer.from(line))).filter((record) => record !== undefined);
}
