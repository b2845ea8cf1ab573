/**
 * Verifies a trail from its files and public keys alone: each hash, each link, each signature, the order of files and
 * both ends (design §4.5). Streams, so that size does not matter, and names the first record that is wrong.
 */
import type { KeyObject } from 'node:crypto';
import { kindOf, readLink } from './chain.ts';
import type { Head } from './chain.ts';
import { isCheckpointSigned, keyId } from './checkpoint.ts';
import { orderFiles } from './files.ts';
import type { AuditRecord } from './record.ts';

/** One file of a trail. */
export interface TrailSource {
  /** Its name in the directory, without the folder. */
  readonly name: string;
  read(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** What is wrong with the first bad record. */
export type Break =
  /** The line is not a record. */
  | 'unreadable'
  /** The line's hash is not that of its bytes. */
  | 'hash'
  /** It does not name the record before it. */
  | 'prev'
  /** Its seq is not the next one: records are missing, doubled or out of order. */
  | 'seq'
  /** A checkpoint's signature does not hold. */
  | 'signature'
  /** A checkpoint names a key that was not given. */
  | 'key'
  /** A file does not open with a checkpoint that names it. */
  | 'file'
  /** Records before the first one are missing, and no retention has removed them. */
  | 'start'
  /** The anchor is not in the trail: its tail was cut off or replaced. */
  | 'head';

/** Facts about the part that holds. */
export interface Extent {
  readonly files: number;
  readonly records: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Hash of the newest record: keep it elsewhere as an anchor. */
  readonly head: string;
  /** Newest seq that a signed checkpoint covers. */
  readonly sealedSeq: number;
}

export type Verdict =
  | (Extent & { readonly verdict: 'fine' })
  /** All fine, but no checkpoint covers the newest `unsealed` records yet. */
  | (Extent & { readonly verdict: 'unsealed'; readonly unsealed: number })
  /** The last line of the last file is not whole, as a crash leaves it; the next start cuts it off. */
  | (Extent & { readonly verdict: 'torn'; readonly file: string; readonly offset: number; readonly unsealed: number })
  | (Extent & {
      readonly verdict: 'broken';
      /** The first seq that is wrong or missing. */
      readonly seq: number;
      readonly file: string;
      /** Counts from 1; 0 when no line shows it. */
      readonly line: number;
      readonly what: Break;
    })
  | { readonly verdict: 'empty' };

export interface VerifyOptions {
  /** Hash of a record that must be in the trail, hex: an anchor kept elsewhere. */
  readonly head?: string | undefined;
}

class Walk {
  readonly #keys: ReadonlyMap<string, KeyObject>;
  readonly #anchor: string | undefined;
  #head: Head | undefined;
  #files = 0;
  #records = 0;
  #firstSeq = 0;
  #sealedSeq = 0;
  /** What the newest signed checkpoint says is the oldest seq. */
  #claimedFirst = 0;
  #isAnchorSeen: boolean;

  constructor(keys: ReadonlyMap<string, KeyObject>, anchor: string | undefined) {
    this.#keys = keys;
    this.#anchor = anchor;
    this.#isAnchorSeen = anchor === undefined;
  }

  get nextSeq(): number {
    return (this.#head?.seq ?? 0) + 1;
  }

  get firstSeq(): number {
    return this.#firstSeq;
  }

  get unsealed(): number {
    return (this.#head?.seq ?? 0) - this.#sealedSeq;
  }

  get isAnchorSeen(): boolean {
    return this.#isAnchorSeen;
  }

  /** True when records are missing at the start that retention has not removed. */
  get isStartCut(): boolean {
    return this.#records > 0 && this.#firstSeq > this.#claimedFirst;
  }

  get claimedFirst(): number {
    return this.#claimedFirst;
  }

  get extent(): Extent {
    return {
      files: this.#files,
      records: this.#records,
      firstSeq: this.#firstSeq,
      lastSeq: this.#head?.seq ?? 0,
      head: this.#head?.hash ?? '',
      sealedSeq: this.#sealedSeq,
    };
  }

  /** Takes the next line; returns what is wrong with it. */
  take(line: Buffer, file: string, isFirstOfFile: boolean): Break | undefined {
    const link = readLink(line);
    if (link === undefined) return 'unreadable';
    if (!link.isIntact) return 'hash';
    if (this.#head !== undefined) {
      if (link.seq !== this.#head.seq + 1) return 'seq';
      if (link.prev !== this.#head.hash) return 'prev';
    }
    const isCheckpoint = kindOf(line) === 'checkpoint';
    if (isFirstOfFile && !isCheckpoint) return 'file';
    if (isCheckpoint) {
      const wrong = this.#takeCheckpoint(line, file, isFirstOfFile);
      if (wrong !== undefined) return wrong;
      this.#sealedSeq = link.seq;
    }
    if (this.#head === undefined) this.#firstSeq = link.seq;
    if (isFirstOfFile) this.#files += 1;
    this.#head = { seq: link.seq, hash: link.hash };
    this.#records += 1;
    if (link.hash === this.#anchor) this.#isAnchorSeen = true;
    return undefined;
  }

  #takeCheckpoint(line: Buffer, file: string, isFirstOfFile: boolean): Break | undefined {
    let record: AuditRecord;
    try {
      record = JSON.parse(line.toString()) as AuditRecord;
    } catch {
      return 'unreadable';
    }
    const { checkpoint } = record;
    if (typeof checkpoint !== 'object' || checkpoint === null) return 'unreadable';
    const key = this.#keys.get(checkpoint.key);
    if (key === undefined) return 'key';
    if (!isCheckpointSigned(record, key)) return 'signature';
    if (checkpoint.file !== file || (isFirstOfFile && checkpoint.reason !== 'open')) return 'file';
    this.#claimedFirst = checkpoint.first;
    return undefined;
  }
}

interface Line {
  readonly bytes: Buffer;
  /** False for what follows the last newline of a file. */
  readonly isWhole: boolean;
  readonly offset: number;
}

async function* readLines(source: TrailSource): AsyncGenerator<Line> {
  let rest = Buffer.alloc(0);
  let offset = 0;
  for await (const chunk of source.read()) {
    const bytes = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
    let start = 0;
    for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
      yield { bytes: bytes.subarray(start, end), isWhole: true, offset: offset + start };
      start = end + 1;
    }
    rest = bytes.subarray(start);
    offset += start;
  }
  if (rest.length > 0) yield { bytes: rest, isWhole: false, offset };
}

/**
 * Verifies a whole trail.
 *
 * Everything up to the newest checkpoint is covered by its signature. Behind it an editor who can compute hashes, and
 * at the very end one who can cut, goes unseen without an anchor (`head`).
 *
 * @param sources all files of the directory, in any order; others than audit files are passed over
 * @param publicKeys keys whose checkpoints are believed
 */
export async function verifyTrail(
  sources: readonly TrailSource[],
  publicKeys: readonly KeyObject[],
  options: VerifyOptions = {},
): Promise<Verdict> {
  const byName = new Map(sources.map((source) => [source.name, source]));
  const ordered = orderFiles([...byName.keys()]);
  const walk = new Walk(new Map(publicKeys.map((key) => [keyId(key), key])), options.head);
  let file = '';
  let number = 0;
  const broken = (what: Break, seq: number): Verdict => {
    return { ...walk.extent, verdict: 'broken', seq, file, line: number, what };
  };
  for (const [index, { name }] of ordered.entries()) {
    const source = byName.get(name);
    if (source === undefined) continue;
    const isLast = index === ordered.length - 1;
    file = name;
    number = 0;
    for await (const { bytes, isWhole, offset } of readLines(source)) {
      number += 1;
      if (!isWhole && isLast && walk.isAnchorSeen) {
        if (walk.isStartCut) break;
        return { ...walk.extent, verdict: 'torn', file, offset, unsealed: walk.unsealed };
      }
      const wrong = isWhole ? walk.take(bytes, name, number === 1) : 'unreadable';
      if (wrong !== undefined) return broken(wrong, walk.nextSeq);
    }
    // An empty file is what a crash leaves between making a file and writing to it; no other file can follow it.
    if (number === 0 && isLast && walk.isAnchorSeen && !walk.isStartCut) {
      return { ...walk.extent, verdict: 'torn', file, offset: 0, unsealed: walk.unsealed };
    }
    if (number === 0) return broken('unreadable', walk.nextSeq);
  }
  if (walk.extent.records === 0) return options.head === undefined ? { verdict: 'empty' } : broken('head', 1);
  if (walk.isStartCut)
    return { ...walk.extent, verdict: 'broken', seq: walk.claimedFirst, file: '', line: 0, what: 'start' };
  if (!walk.isAnchorSeen) return broken('head', walk.nextSeq);
  if (walk.unsealed > 0) return { ...walk.extent, verdict: 'unsealed', unsealed: walk.unsealed };
  return { ...walk.extent, verdict: 'fine' };
}
