// Edits to a trail that is at rest: bits, records, files and the tail, each verified with the public key alone.
import { hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createDisk,
  deriveKeys,
  openTrail,
  trailPublicKeys,
  trailSources,
  verifyTrail,
  type TrailOptions,
  type Verdict,
} from '@sallyport/guard';
import { createRandom, type SeededRandom } from '@sallyport/testkit';

/** Ways in which the trail is edited. */
export const tamperings = [
  'a bit changed',
  'a record removed',
  'a copied record inserted',
  'a forged record inserted',
  'a record changed and hashed again',
  'a record changed and all behind it hashed again',
  'two records swapped',
  'a file cut short',
  'the tail cut off',
  'a file removed',
  'two files swapped',
] as const;

/** One way of editing. */
export type Tampering = (typeof tamperings)[number];

/** What came of all trials. */
export interface TamperResult {
  /** Records in the trail that was edited. */
  readonly records: number;
  readonly files: number;
  /** Trials of each way. */
  readonly trials: ReadonlyMap<Tampering, number>;
  /** Trials after which the trail still verified. */
  readonly missed: number;
  /** Trials that were found, but with another record named than the first bad one. */
  readonly misnamed: number;
  /** What the first trial that failed did. */
  readonly firstFailure: string | undefined;
}

/** One record of the trail: its file, and its bytes with the newline. */
interface Line {
  readonly file: number;
  readonly bytes: Buffer;
  readonly isCheckpoint: boolean;
}

/** A trail at rest. Line `seq - 1` is the record `seq`. */
interface Trail {
  readonly names: readonly string[];
  readonly lines: readonly Line[];
  readonly publicKeys: Awaited<ReturnType<typeof trailPublicKeys>>;
  /** Hash of the newest record, kept elsewhere. */
  readonly head: string;
}

/** An edited trail, and what verification has to say about it. */
interface Edit {
  readonly files: ReadonlyMap<string, Buffer>;
  /** The first record that is wrong or missing. */
  readonly seq: number;
  /** True where only the anchor can tell. */
  readonly needsHead?: boolean;
}

/**
 * Writes a trail with the product's own writer.
 *
 * @param directory - where; made when absent
 * @param calls - how many; each leaves an intent and an outcome
 * @returns hash of the newest record
 */
export async function writeTrail(directory: string, calls: number): Promise<string> {
  const random = createRandom(calls);
  const options: TrailOptions = {
    directory,
    durability: 'intent',
    rotateBytes: 256 * 1024,
    checkpointEvery: { ms: 60_000, records: 100 },
    disk: createDisk(),
    clock: { now: Date.now, monotonic: () => performance.now() },
    signing: deriveKeys({ current: random.bytes(32) }).current.auditSigning,
    processName: 'tamper',
  };
  const trail = await openTrail(options);
  if ('fault' in trail) throw new Error(trail.message, { cause: trail.cause });
  for (let call = 0; call < calls; call++) {
    const common = {
      exchange: `x${call}`,
      principal: { id: `key:${random.text(8)}`, kind: 'key', roles: ['reader'] },
      method: 'tools/call',
      target: { upstream: 'files', kind: 'tool', name: random.text(12) },
    };
    const args = { digest: Buffer.from(random.bytes(32)).toString('hex'), bytes: random.integer(4096) };
    const intent = trail.append({ ...common, kind: 'intent', args });
    trail.append({ ...common, kind: 'outcome', isOwed: true, outcome: { status: 'ok', ms: random.integer(100) } });
    // Now and then somebody waits, as callers do, so that the trail is written in many groups.
    if (call % 50 === 0 && typeof intent === 'number') await trail.durable(intent);
  }
  await trail.close();
  return trail.stats().lastDurableHash;
}

async function readTrail(directory: string, head: string): Promise<Trail> {
  const names = (await trailSources(directory)).map(({ name }) => name);
  const lines: Line[] = [];
  for (const [file, name] of names.entries()) {
    const bytes = await readFile(join(directory, name));
    let start = 0;
    for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
      const line = bytes.subarray(start, end + 1);
      lines.push({ file, bytes: line, isCheckpoint: line.includes('"kind":"checkpoint"') });
      start = end + 1;
    }
  }
  return { names, lines, publicKeys: await trailPublicKeys(directory), head };
}

/**
 * Edits one trail again and again, each time from its true state.
 *
 * @param directory - an empty folder for the trail
 * @param trials - in all, spread evenly over the ways of editing
 * @param seed - decides where
 */
export async function runTampering(directory: string, trials: number, seed: number): Promise<TamperResult> {
  const random = createRandom(seed);
  const trail = await readTrail(directory, await writeTrail(directory, 1600));
  const clean = await verify(trail, { files: build(trail, trail.lines), seq: 0 });
  if (clean.verdict !== 'fine') throw new Error(`the trail was not fine to begin with: ${JSON.stringify(clean)}`);
  const counts = new Map<Tampering, number>(tamperings.map((way) => [way, 0]));
  let [missed, misnamed] = [0, 0];
  let firstFailure: string | undefined;
  for (let trial = 0; trial < trials; trial++) {
    const way = tamperings[trial % tamperings.length] ?? 'a bit changed';
    counts.set(way, (counts.get(way) ?? 0) + 1);
    const made = edits[way](trail, random);
    const verdict = await verify(trail, made);
    if (verdict.verdict === 'broken' && verdict.seq === made.seq) continue;
    if (verdict.verdict === 'broken') misnamed += 1;
    else missed += 1;
    firstFailure ??= `${way}, at ${made.seq}: ${JSON.stringify(verdict)}`;
  }
  return { records: trail.lines.length, files: trail.names.length, trials: counts, missed, misnamed, firstFailure };
}

function verify(trail: Trail, { files, needsHead }: Edit): Promise<Verdict> {
  const sources = [...files].map(([name, bytes]) => ({ name, read: () => [bytes] }));
  return verifyTrail(sources, trail.publicKeys, needsHead === true ? { head: trail.head } : {});
}

/** The files that hold these lines, each line in its own file; a file without lines is gone. */
function build(trail: Trail, lines: readonly Line[]): Map<string, Buffer> {
  const parts = trail.names.map((): Buffer[] => []);
  for (const { file, bytes } of lines) parts[file]?.push(bytes);
  const files = new Map<string, Buffer>();
  for (const [file, name] of trail.names.entries()) {
    const content = parts[file] ?? [];
    if (content.length > 0) files.set(name, Buffer.concat(content));
  }
  return files;
}

/** A record before the last checkpoint, which is the last record. */
function anySeq(trail: Trail, random: SeededRandom): number {
  return 1 + random.integer(trail.lines.length - 1);
}

function lineOf(trail: Trail, seq: number): Line {
  const line = trail.lines[seq - 1];
  if (line === undefined) throw new Error(`no record ${seq}`);
  return line;
}

/** The seq of a file's first record. */
function firstOf(trail: Trail, file: number): number {
  return trail.lines.findIndex((line) => line.file === file) + 1;
}

const hashMember = ',"hash":"'.length + 64 + '"}\n'.length;

/** Gives a line the hash of what it now says. */
function rehash(body: string): Buffer {
  return Buffer.from(`${body},"hash":"${hash('sha256', body, 'hex')}"}\n`);
}

/** A line up to its hash. */
function bodyOf({ bytes }: Line): string {
  return bytes.toString('utf8', 0, bytes.length - hashMember);
}

function hashOf({ bytes }: Line): string {
  return bytes.toString('latin1', bytes.length - 67, bytes.length - 3);
}

/** Something that an editor would like to hide: who called, or when. */
function forge(body: string): string {
  const changed = body.replace(/"key:\w+"/, '"key:somebody"');
  return changed === body ? body.replace(/"time":"2\d/, '"time":"19') : changed;
}

const edits: Readonly<Record<Tampering, (trail: Trail, random: SeededRandom) => Edit>> = {
  'a bit changed': (trail, random) => {
    const seq = anySeq(trail, random);
    const line = lineOf(trail, seq);
    const bytes = Buffer.from(line.bytes);
    const at = random.integer(bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random.integer(8));
    return { files: build(trail, trail.lines.with(seq - 1, { ...line, bytes })), seq };
  },
  'a record removed': (trail, random) => {
    const seq = anySeq(trail, random);
    return { files: build(trail, trail.lines.toSpliced(seq - 1, 1)), seq };
  },
  'a copied record inserted': (trail, random) => {
    const [from, seq] = [anySeq(trail, random), anySeq(trail, random)];
    const copy = { ...lineOf(trail, from), file: lineOf(trail, seq).file };
    // A copy right before its original is the original; what follows it is then out of place.
    return { files: build(trail, trail.lines.toSpliced(seq - 1, 0, copy)), seq: from === seq ? seq + 1 : seq };
  },
  'a forged record inserted': (trail, random) => {
    const seq = Math.max(2, anySeq(trail, random));
    const [before, place] = [lineOf(trail, seq - 1), lineOf(trail, seq)];
    const body = bodyOf(trail.lines.find((line) => !line.isCheckpoint) ?? place)
      .replace(/"seq":\d+/, `"seq":${seq}`)
      .replace(/"prev":"\w+"/, `"prev":"${hashOf(before)}"`);
    const files = build(trail, trail.lines.toSpliced(seq - 1, 0, { ...place, bytes: rehash(forge(body)) }));
    // It fits where it stands, unless a file's opening checkpoint belongs there; what follows it does not fit any more.
    const opensFile = before.file !== place.file;
    return { files, seq: opensFile ? seq : seq + 1 };
  },
  'a record changed and hashed again': (trail, random) => {
    const seq = anySeq(trail, random);
    const line = lineOf(trail, seq);
    const bytes = rehash(forge(bodyOf(line)));
    // A checkpoint is signed, so it shows by itself; any other record by the next one that names it.
    return {
      files: build(trail, trail.lines.with(seq - 1, { ...line, bytes })),
      seq: line.isCheckpoint ? seq : seq + 1,
    };
  },
  'a record changed and all behind it hashed again': (trail, random) => {
    const seq = anySeq(trail, random);
    const lines = trail.lines.slice(0, seq - 1);
    for (const [index, line] of trail.lines.slice(seq - 1).entries()) {
      const before = lines.at(-1);
      const body =
        index === 0
          ? forge(bodyOf(line))
          : bodyOf(line).replace(/"prev":"\w+"$/, `"prev":"${before === undefined ? '' : hashOf(before)}"`);
      lines.push({ ...line, bytes: rehash(body) });
    }
    const checkpoint = trail.lines.findIndex((line, index) => index >= seq - 1 && line.isCheckpoint);
    return { files: build(trail, lines), seq: checkpoint + 1 };
  },
  'two records swapped': (trail, random) => {
    const one = anySeq(trail, random);
    const other = 1 + ((one + random.integer(trail.lines.length - 2)) % (trail.lines.length - 1));
    const [a, b] = [lineOf(trail, one), lineOf(trail, other)];
    const lines = trail.lines.with(one - 1, { ...a, bytes: b.bytes }).with(other - 1, { ...b, bytes: a.bytes });
    return { files: build(trail, lines), seq: Math.min(one, other) };
  },
  'a file cut short': (trail, random) => {
    const file = random.integer(trail.names.length - 1);
    const [first, next] = [firstOf(trail, file), firstOf(trail, file + 1)];
    // At least one record stays, and at least one goes.
    const seq = first + 1 + random.integer(next - first - 1);
    return { files: cut(trail, random, seq, (line) => line.file === file), seq };
  },
  'the tail cut off': (trail, random) => {
    const seq = Math.max(2, anySeq(trail, random));
    return { files: cut(trail, random, seq, () => true), seq, needsHead: true };
  },
  'a file removed': (trail, random) => {
    const file = random.integer(trail.names.length);
    const files = build(
      trail,
      trail.lines.filter((line) => line.file !== file),
    );
    return { files, seq: firstOf(trail, file), needsHead: file === trail.names.length - 1 };
  },
  'two files swapped': (trail, random) => {
    const one = random.integer(trail.names.length);
    const other = (one + 1 + random.integer(trail.names.length - 1)) % trail.names.length;
    const lines = trail.lines.map((line) => {
      if (line.file === one) return { ...line, file: other };
      return line.file === other ? { ...line, file: one } : line;
    });
    return { files: build(trail, lines), seq: firstOf(trail, Math.min(one, other)) };
  },
};

/** Takes away the records from `seq` on that `isCut` names; half of the time a part of the first of them stays. */
function cut(
  trail: Trail,
  random: SeededRandom,
  seq: number,
  isCut: (line: Line) => boolean,
): ReadonlyMap<string, Buffer> {
  const torn = lineOf(trail, seq);
  const kept = trail.lines.filter((line, index) => index < seq - 1 || !isCut(line));
  if (random.chance()) {
    kept.splice(seq - 1, 0, { ...torn, bytes: torn.bytes.subarray(0, 1 + random.integer(torn.bytes.length - 2)) });
  }
  return build(trail, kept);
}
