/**
 * Canonical JSON after RFC 8785: members sorted by UTF-16 units, no white space, numbers as ECMAScript prints them.
 * Two definitions that mean the same get the same digest whatever order they came in.
 */
import { hash } from 'node:crypto';

/**
 * Writes a value canonically.
 *
 * @param value what `JSON.parse` can return. Members that JSON cannot hold (`undefined`, functions) are left out, as
 *   `JSON.stringify` does; a number that JSON cannot hold throws.
 */
export function canonicalJson(value: unknown): string {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError('JSON holds finite numbers only');
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item)).join(',')}]`;
  const members: string[] = [];
  for (const [name, member] of Object.entries(value).sort(compareNames)) {
    if (member === undefined || typeof member === 'function') continue;
    members.push(`${JSON.stringify(name)}:${canonicalJson(member)}`);
  }
  return `{${members.join(',')}}`;
}

function compareNames(one: readonly [string, unknown], other: readonly [string, unknown]): number {
  return one[0] < other[0] ? -1 : Number(one[0] > other[0]);
}

/** Returns the SHA-256 of a value's canonical JSON, in hex: what a definition is known and pinned by. */
export function definitionDigest(definition: unknown): string {
  return hash('sha256', canonicalJson(definition), 'hex');
}
