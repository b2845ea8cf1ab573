import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import fc from 'fast-check';
import { closeLine, hashLine } from './chain.ts';
import { MemoryDisk } from './memory-disk.fixture.ts';
import { ManualTime, intent, mustOpen, outcome, signing, sourcesOf, trailOptions } from './trail.fixture.ts';
import { verifyTrail } from './verify.ts';
import type { Verdict, VerifyOptions } from './verify.ts';

vi.setConfig({ testTimeout: 60_000 });

/** One line of a file, without its newline. */
interface Place {
  readonly file: string;
  readonly index: number;
  readonly seq: number;
}

type Files = Map<string, string[]>;

async function makeTrail(): Promise<{ files: Files; head: string; places: Place[] }> {
  const disk = new MemoryDisk();
  const options = { rotateBytes: 4000, checkpointEvery: { ms: 60_000, records: 4 } };
  const trail = await mustOpen(trailOptions(disk, new ManualTime(), options));
  for (let index = 0; index < 40; index++) trail.append(index % 2 === 0 ? intent(`x${index}`) : outcome(`x${index}`));
  await trail.close();
  const files: Files = new Map();
  for (const { name, read } of sourcesOf(disk)) {
    const [bytes] = [...(read() as Uint8Array[])];
    files.set(
      name,
      Buffer.from(bytes ?? [])
        .toString()
        .trimEnd()
        .split('\n'),
    );
  }
  const places = [...files].flatMap(([file, lines]) => lines.map((_, index) => ({ file, index })));
  return {
    files,
    head: trail.stats().lastDurableHash,
    places: places.map((place, index) => ({ ...place, seq: index + 1 })),
  };
}

function copy(files: Files): Files {
  return new Map([...files].map(([name, lines]) => [name, [...lines]]));
}

function verify(files: Files | Map<string, Buffer>, options?: VerifyOptions): Promise<Verdict> {
  const sources = [...files].map(([name, content]) => {
    const bytes = Buffer.isBuffer(content) ? content : Buffer.from(content.map((line) => `${line}\n`).join(''));
    // In small pieces, so that lines cross them.
    return {
      name,
      read: () =>
        Array.from({ length: Math.ceil(bytes.length / 700) }, (_, at) => bytes.subarray(at * 700, at * 700 + 700)),
    };
  });
  return verifyTrail(sources, [signing.publicKey], options);
}

function linesOf(files: Files, place: Place): string[] {
  const lines = files.get(place.file);
  if (lines === undefined) throw new Error('no such file');
  return lines;
}

const trail = await makeTrail();
const { files, places } = trail;
const last = places.length - 1;
const aPlace = fc.nat(last);
const parameters = { seed: 20_261_120, numRuns: 200 };

function placeAt(index: number): Place {
  const place = places[index];
  if (place === undefined) throw new Error('no such place');
  return place;
}

describe('verifying a trail', () => {
  it('finds nothing wrong with what the trail has written', async () => {
    const verdict = await verify(files);
    expect(verdict).toMatchObject({ verdict: 'fine', firstSeq: 1, lastSeq: places.length, head: trail.head });
    expect(files.size).toBeGreaterThan(4);
    expect(await verify(new Map())).toEqual({ verdict: 'empty' });
  });

  it('[audit-chain] finds every changed bit and names the record that holds it', async () => {
    await fc.assert(
      fc.asyncProperty(aPlace, fc.nat(), fc.nat(7), async (at, offset, bit) => {
        const place = placeAt(at);
        const changed = new Map(
          [...files].map(([name, lines]) => [name, Buffer.from(lines.map((line) => `${line}\n`).join(''))]),
        );
        const bytes = changed.get(place.file) ?? Buffer.alloc(0);
        const lines = linesOf(files, place);
        const start = Buffer.byteLength(
          lines
            .slice(0, place.index)
            .map((line) => `${line}\n`)
            .join(''),
        );
        const isVeryLast = at === last;
        const length = Buffer.byteLength(lines[place.index] ?? '') + (isVeryLast ? 0 : 1);
        const position = start + (offset % length);
        bytes[position] = (bytes[position] ?? 0) ^ (1 << bit);
        expect(await verify(changed)).toMatchObject({
          verdict: 'broken',
          seq: place.seq,
          file: place.file,
          line: place.index + 1,
        });
      }),
      parameters,
    );
  });

  it('[audit-chain] finds every deleted record and names it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(last - 1), async (at) => {
        const place = placeAt(at);
        const changed = copy(files);
        linesOf(changed, place).splice(place.index, 1);
        expect(await verify(changed)).toMatchObject({ verdict: 'broken', seq: place.seq });
      }),
      parameters,
    );
  });

  it('[audit-chain] finds every inserted record and names the first that is out of place', async () => {
    await fc.assert(
      fc.asyncProperty(aPlace, aPlace, async (from, to) => {
        const [source, target] = [placeAt(from), placeAt(to)];
        const changed = copy(files);
        const line = linesOf(files, source)[source.index] ?? '';
        linesOf(changed, target).splice(target.index, 0, line);
        const seq = from === to ? target.seq + 1 : target.seq;
        expect(await verify(changed)).toMatchObject({ verdict: 'broken', seq });
      }),
      parameters,
    );
  });

  it('[audit-chain] finds every swap of two records and names the first', async () => {
    await fc.assert(
      fc.asyncProperty(aPlace, aPlace, async (first, second) => {
        fc.pre(first !== second);
        const [a, b] = [placeAt(first), placeAt(second)];
        const changed = copy(files);
        const [lineA = '', lineB = ''] = [linesOf(files, a)[a.index], linesOf(files, b)[b.index]];
        linesOf(changed, a)[a.index] = lineB;
        linesOf(changed, b)[b.index] = lineA;
        expect(await verify(changed)).toMatchObject({ verdict: 'broken', seq: Math.min(a.seq, b.seq) });
      }),
      parameters,
    );
  });

  it('finds records that were changed and hashed again, at the next checkpoint', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(last - 1), async (at) => {
        const changed = copy(files);
        let prev = '';
        for (const [index, place] of places.entries()) {
          if (index < at) continue;
          const lines = linesOf(changed, place);
          const body = (lines[place.index] ?? '').slice(0, -75);
          const text =
            index === at ? body.replace(/"time":"2026/, '"time":"2025') : body.slice(0, -64 - 1) + prev + '"';
          prev = hashLine(Buffer.from(text));
          lines[place.index] = (text + closeLine(prev)).trimEnd();
        }
        const next = places.find(
          (place, index) => index >= at && linesOf(files, place)[place.index]?.includes('"checkpoint"') === true,
        );
        expect(await verify(changed)).toMatchObject({ verdict: 'broken', what: 'signature', seq: next?.seq });
      }),
      { ...parameters, numRuns: 50 },
    );
  });

  it('finds one record that was changed and hashed again, at the next record', async () => {
    for (const at of [1, 6, 7]) {
      const [place, next] = [placeAt(at), placeAt(at + 1)];
      const changed = copy(files);
      const lines = linesOf(changed, place);
      const text = (lines[place.index] ?? '').slice(0, -75).replace(/"time":"2026/, '"time":"2025');
      lines[place.index] = (text + closeLine(hashLine(Buffer.from(text)))).trimEnd();
      expect(await verify(changed)).toMatchObject({ verdict: 'broken', what: 'prev', seq: next.seq });
    }
  });

  it('finds each missing file, also the first', async () => {
    const names = [...files.keys()];
    for (const [index, name] of names.slice(0, -1).entries()) {
      const changed = copy(files);
      changed.delete(name);
      const seq = places.find(({ file }) => file === name)?.seq;
      expect(await verify(changed)).toMatchObject({ verdict: 'broken', seq, what: index === 0 ? 'start' : 'seq' });
    }
  });

  it('finds files whose contents were exchanged', async () => {
    const names = [...files.keys()];
    for (const [index, a] of names.entries()) {
      for (const b of names.slice(index + 1)) {
        const changed = copy(files);
        changed.set(a, files.get(b) ?? []).set(b, files.get(a) ?? []);
        const seq = places.find(({ file }) => file === a)?.seq;
        expect(await verify(changed)).toMatchObject({ verdict: 'broken', seq });
      }
    }
  });

  it('says that a last line is torn wherever it was cut', async () => {
    const place = placeAt(last);
    const line = linesOf(files, place)[place.index] ?? '';
    for (const length of [1, 10, line.length - 1, line.length]) {
      const changed = new Map(
        [...files].map(([name, lines]) => [name, Buffer.from(lines.map((each) => `${each}\n`).join(''))]),
      );
      const bytes = changed.get(place.file) ?? Buffer.alloc(0);
      changed.set(place.file, bytes.subarray(0, bytes.length - line.length - 1 + length));
      const offset = bytes.length - line.length - 1;
      expect(await verify(changed)).toMatchObject({ verdict: 'torn', file: place.file, offset, lastSeq: last });
    }
  });

  it('counts the records that no checkpoint covers', async () => {
    const changed = copy(files);
    linesOf(changed, placeAt(last)).pop();
    expect(await verify(changed)).toMatchObject({ verdict: 'unsealed', lastSeq: last });
  });

  it('[audit-head] finds a cut tail by an anchor, and accepts an anchor that the trail has grown past', async () => {
    const anchor = trail.head;
    expect(await verify(files, { head: anchor })).toMatchObject({ verdict: 'fine' });
    const earlier = (linesOf(files, placeAt(9))[placeAt(9).index] ?? '').slice(-66, -2);
    expect(await verify(files, { head: earlier })).toMatchObject({ verdict: 'fine' });
    const changed = copy(files);
    for (let at = last; at > 0; at--) {
      const place = placeAt(at);
      const lines = linesOf(changed, place);
      lines.pop();
      if (lines.length === 0) changed.delete(place.file);
      expect(await verify(changed, { head: anchor })).toMatchObject({ verdict: 'broken', what: 'head', seq: at + 1 });
    }
    expect(await verify(new Map(), { head: anchor })).toMatchObject({ verdict: 'broken', what: 'head', seq: 1 });
  });

  it('believes no key but those it is given', async () => {
    const sources = [...files].map(([name, lines]) => ({ name, read: () => [Buffer.from(lines.join('\n') + '\n')] }));
    const other = generateKeyPairSync('ed25519').publicKey;
    expect(await verifyTrail(sources, [other])).toMatchObject({ verdict: 'broken', seq: 1, what: 'key' });
  });
});
