/** Says whether two patterns have a match in common: a view and a role can each name a server and yet share nothing. */
import type { Pattern } from './pattern.ts';

/** A star, among the characters of a pattern; no character is the empty text. */
const STAR = '';

/**
 * Says whether some text begins with `prefix` and matches both patterns. Takes time in proportion to the product of
 * their lengths, so it is for what is decided once.
 */
export function patternsMeet(one: Pattern, other: Pattern, prefix: string): boolean {
  const [a, b] = [unitsOf(one), unitsOf(other)];
  const starts = positionsAfter(a, prefix);
  const others = positionsAfter(b, prefix);
  // Row by row from the end: whether what is left of both has a match in common.
  let below: boolean[] = [];
  let isMet = false;
  for (let i = a.length; i >= 0; i -= 1) {
    const row: boolean[] = [];
    for (let j = b.length; j >= 0; j -= 1) row[j] = meets(a, b, i, j, row, below);
    if (starts.has(i) && row.some((met, j) => met && others.has(j))) isMet = true;
    below = row;
  }
  return isMet;
}

function meets(
  a: readonly string[],
  b: readonly string[],
  i: number,
  j: number,
  row: readonly boolean[],
  below: readonly boolean[],
): boolean {
  const [x, y] = [a[i], b[j]];
  if (x === undefined && y === undefined) return true;
  if (x === STAR) return below[j] === true || (y !== undefined && row[j + 1] === true);
  if (y === STAR) return row[j + 1] === true || (x !== undefined && below[j] === true);
  return x !== undefined && x === y && below[j + 1] === true;
}

function unitsOf({ literals }: Pattern): readonly string[] {
  return literals.flatMap((literal, at) => (at === 0 ? literal.split('') : [STAR, ...literal.split('')]));
}

/** Where in a pattern one can stand after this much of a text. */
function positionsAfter(units: readonly string[], text: string): ReadonlySet<number> {
  let positions = passStars(units, new Set([0]));
  for (const unit of text.split('')) {
    const next = new Set<number>();
    for (const at of positions) {
      if (units[at] === STAR) next.add(at);
      else if (units[at] === unit) next.add(at + 1);
    }
    positions = passStars(units, next);
  }
  return positions;
}

function passStars(units: readonly string[], positions: Set<number>): Set<number> {
  for (const at of positions) if (units[at] === STAR) positions.add(at + 1);
  return positions;
}
