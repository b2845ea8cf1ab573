import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { MemoryDisk } from './memory-disk.fixture.ts';
import type { DiskCall } from './memory-disk.fixture.ts';
import type { Durable } from './queue.ts';
import type { Trail } from './trail.ts';
import { openTrail } from './trail.ts';
import {
  ManualTime,
  directory,
  intent,
  mustOpen,
  outcome,
  recordsOf,
  refusal,
  settle,
  signing,
  sourcesOf,
  trailOptions,
} from './trail.fixture.ts';
import { verifyTrail } from './verify.ts';

async function verdictOf(disk: MemoryDisk): Promise<string> {
  const verdict = await verifyTrail(sourcesOf(disk), [signing.publicKey]);
  return verdict.verdict === 'broken' ? `broken ${verdict.what} at ${verdict.seq}` : verdict.verdict;
}

function mustAppend(trail: Trail, draft: Parameters<Trail['append']>[0]): number {
  const seq = trail.append(draft);
  if (typeof seq !== 'number') throw new Error(`refused: ${seq.refused}`);
  return seq;
}

function exchangesOf(disk: MemoryDisk): string[] {
  return recordsOf(disk)
    .filter(({ exchange }) => exchange !== undefined)
    .map(({ kind, exchange }) => `${kind} ${exchange}`);
}

/** Keeps what a promise turned out to be, so that a test can say that it has not settled. */
function watch(promise: Promise<Durable> | undefined): { value: Durable | 'waiting' } {
  const seen: { value: Durable | 'waiting' } = { value: promise === undefined ? 'durable' : 'waiting' };
  void promise?.then((value) => {
    seen.value = value;
  });
  return seen;
}

describe('the audit trail', () => {
  it('opens each file with a checkpoint and numbers records without a gap across restarts', async () => {
    const disk = new MemoryDisk();
    const time = new ManualTime();
    for (const run of ['a', 'b', 'c']) {
      const trail = await mustOpen(trailOptions(disk, time));
      mustAppend(trail, intent(run));
      await trail.close();
    }
    const records = recordsOf(disk);
    expect(records.map(({ seq }) => seq)).toEqual(records.map((_, index) => index + 1));
    expect(disk.names).toHaveLength(3);
    for (const name of disk.names)
      expect(disk.content(name).toString()).toMatch(/^\{"v":1,"seq":\d+,"time":"[^"]+","kind":"checkpoint"/);
    expect(await verdictOf(disk)).toBe('fine');
  });

  it('answers for a record only after it has been synced', async () => {
    const disk = new MemoryDisk();
    const trail = await mustOpen(trailOptions(disk, new ManualTime()));
    const seq = mustAppend(trail, intent('a'));
    const seen = watch(trail.durable(seq));
    expect(seen.value).toBe('waiting');
    await settle();
    expect(seen.value).toBe('durable');
    expect(trail.durable(seq)).toBeUndefined();
    expect(exchangesOf(disk.afterCrash(true))).toEqual(['intent a']);
  });

  it('syncs everything that arrives meanwhile as one group', async () => {
    const disk = new MemoryDisk();
    const trail = await mustOpen(trailOptions(disk, new ManualTime()));
    const before = trail.stats().syncs;
    const waits = Array.from({ length: 100 }, (_, index) => trail.durable(mustAppend(trail, intent(`x${index}`))));
    expect(await Promise.all(waits.map((wait) => Promise.resolve(wait)))).toEqual(
      Array.from({ length: 100 }, () => 'durable'),
    );
    expect(trail.stats().syncs).toBe(before + 1);
  });

  it('lets records that nobody waits for share a sync with the next that somebody does', async () => {
    const disk = new MemoryDisk();
    const time = new ManualTime();
    const trail = await mustOpen(trailOptions(disk, time));
    const before = trail.stats().syncs;
    mustAppend(trail, outcome('a'));
    await settle();
    expect(trail.stats().syncs).toBe(before);
    await time.advance(10);
    expect(trail.stats()).toMatchObject({ syncs: before + 1, queued: 0 });
  });

  it('syncs each 50 ms at durability interval', async () => {
    const disk = new MemoryDisk();
    const time = new ManualTime();
    const trail = await mustOpen(trailOptions(disk, time, { durability: 'interval' }));
    mustAppend(trail, intent('a'));
    await time.advance(49);
    expect(exchangesOf(disk)).toEqual([]);
    await time.advance(1);
    expect(exchangesOf(disk)).toEqual(['intent a']);
  });

  it('makes a checkpoint after the set number of records, after the set time when there were records, and at the end', async () => {
    const disk = new MemoryDisk();
    const time = new ManualTime();
    const trail = await mustOpen(trailOptions(disk, time, { checkpointEvery: { ms: 60_000, records: 3 } }));
    for (const id of ['a', 'b', 'c', 'd']) mustAppend(trail, intent(id));
    await time.advance(60_000);
    await time.advance(600_000);
    mustAppend(trail, intent('e'));
    await trail.close();
    const reasons = recordsOf(disk).map((record) => record.checkpoint?.reason ?? record.exchange);
    expect(reasons).toEqual(['open', 'a', 'b', 'c', 'count', 'd', 'time', 'e', 'stop']);
  });

  it('begins a new file when one has reached its size', async () => {
    const disk = new MemoryDisk();
    const trail = await mustOpen(trailOptions(disk, new ManualTime(), { rotateBytes: 2000 }));
    for (let index = 0; index < 30; index++) mustAppend(trail, intent(`x${index}`));
    await trail.close();
    expect(disk.names.length).toBeGreaterThan(3);
    for (const name of disk.names) expect(disk.content(name).length).toBeLessThan(3500);
    expect(await verdictOf(disk)).toBe('fine');
  });

  it('refuses a directory that another process writes', async () => {
    const disk = new MemoryDisk();
    const time = new ManualTime();
    const first = await mustOpen(trailOptions(disk, time));
    expect(await openTrail(trailOptions(disk, time))).toMatchObject({ fault: 'locked' });
    await first.close();
    await (await mustOpen(trailOptions(disk, time))).close();
  });

  it('takes nothing after it was closed', async () => {
    const trail = await mustOpen(trailOptions(new MemoryDisk(), new ManualTime()));
    await trail.close();
    expect(trail.append(intent('a'))).toEqual({ refused: 'closed' });
  });

  it('refuses records when the disk cannot keep up, what is owed last', async () => {
    const disk = new MemoryDisk();
    const trail = await mustOpen(trailOptions(disk, new ManualTime(), { queueBytes: 1000 }));
    while (typeof trail.append(intent('a')) === 'number');
    expect(trail.append(intent('a'))).toEqual({ refused: 'behind' });
    expect(trail.append(outcome('a'))).toBeTypeOf('number');
    while (typeof trail.append(outcome('a')) === 'number');
    expect(trail.append(outcome('a'))).toEqual({ refused: 'behind' });
  });

  it('removes whole files that are too old, and the rest still verifies', async () => {
    const disk = new MemoryDisk();
    const time = new ManualTime();
    const trail = await mustOpen(trailOptions(disk, time, { rotateBytes: 1000, keepMs: 5000 }));
    const all = new Set<string>();
    for (let index = 0; index < 20; index++) {
      mustAppend(trail, intent(`x${index}`));
      await time.advance(1000);
      for (const name of disk.names) all.add(name);
    }
    await trail.close();
    expect(all.size).toBeGreaterThan(disk.names.length);
    expect(recordsOf(disk)[0]).toMatchObject({ kind: 'checkpoint' });
    expect(recordsOf(disk)[0]?.seq).toBeGreaterThan(1);
    expect(exchangesOf(disk).at(-1)).toBe('intent x19');
    expect(await verdictOf(disk)).toBe('fine');
    disk.files.delete(`${directory}/${disk.names[0]}`);
    expect(await verdictOf(disk)).toMatch(/^broken start/);
  });
});

describe('a failing audit disk', () => {
  async function failingTrail(call: DiskCall, error = MemoryDisk.ioError()) {
    const disk = new MemoryDisk();
    const time = new ManualTime();
    const states: string[] = [];
    const trail = await mustOpen(trailOptions(disk, time, { onState: (state) => states.push(state) }));
    await trail.durable(mustAppend(trail, intent('before')));
    disk.fault = (name) => (name === call ? error : undefined);
    return { disk, time, trail, states };
  }

  it.each(['append', 'sync'] as const)('tells waiting callers that a record is lost when %s fails', async (call) => {
    const { trail } = await failingTrail(call);
    expect(await trail.durable(mustAppend(trail, intent('a')))).toBe('lost');
    expect(trail.state).toBe('failing');
    expect(trail.append(intent('b'))).toEqual({ refused: 'failing' });
    expect(trail.stats()).toMatchObject({ lost: 1, state: 'failing' });
  });

  it.each(['append', 'sync'] as const)(
    'resumes by itself after %s has failed, without a gap or a lost outcome',
    async (call) => {
      const { disk, time, trail, states } = await failingTrail(call);
      const lost = trail.durable(mustAppend(trail, intent('lost')));
      mustAppend(trail, outcome('before'));
      expect(await lost).toBe('lost');
      expect(trail.append(intent('refused'))).toMatchObject({ refused: 'failing' });
      expect(trail.append(refusal('dropped'))).toMatchObject({ refused: 'failing' });
      mustAppend(trail, outcome('another'));
      await time.advance(1000);
      disk.fault = undefined;
      await time.advance(250);
      expect(trail.state).toBe('healthy');
      await trail.durable(mustAppend(trail, intent('after')));
      await trail.close();
      expect(states).toEqual(['failing', 'healthy', 'closed']);
      expect(exchangesOf(disk)).toEqual(['intent before', 'outcome before', 'outcome another', 'intent after']);
      expect(await verdictOf(disk)).toBe('fine');
      const told = recordsOf(disk).find(({ kind }) => kind === 'system');
      expect(told?.args?.values).toEqual({ refusedIntents: 2, dropped: { refusal: 1 } });
    },
  );

  it('stays failing while the torn tail cannot be cut off', async () => {
    const { disk, time, trail } = await failingTrail('append');
    expect(await trail.durable(mustAppend(trail, intent('a')))).toBe('lost');
    disk.fault = (name) => (name === 'truncate' ? MemoryDisk.ioError() : undefined);
    await time.advance(5000);
    expect(trail.state).toBe('failing');
    disk.fault = undefined;
    await time.advance(250);
    expect(trail.state).toBe('healthy');
    expect(await verdictOf(disk)).toBe('fine');
  });

  it('names a full disk and resumes when there is space', async () => {
    const { disk, time, trail } = await failingTrail('freeBytes');
    disk.capacity = disk.used + 50;
    expect(await trail.durable(mustAppend(trail, intent('a')))).toBe('lost');
    expect(trail.append(intent('b'))).toEqual({ refused: 'full' });
    await time.advance(1000);
    disk.capacity = 1_000_000;
    disk.fault = undefined;
    await time.advance(250);
    expect(trail.append(intent('c'))).toBeTypeOf('number');
    await trail.close();
    expect(await verdictOf(disk)).toBe('fine');
  });

  it.each([1, 2, 3])('never repairs twice at once while it closes, with %i failing writes', async (failures) => {
    const disk = new MemoryDisk();
    const time = new ManualTime();
    const trail = await mustOpen(trailOptions(disk, time));
    mustAppend(trail, outcome('a'));
    let appends = 0;
    const timers: Promise<void>[] = [];
    disk.fault = (name) => {
      if (name !== 'append') return undefined;
      appends += 1;
      // The timer of the first failure goes off in the midst of the repair that closing makes.
      if (appends > 1) timers.push(time.advance(250));
      return appends <= failures ? MemoryDisk.ioError() : undefined;
    };
    await trail.close();
    await Promise.all(timers);
    await (await mustOpen(trailOptions(disk, time))).close();
    expect(exchangesOf(disk)).toEqual(failures < 2 ? ['outcome a'] : []);
    expect(await verdictOf(disk)).toBe('fine');
  });

  it('keeps intents that were acted upon at durability interval', async () => {
    const disk = new MemoryDisk();
    const time = new ManualTime();
    const trail = await mustOpen(trailOptions(disk, time, { durability: 'interval' }));
    mustAppend(trail, intent('a'));
    disk.fault = (name) => (name === 'sync' ? MemoryDisk.ioError() : undefined);
    await time.advance(50);
    disk.fault = undefined;
    await time.advance(250);
    await trail.close();
    expect(exchangesOf(disk)).toEqual(['intent a']);
    expect(await verdictOf(disk)).toBe('fine');
  });

  it('opens on a disk that cannot be written, and starts when it can', async () => {
    const disk = new MemoryDisk();
    const time = new ManualTime();
    disk.fault = (name) => (name === 'openAppend' ? MemoryDisk.noSpace() : undefined);
    const trail = await mustOpen(trailOptions(disk, time));
    expect(trail.append(intent('a'))).toEqual({ refused: 'full' });
    disk.fault = undefined;
    await time.advance(250);
    expect(await trail.durable(mustAppend(trail, intent('b')))).toBe('durable');
    await trail.close();
    expect(await verdictOf(disk)).toBe('fine');
  });

  it('keeps the last of the space for intents and what is owed, and tells later what it dropped', async () => {
    const disk = new MemoryDisk();
    const time = new ManualTime();
    disk.capacity = 100_000;
    const trail = await mustOpen(trailOptions(disk, time));
    let refused: unknown;
    for (let count = 0; count < 1000 && typeof refused !== 'object'; count++) {
      refused = trail.append(refusal(`r${count}`));
      await time.advance(10);
    }
    expect(refused).toEqual({ refused: 'full' });
    expect(trail.state).toBe('reserved');
    expect(disk.capacity - disk.used).toBeGreaterThan(4000);
    expect(await trail.durable(mustAppend(trail, intent('a')))).toBe('durable');
    mustAppend(trail, outcome('a'));
    expect(trail.append(refusal('x'))).toEqual({ refused: 'full' });
    disk.capacity = 200_000;
    await time.advance(1000);
    expect(trail.state).toBe('healthy');
    expect(trail.append(refusal('y'))).toBeTypeOf('number');
    await trail.close();
    const told = recordsOf(disk).find(({ kind }) => kind === 'system');
    expect(told?.args?.values).toEqual({ refusedIntents: 0, dropped: { refusal: 2 } });
    expect(await verdictOf(disk)).toBe('fine');
  });

  it('keeps every acknowledged intent and a whole chain whichever disk call fails, and whenever', async () => {
    const calls: DiskCall[] = ['openAppend', 'append', 'sync', 'truncate', 'remove', 'syncDirectory'];
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ at: fc.nat(60), call: fc.constantFrom(...calls), times: fc.integer({ min: 1, max: 4 }) })),
        fc.boolean(),
        async (faults, isPowerLost) => {
          const disk = new MemoryDisk();
          const time = new ManualTime();
          const options = { rotateBytes: 1500, checkpointEvery: { ms: 60_000, records: 5 } };
          const trail = await mustOpen(trailOptions(disk, time, options));
          const pending = new Map<DiskCall, number>();
          disk.fault = (call) => {
            const left = pending.get(call) ?? 0;
            if (left === 0) return undefined;
            pending.set(call, left - 1);
            return MemoryDisk.ioError();
          };
          const acknowledged: string[] = [];
          for (let step = 0; step < 60; step++) {
            for (const { at, call, times } of faults) if (at === step) pending.set(call, times);
            const seq = trail.append(intent(`x${step}`));
            if (typeof seq === 'number') {
              void trail.durable(seq)?.then((value) => {
                if (value === 'durable') acknowledged.push(`intent x${step}`);
              });
              if (step % 3 === 0) trail.append(outcome(`x${step}`));
            }
            if (step % 2 === 0) await time.advance(100);
          }
          const crashed = disk.afterCrash(isPowerLost);
          const again = await mustOpen(trailOptions(crashed, time, options));
          await again.close();
          const found = new Set(exchangesOf(crashed));
          expect(acknowledged.filter((exchange) => !found.has(exchange))).toEqual([]);
          expect(await verdictOf(crashed)).toBe('fine');
          await trail.close();
        },
      ),
      { seed: 20_261_120, numRuns: 100 },
    );
  }, 60_000);
});

describe('opening a trail after a crash', () => {
  it('cuts off a torn tail wherever in the last records it was cut, and goes on', async () => {
    const disk = new MemoryDisk();
    const time = new ManualTime();
    const trail = await mustOpen(trailOptions(disk, time));
    for (const id of ['a', 'b', 'c', 'd']) await trail.durable(mustAppend(trail, intent(id)));
    const name = disk.names[0] ?? '';
    const whole = disk.content(name);
    const lines = whole.toString().split('\n');
    const start = whole.length - lines.slice(-4).join('\n').length;
    for (let length = start; length < whole.length; length++) {
      const crashed = disk.afterCrash();
      await crashed.truncate(`${directory}/${name}`, length);
      const complete = exchangesOf(crashed).length;
      const again = await mustOpen(trailOptions(crashed, time));
      await again.durable(mustAppend(again, intent('after')));
      await again.close();
      const kept = ['a', 'b', 'c', 'd']
        .map((id) => `intent ${id}`)
        .slice(0, whole[length - 1] === 10 ? complete : undefined);
      const found = exchangesOf(crashed);
      expect(found.slice(0, -1)).toEqual(kept.slice(0, found.length - 1));
      expect(found.length - 1).toBeGreaterThanOrEqual(Math.min(complete, 1));
      expect(await verdictOf(crashed)).toBe('fine');
    }
  }, 60_000);

  it('removes a last file without a whole record and goes on from the one before', async () => {
    const disk = new MemoryDisk();
    const time = new ManualTime();
    await (await mustOpen(trailOptions(disk, time))).close();
    const later = await mustOpen(trailOptions(disk, time));
    await later.close();
    const last = disk.names.at(-1) ?? '';
    for (const length of [0, 1, 100]) {
      const crashed = disk.afterCrash();
      await crashed.truncate(`${directory}/${last}`, length);
      const again = await mustOpen(trailOptions(crashed, time));
      expect(again.recovery).toEqual({ tornBytes: length, isBroken: false });
      await again.close();
      expect(crashed.names).not.toContain(last);
      expect(await verdictOf(crashed)).toBe('fine');
    }
  });

  it('leaves a file that was broken in the middle as it is, for verification to name', async () => {
    const disk = new MemoryDisk();
    const time = new ManualTime();
    const trail = await mustOpen(trailOptions(disk, time));
    for (const id of ['a', 'b', 'c']) mustAppend(trail, intent(id));
    await trail.close();
    const name = disk.names[0] ?? '';
    const changed = Buffer.from(disk.content(name).toString().replace('"exchange":"b"', '"exchange":"B"'));
    disk.files.set(`${directory}/${name}`, { bytes: changed, synced: changed.length });
    const again = await mustOpen(trailOptions(disk, time));
    expect(again.recovery).toEqual({ tornBytes: 0, isBroken: true });
    await again.close();
    expect(disk.content(name)).toEqual(changed);
    expect(await verdictOf(disk)).toBe('broken hash at 3');
    expect(recordsOf(disk).find(({ kind }) => kind === 'system')?.outcome?.reason).toBe('broken');
  });
});
