import { mkdtempSync, rmSync, truncateSync, writeFileSync, appendFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDisk } from '../disk.ts';
import { trailPublicKeys, trailSources } from './directory.ts';
import { followRecords, readRecords } from './read.ts';
import type { ReadOptions, RecordFilter } from './read.ts';
import type { AuditRecord } from './record.ts';
import { openTrail } from './trail.ts';
import type { Trail } from './trail.ts';
import { ManualTime, intent, outcome, refusal, signing } from './trail.fixture.ts';
import { verifyTrail } from './verify.ts';

let folder = '';
let time = new ManualTime();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-audit-'));
  time = new ManualTime();
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function open(rotateBytes = 1500): Promise<Trail> {
  const { schedule } = time;
  const trail = await openTrail({
    directory: folder,
    durability: 'intent',
    disk: createDisk(),
    clock: time,
    schedule,
    signing,
    processName: 'test',
    rotateBytes,
  });
  if ('fault' in trail) throw new Error(trail.message, { cause: trail.cause });
  return trail;
}

async function write(): Promise<void> {
  const trail = await open();
  for (let index = 0; index < 20; index++) {
    trail.append(intent(`x${index}`));
    trail.append(index % 5 === 0 ? refusal(`x${index}`) : outcome(`x${index}`));
    await time.advance(1000);
  }
  await trail.close();
}

async function find(filter?: RecordFilter, options?: ReadOptions): Promise<AuditRecord[]> {
  const records: AuditRecord[] = [];
  for await (const record of readRecords(folder, filter, options)) records.push(record);
  return records;
}

describe('reading records back', () => {
  it('yields all of them oldest first or newest first, over all files', async () => {
    await write();
    const oldest = (await find()).map(({ seq }) => seq);
    expect(oldest).toEqual(oldest.map((_, index) => index + 1));
    expect(oldest.length).toBeGreaterThan(40);
    const newest = (await find({}, { order: 'newest' })).map(({ seq }) => seq);
    expect(newest).toEqual(oldest.toReversed());
  });

  it('finds by exchange, principal, target, reason, kind and time', async () => {
    await write();
    expect((await find({ exchange: 'x7' })).map(({ kind }) => kind)).toEqual(['intent', 'outcome']);
    expect(await find({ exchange: 'x' })).toEqual([]);
    expect(await find({ principal: 'key:quickstart' })).toHaveLength(20);
    expect(await find({ target: 'files.read_text_file' })).toHaveLength(20);
    expect(await find({ target: 'read_text_file', exchange: 'x1' })).toHaveLength(1);
    expect(await find({ target: 'other.read_text_file' })).toEqual([]);
    expect(await find({ reason: 'denied' })).toHaveLength(4);
    expect(await find({ kinds: ['refusal', 'outcome'] })).toHaveLength(20);
    const start = Date.UTC(2026, 10, 20, 10);
    expect(await find({ since: start + 5000, until: start + 8000, kinds: ['intent'] })).toHaveLength(3);
    expect((await find({ kinds: ['intent'] }, { order: 'newest', limit: 2 })).map(({ exchange }) => exchange)).toEqual([
      'x19',
      'x18',
    ]);
  });

  it('finds an exchange id that needs escaping', async () => {
    const trail = await open();
    trail.append(intent('a"b\u2028'));
    await trail.close();
    expect(await find({ exchange: 'a"b\u2028' })).toHaveLength(1);
  });

  it('passes over lines that are not records and a tail that is not whole', async () => {
    await write();
    const count = (await find()).length;
    const name = 'zzz-20270101T000000000Z-000001.jsonl';
    writeFileSync(
      join(folder, name),
      'nonsense\n{"seq":"1"}\n[]\nnull\n\n{"v":1,"seq":999,"time":"2026-11-20T10:00:00.000Z"',
    );
    for (const order of ['oldest', 'newest'] as const) expect(await find({}, { order })).toHaveLength(count);
    writeFileSync(join(folder, name), 'x'.repeat(600_000));
    for (const order of ['oldest', 'newest'] as const) expect(await find({}, { order })).toHaveLength(count);
  });

  it('reads lines that are longer than a block, in both orders', async () => {
    const line = (seq: number) =>
      JSON.stringify({ v: 1, seq, time: '2026-11-20T10:00:00.000Z', kind: 'system', client: 'x'.repeat(400_000) });
    writeFileSync(
      join(folder, 'a-20270101T000000000Z-000001.jsonl'),
      [1, 2, 3].map((seq) => `${line(seq)}\n`).join(''),
    );
    expect((await find()).map(({ seq }) => seq)).toEqual([1, 2, 3]);
    expect((await find({}, { order: 'newest' })).map(({ seq }) => seq)).toEqual([3, 2, 1]);
  });

  it('agrees with verification over real files', async () => {
    await write();
    const verdict = await verifyTrail(await trailSources(folder), await trailPublicKeys(folder));
    expect(verdict).toMatchObject({ verdict: 'fine', records: (await find()).length });
  });
});

describe('following records', () => {
  it('shows the backlog, then what is written, over new files and restarts, until it is aborted', async () => {
    await write();
    const control = new AbortController();
    const filter = { kinds: ['intent'] } as const;
    const follower = followRecords(folder, { filter, backlog: 2, pollMs: 1, signal: control.signal });
    const next = async (): Promise<string | undefined> => (await follower.next()).value?.exchange;
    expect([await next(), await next()]).toEqual(['x18', 'x19']);
    for (const round of ['a', 'b']) {
      const trail = await open();
      for (let index = 0; index < 10; index++) {
        const seq = trail.append(intent(`${round}${index}`));
        await (typeof seq === 'number' ? trail.durable(seq) : undefined);
        expect(await next()).toBe(`${round}${index}`);
      }
      await trail.close();
    }
    control.abort();
    expect(await follower.next()).toEqual({ done: true, value: undefined });
  });

  it('goes on behind a tail that was cut off, and does not show half a line', async () => {
    const trail = await open(1_000_000);
    trail.append(intent('a'));
    await trail.close();
    const [source] = await trailSources(folder);
    const path = join(folder, source?.name ?? '');
    const whole = statSync(path).size;
    const control = new AbortController();
    const follower = followRecords(folder, { backlog: 1, pollMs: 1, signal: control.signal });
    const next = async (): Promise<number | undefined> => (await follower.next()).value?.seq;
    const line = (seq: number) => `{"v":1,"seq":${seq},"time":"2026-11-20T10:00:00.000Z","kind":"system"}\n`;
    expect(await next()).toBe(3);
    appendFileSync(path, line(4) + line(5).slice(0, 20));
    expect(await next()).toBe(4);
    truncateSync(path, whole);
    writeFileSync(join(folder, 'test-20270101T000000000Z-000001.jsonl'), line(4));
    expect(await next()).toBe(4);
    control.abort();
  });

  it('waits for a first file', async () => {
    const control = new AbortController();
    const follower = followRecords(folder, { pollMs: 1, signal: control.signal });
    const first = follower.next();
    const trail = await open();
    expect((await first).value).toMatchObject({ seq: 1, kind: 'checkpoint' });
    await trail.close();
    control.abort();
  });
});
