/** Small edits to bytes that otherwise travel as they came. */
import { COMMA, skipSpace, SPACE } from './grammar.ts';
import { memberOf, members } from './members.ts';
import type { Span } from './message.ts';

/** Puts `bytes` in the place of what stands from `start` to before `end`. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly bytes: Uint8Array;
}

const NOTHING = new Uint8Array(0);

/**
 * Makes edits.
 *
 * @param bytes what to edit; not changed
 * @param edits edits in any order that do not overlap; two insertions at one place keep their order
 * @returns the edited bytes, or `bytes` itself when there is nothing to edit
 * @throws RangeError when edits overlap or leave the bytes, which is a bug of whoever made them
 */
export function splice(bytes: Uint8Array, edits: readonly Edit[]): Uint8Array {
  if (edits.length === 0) return bytes;
  const ordered = edits.length === 1 ? edits : edits.toSorted((a, b) => a.start - b.start || a.end - b.end);
  let size = bytes.length;
  let last = 0;
  for (const edit of ordered) {
    if (edit.start < last || edit.end < edit.start || edit.end > bytes.length) {
      throw new RangeError(`edit ${edit.start}–${edit.end} overlaps another or leaves the ${bytes.length} bytes`);
    }
    size += edit.bytes.length - (edit.end - edit.start);
    last = edit.end;
  }
  const edited = Buffer.allocUnsafe(size);
  let from = 0;
  let to = 0;
  for (const edit of ordered) {
    edited.set(bytes.subarray(from, edit.start), to);
    to += edit.start - from;
    edited.set(edit.bytes, to);
    to += edit.bytes.length;
    from = edit.end;
  }
  edited.set(bytes.subarray(from), to);
  return edited;
}

/**
 * Sets one member of an object: its value is replaced where the key stands, or the member is added in front. Two
 * additions to one object that is empty need two rounds of `splice`, or one call of `setMembers`.
 *
 * @param bytes text that was read without a fault
 * @param object span of the object
 * @param key the key, escapes resolved
 * @param value the value as JSON text
 * @returns the edit to make
 */
export function setMember(bytes: Uint8Array, object: Span, key: string, value: Uint8Array): Edit {
  const present = memberOf(bytes, object, key);
  if (present !== undefined) return { start: present.value.start, end: present.value.end, bytes: value };
  return addition(bytes, object, [[key, value]]);
}

/**
 * Sets several members of an object at once.
 *
 * @param bytes text that was read without a fault
 * @param object span of the object
 * @param entries keys, escapes resolved, each once, with values as JSON text
 * @returns the edits to make
 */
export function setMembers(
  bytes: Uint8Array,
  object: Span,
  entries: Iterable<readonly [key: string, value: Uint8Array]>,
): Edit[] {
  const missing = new Map(entries);
  const edits: Edit[] = [];
  for (const member of members(bytes, object)) {
    const value = missing.get(member.key);
    if (value === undefined) continue;
    missing.delete(member.key);
    edits.push({ start: member.value.start, end: member.value.end, bytes: value });
  }
  if (missing.size > 0) edits.push(addition(bytes, object, missing));
  return edits;
}

/**
 * Takes one member out of an object, with one of the commas beside it.
 *
 * @param bytes text that was read without a fault
 * @param object span of the object
 * @param key the key, escapes resolved
 * @returns the edit to make, or `undefined` when the object has no such member
 */
export function removeMember(bytes: Uint8Array, object: Span, key: string): Edit | undefined {
  return removeMembers(bytes, object, (candidate) => candidate === key)[0];
}

/**
 * Takes members out of an object, with the commas between them.
 *
 * @param bytes text that was read without a fault
 * @param object span of the object
 * @param isUnwanted asked for each key, escapes resolved
 * @returns the edits to make
 */
export function removeMembers(bytes: Uint8Array, object: Span, isUnwanted: (key: string) => boolean): Edit[] {
  const edits: Edit[] = [];
  let hasKept = false;
  for (const member of members(bytes, object)) {
    if (!isUnwanted(member.key)) {
      hasKept = true;
      continue;
    }
    // Behind a member that stays goes the comma in front; before the first that stays, the comma behind.
    const start = hasKept ? commaBefore(bytes, member.keySpan.start) : member.keySpan.start;
    const after = skipSpace(bytes, member.value.end);
    const takesNext = !hasKept && bytes[after] === COMMA;
    edits.push({ start, end: takesNext ? skipSpace(bytes, after + 1) : member.value.end, bytes: NOTHING });
  }
  return edits;
}

/** Adding in front needs no look at the last member, only whether there is one. */
function addition(bytes: Uint8Array, object: Span, entries: Iterable<readonly [string, Uint8Array]>): Edit {
  const parts: Uint8Array[] = [];
  for (const [key, value] of entries) {
    parts.push(Buffer.from(`${parts.length === 0 ? '' : ','}${JSON.stringify(key)}:`), value);
  }
  if (skipSpace(bytes, object.start + 1) !== object.end - 1) parts.push(Buffer.from(','));
  return { start: object.start + 1, end: object.start + 1, bytes: Buffer.concat(parts) };
}

function commaBefore(bytes: Uint8Array, from: number): number {
  let pos = from - 1;
  while ((bytes[pos] ?? 0) <= SPACE) pos -= 1;
  return pos;
}
