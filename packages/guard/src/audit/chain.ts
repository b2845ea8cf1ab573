/**
 * The hash chain of the audit trail, on bytes: closing a line, reading its place in the chain, and moving a line that
 * never reached the disk to another place (design §4.5).
 */
import { hash } from 'node:crypto';

/** The newest record of a chain: its seq and its hash. */
export interface Head {
  readonly seq: number;
  /** SHA-256, lower-case hex. */
  readonly hash: string;
}

/** What stands before the first record of a trail. */
export const GENESIS: Head = { seq: 0, hash: '0'.repeat(64) };

const PREFIX = '{"v":1,"seq":';
/** Length of `,"hash":"<64 hex>"}`. */
const HASH_MEMBER = 75;
/** Length of `,"prev":"<64 hex>"`. */
const PREV_MEMBER = 74;
const LOWER_HEX = /^[0-9a-f]{64}$/;

/** Where a line stands in the chain. `isIntact` says that its hash is that of its bytes. */
export interface Link {
  readonly seq: number;
  readonly prev: string;
  readonly hash: string;
  readonly isIntact: boolean;
}

/** Hash over a line's bytes before `,"hash"`. */
export function hashLine(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex');
}

/** The end of a line, newline included. */
export function closeLine(digest: string): string {
  return `,"hash":"${digest}"}\n`;
}

function readSeq(line: Buffer): number | undefined {
  if (line.toString('latin1', 0, PREFIX.length) !== PREFIX) return undefined;
  let seq = 0;
  let index = PREFIX.length;
  for (; index < line.length; index++) {
    const digit = (line[index] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) break;
    seq = seq * 10 + digit;
  }
  const isNumber = index > PREFIX.length && line[PREFIX.length] !== 0x30 && Number.isSafeInteger(seq);
  return isNumber && line[index] === 0x2c ? seq : undefined;
}

/**
 * Reads a line's place in the chain.
 *
 * @param line one line without its newline
 * @returns `undefined` when it does not have the shape of a record
 */
export function readLink(line: Buffer): Link | undefined {
  const seq = readSeq(line);
  const hashAt = line.length - HASH_MEMBER;
  const prevAt = hashAt - PREV_MEMBER;
  if (seq === undefined || prevAt < PREFIX.length) return undefined;
  const tail = line.toString('latin1', prevAt);
  const prev = tail.slice(9, 73);
  const digest = tail.slice(83, 147);
  if (!tail.startsWith(',"prev":"') || tail.slice(73, 83) !== '","hash":"' || !tail.endsWith('"}')) return undefined;
  if (!LOWER_HEX.test(prev) || !LOWER_HEX.test(digest)) return undefined;
  return { seq, prev, hash: digest, isIntact: hashLine(line.subarray(0, hashAt)) === digest };
}

/**
 * The text of a line at another place in the chain, up to and including `prev`.
 *
 * @param line a line that {@link readLink} can read, without its newline
 */
export function moveLine(line: Buffer, seq: number, prev: string): string {
  const text = line.toString('utf8', 0, line.length - HASH_MEMBER - PREV_MEMBER);
  return `${PREFIX}${seq}${text.slice(text.indexOf(',', PREFIX.length))},"prev":"${prev}"`;
}

const KIND = /^\{"v":1,"seq":\d+,"time":"[^"]*"(?:,"exchange":"[^"]*")?,"kind":"([a-z]+)"/;

/** The kind of a line that the trail has written, read from its fixed place without parsing the line. */
export function kindOf(line: Buffer): string | undefined {
  // An exchange id is short; only a hostile file has more before the kind.
  return KIND.exec(line.toString('latin1', 0, 2048))?.[1];
}
