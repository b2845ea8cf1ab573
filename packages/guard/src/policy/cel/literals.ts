/** Literals of CEL: texts with their escapes, and numbers. */
import type { Value } from './values.ts';

/** Why a literal has no value, and what to write. */
export interface LiteralFault {
  readonly isFault: true;
  /** Offset in the literal. */
  readonly at: number;
  readonly message: string;
  readonly suggestion: string;
}

function fault(at: number, message: string, suggestion: string): LiteralFault {
  return { isFault: true, at, message, suggestion };
}

/** Reads a literal that the tokens tell apart as one. */
export function readLiteral(text: string): Value | LiteralFault {
  return /^(?:[rRbB]{0,2})['"]/.test(text) ? readText(text) : readNumber(text);
}

/** True for what `readLiteral` could not read. */
export function isLiteralFault(value: Value | LiteralFault): value is LiteralFault {
  return typeof value === 'object' && value !== null && 'isFault' in value && value.isFault === true;
}

function readNumber(text: string): Value | LiteralFault {
  if (/[uU]$/.test(text)) {
    return fault(0, 'numbers have no sign of their own here', `write ${text.slice(0, -1)}`);
  }
  if (!/^(?:0[xX][0-9a-fA-F]+|\d+)$/.test(text)) return Number(text);
  const whole = BigInt(text);
  if (whole > BigInt(Number.MAX_SAFE_INTEGER)) {
    return fault(0, 'whole numbers end at 2^53 here', 'compare it as text, if the server takes text');
  }
  return whole;
}

const simple: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '?': '?',
  '"': '"',
  "'": "'",
  '`': '`',
};

const escape = /\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-3][0-7]{2}|[\s\S])/g;

function readText(text: string): string | LiteralFault {
  const prefix = /^[rRbB]*/.exec(text)?.[0] ?? '';
  if (/[bB]/.test(prefix)) return fault(0, 'bytes are not known here: arguments are JSON', "write text: '…'");
  const quote = /^(?:"""|'''|["'])/.exec(text.slice(prefix.length))?.[0] ?? '"';
  const start = prefix.length + quote.length;
  const inner = text.slice(start, text.length - quote.length);
  if (prefix !== '') return inner;
  let wrong: LiteralFault | undefined;
  const read = inner.replace(escape, (found, offset: number) => {
    const name = found.charAt(1);
    const plain = simple[name];
    if (plain !== undefined) return plain;
    const digits = found.slice(2);
    const point = /[xuU]/.test(name) && digits !== '' ? Number.parseInt(digits, 16) : octal(found);
    if (point !== undefined && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff))
      return String.fromCodePoint(point);
    wrong ??= fault(start + offset, `\`${found}\` is no escape`, `write \\\\ for a backslash, or r${quote}…${quote}`);
    return '';
  });
  return wrong ?? read;
}

function octal(found: string): number | undefined {
  return found.length === 4 ? Number.parseInt(found.slice(1), 8) : undefined;
}
