/**
 * The compact form of a signed token (RFC 7515 §7.1), read strictly before any library sees it: one token has exactly
 * one spelling, and its header says one thing.
 */
import { isObject, readJson, type JsonObject } from '@sallyport/protocol';

/** The part of the header that counts. */
export interface TokenHeader {
  readonly alg: string;
  readonly kid?: string;
  readonly typ?: string;
}

/** A token in compact form whose signature nobody has looked at yet. */
export interface CompactToken {
  readonly kind: 'token';
  /** As sent. */
  readonly text: string;
  readonly header: TokenHeader;
  readonly payload: Uint8Array;
}

/** Why a text is no token that we judge. `shape`: it is no signed token in compact form at all. */
export interface CompactFault {
  readonly kind: 'fault';
  readonly fault: 'shape' | 'header';
  readonly note: string;
}

/** Longest token, characters; a head of HTTP is bounded to as much. */
export const LONGEST_TOKEN = 16 * 1024;

/** Bounds on the header: it holds a handful of short texts. */
const headerBounds = { maxDepth: 8, maxMembers: 64, maxNodes: 256 };

const PART = /^[A-Za-z0-9_-]*$/;

/** Last characters that leave no bit over, by the characters beyond a multiple of four. */
const lastOfTwo = 'AQgw';
const lastOfThree = 'AEIMQUYcgkosw048';

/**
 * Reads a token: three parts of base64url without padding and without spare bits, a header that is one JSON object
 * without duplicate names. What the header offers beyond `alg`, `kid` and `typ` is never used; what would change the
 * meaning of the token (`crit`, `b64`, `zip`) is refused.
 *
 * @param text what stood behind `Bearer `
 */
export function readCompact(text: string): CompactToken | CompactFault {
  if (text.length > LONGEST_TOKEN) return shape('the token is longer than 16 KiB');
  const parts = text.split('.', 5);
  if (parts.length === 5) return shape('five parts are an encrypted token, which is not supported');
  const [header = '', payload = '', signature = ''] = parts;
  if (parts.length !== 3) return shape('a signed token has three parts');
  if (header === '') return shape('the token has no header');
  if (signature === '') return shape('the token has no signature');
  if (![header, payload, signature].every(isCanonical)) return shape('a part is not base64url in its one spelling');
  const reading = readJson(Buffer.from(header, 'base64url'), headerBounds);
  if (reading.kind === 'fault') return shape(`the header is not one clear JSON object: ${reading.fault.name}`);
  if (!isObject(reading.value)) return shape('the header is not a JSON object');
  const found = readHeader(reading.value);
  if ('fault' in found) return found;
  return { kind: 'token', text, header: found, payload: Buffer.from(payload, 'base64url') };
}

/** True for base64url that decodes to whole bytes and encodes to the same text again (RFC 4648 §3.5). */
function isCanonical(part: string): boolean {
  if (!PART.test(part)) return false;
  const beyond = part.length % 4;
  if (beyond === 0) return true;
  const last = part.charAt(part.length - 1);
  return beyond === 2 ? lastOfTwo.includes(last) : beyond === 3 && lastOfThree.includes(last);
}

/** Parameters that make the rest mean something else, none of which we know how to honour. */
const meaningful = ['crit', 'b64', 'zip', 'enc'] as const;

function readHeader(header: JsonObject): TokenHeader | CompactFault {
  for (const name of meaningful) {
    if (Object.hasOwn(header, name)) return bad(`the header parameter ${name} is not supported`);
  }
  const alg = ownText(header, 'alg');
  const kid = ownText(header, 'kid');
  const typ = ownText(header, 'typ');
  if (alg === undefined) return bad('the header names no algorithm');
  if (alg === wrong || kid === wrong || typ === wrong) return bad('alg, kid and typ must be texts');
  return { alg, ...(kid === undefined ? {} : { kid }), ...(typ === undefined ? {} : { typ }) };
}

const wrong = Symbol('not a text');

function ownText(value: JsonObject, name: string): string | undefined | typeof wrong {
  if (!Object.hasOwn(value, name)) return undefined;
  const found = value[name];
  return typeof found === 'string' ? found : wrong;
}

function shape(note: string): CompactFault {
  return { kind: 'fault', fault: 'shape', note };
}

function bad(note: string): CompactFault {
  return { kind: 'fault', fault: 'header', note };
}
