/** The sets of characters that ECMA-262 patterns name, written for the linear engine. */

/** The last code point. */
export const LAST = 0x10ffff;
/** A range of code points, both ends within it. */
export type Range = readonly [number, number];

const DIGIT: readonly Range[] = [[0x30, 0x39]];
const WORD: readonly Range[] = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
];
/** What `.` does not match. */
export const LINE_END: readonly Range[] = [
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
];
// ECMA-262 WhiteSpace and LineTerminator; the engine's own \s knows ASCII only.
const SPACE: readonly Range[] = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
];

/** Returns all code points outside of sorted ranges. */
export function complement(ranges: readonly Range[]): readonly Range[] {
  const out: Range[] = [];
  let next = 0;
  for (const [first, last] of ranges) {
    if (first > next) out.push([next, first - 1]);
    next = last + 1;
  }
  out.push([next, LAST]);
  return out;
}

/** The sets behind `\d`, `\w`, `\s` and their opposites, by letter. */
export const SHORTHANDS: ReadonlyMap<string, readonly Range[]> = new Map([
  ['d', DIGIT],
  ['D', complement(DIGIT)],
  ['w', WORD],
  ['W', complement(WORD)],
  ['s', SPACE],
  ['S', complement(SPACE)],
]);

/** The code points behind control escapes, by letter. */
export const CONTROLS: ReadonlyMap<string, number> = new Map([
  ['t', 0x09],
  ['n', 0x0a],
  ['v', 0x0b],
  ['f', 0x0c],
  ['r', 0x0d],
]);

/** General categories by their long names; the engine knows the short ones. */
export const CATEGORIES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    L: 'Letter',
    LC: 'Cased_Letter',
    Lu: 'Uppercase_Letter',
    Ll: 'Lowercase_Letter',
    Lt: 'Titlecase_Letter',
    Lm: 'Modifier_Letter',
    Lo: 'Other_Letter',
    M: 'Mark',
    Mn: 'Nonspacing_Mark',
    Mc: 'Spacing_Mark',
    Me: 'Enclosing_Mark',
    N: 'Number',
    Nd: 'Decimal_Number',
    Nl: 'Letter_Number',
    No: 'Other_Number',
    P: 'Punctuation',
    Pc: 'Connector_Punctuation',
    Pd: 'Dash_Punctuation',
    Ps: 'Open_Punctuation',
    Pe: 'Close_Punctuation',
    Pi: 'Initial_Punctuation',
    Pf: 'Final_Punctuation',
    Po: 'Other_Punctuation',
    S: 'Symbol',
    Sm: 'Math_Symbol',
    Sc: 'Currency_Symbol',
    Sk: 'Modifier_Symbol',
    So: 'Other_Symbol',
    Z: 'Separator',
    Zs: 'Space_Separator',
    Zl: 'Line_Separator',
    Zp: 'Paragraph_Separator',
    Cc: 'Control',
    Cf: 'Format',
    Co: 'Private_Use',
  }).flatMap(([short, long]) => [
    [short, short],
    [long, short],
  ]),
);

/** Third names that some categories have. */
export const ALIASES: ReadonlyMap<string, string> = new Map([
  ['digit', 'Nd'],
  ['punct', 'P'],
  ['cntrl', 'Cc'],
  ['Combining_Mark', 'M'],
]);

/** Writes a code point for the engine. */
export function hex(code: number): string {
  return `\\x{${code.toString(16)}}`;
}

/** Writes ranges as the inside of a class. */
export function rangesText(ranges: readonly Range[]): string {
  return ranges.map(([first, last]) => (first === last ? hex(first) : `${hex(first)}-${hex(last)}`)).join('');
}
