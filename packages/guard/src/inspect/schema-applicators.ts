/** The keywords of JSON Schema that combine schemas or enter items (2020-12 core §10.2, §10.3.1, §11). */
import { readCount } from './schema-assertions.ts';
import { compileList, compileOwn, failMember, isMembers, own, type Compiling } from './schema-compiling.ts';
import {
  attempt,
  descend,
  fail,
  mergeSeen,
  NOTING,
  spend,
  startSeen,
  type Check,
  type Run,
  type Seen,
} from './schema-run.ts';

/** Tries an alternative and keeps what it looked at only if it holds. */
function attemptNoting(check: Check, value: unknown, run: Run, seen: Seen | undefined): boolean {
  if (seen === undefined) return attempt(check, value, run, undefined);
  const noted = startSeen();
  return attempt(check, value, run, noted) && mergeSeen(seen, noted, run);
}

/** Compiles `allOf`, `anyOf`, `oneOf`, `not` and `if`. */
export function compileLogic(c: Compiling): readonly Check[] {
  const checks: Check[] = [...(compileList(c, 'allOf') ?? [])];
  const anyOf = compileList(c, 'anyOf');
  if (anyOf !== undefined) {
    checks.push((value, run, seen) => {
      let holds = false;
      for (const check of anyOf) {
        if (!attemptNoting(check, value, run, seen)) continue;
        holds = true;
        // Later alternatives matter only for what they look at.
        if (seen === undefined) return true;
      }
      return holds || fail(run, 'anyOf', 'fits none of the allowed forms');
    });
  }
  const oneOf = compileList(c, 'oneOf');
  if (oneOf !== undefined) {
    checks.push((value, run, seen) => {
      let holding = 0;
      for (const check of oneOf) {
        if (attemptNoting(check, value, run, seen)) holding += 1;
        if (holding > 1) return fail(run, 'oneOf', 'fits more than one of the allowed forms');
      }
      return holding === 1 || fail(run, 'oneOf', 'fits none of the allowed forms');
    });
  }
  const not = compileOwn(c, 'not');
  if (not !== undefined) {
    checks.push(
      (value, run) => !attempt(not, value, run, undefined) || fail(run, 'not', 'has a form that is not allowed'),
    );
  }
  const condition = compileOwn(c, 'if');
  if (condition !== undefined) {
    const then = compileOwn(c, 'then');
    const otherwise = compileOwn(c, 'else');
    checks.push((value, run, seen) => {
      const next = attemptNoting(condition, value, run, seen) ? then : otherwise;
      return next === undefined || next(value, run, seen);
    });
  }
  return checks;
}

/** Compiles `prefixItems`, `items`, `additionalItems` and `contains`. */
export function compileItems(c: Compiling): readonly Check[] {
  const checks: Check[] = [];
  const isTuple07 = c.dialect === 'draft-07' && Array.isArray(own(c, 'items'));
  const prefix = compileList(c, isTuple07 ? 'items' : 'prefixItems') ?? [];
  const usesPrefix = isTuple07 || c.dialect === '2020-12';
  const first = usesPrefix ? prefix : [];
  const restKeyword = isTuple07 ? 'additionalItems' : 'items';
  const rest = compileOwn(c, restKeyword);
  if (first.length > 0 || rest !== undefined) {
    checks.push((value, run, seen) => {
      if (!Array.isArray(value)) return true;
      if (!spend(run, value.length)) return false;
      const end = rest === undefined ? Math.min(first.length, value.length) : value.length;
      for (let index = 0; index < end; index += 1) {
        const check = first[index] ?? rest;
        if (check !== undefined && !descend(check, value[index], index, run)) return false;
      }
      if (seen !== undefined) seen.items = Math.max(seen.items, rest === undefined ? first.length : Infinity);
      return true;
    });
  }
  const contains = compileContains(c);
  if (contains !== undefined) checks.push(contains);
  return checks;
}

function compileContains(c: Compiling): Check | undefined {
  const contains = compileOwn(c, 'contains');
  if (contains === undefined) return undefined;
  const counts = c.hasAssertions && c.dialect === '2020-12';
  const min = (counts ? readCount(c.schema, 'minContains', c.pointer) : undefined) ?? 1;
  const max = (counts ? readCount(c.schema, 'maxContains', c.pointer) : undefined) ?? Infinity;
  return (value, run, seen) => {
    if (!Array.isArray(value)) return true;
    if (!spend(run, value.length * (seen === undefined ? 1 : NOTING))) return false;
    let count = 0;
    for (const [index, item] of value.entries()) {
      if (!attempt(contains, item, run, undefined)) continue;
      count += 1;
      seen?.scattered.add(index);
      if (seen === undefined && count >= min && max === Infinity) return true;
    }
    if (count < min) return fail(run, 'contains', `must have at least ${min} items of the wanted form`);
    return count <= max || fail(run, 'maxContains', `must have at most ${max} items of the wanted form`);
  };
}

/** Compiles `unevaluatedProperties` and `unevaluatedItems`, which come after all other keywords of a schema. */
export function compileUnevaluated(c: Compiling): readonly Check[] {
  const checks: Check[] = [];
  const members = compileOwn(c, 'unevaluatedProperties');
  const isClosedToMembers = own(c, 'unevaluatedProperties') === false;
  if (members !== undefined) {
    checks.push((value, run, seen) => {
      if (!isMembers(value) || seen === undefined || seen.isAllMembers) return true;
      for (const name of Object.keys(value)) {
        if (seen.members.has(name)) continue;
        if (isClosedToMembers) return failMember(run, name, 'unevaluatedProperties');
        if (!descend(members, value[name], name, run)) return false;
      }
      seen.isAllMembers = true;
      return true;
    });
  }
  const items = compileOwn(c, 'unevaluatedItems');
  const isClosedToItems = own(c, 'unevaluatedItems') === false;
  if (items !== undefined) {
    checks.push((value, run, seen) => {
      if (!Array.isArray(value) || seen === undefined) return true;
      for (let index = Math.min(seen.items, value.length); index < value.length; index += 1) {
        if (seen.scattered.has(index)) continue;
        if (isClosedToItems) return failMember(run, index, 'unevaluatedItems');
        if (!descend(items, value[index], index, run)) return false;
      }
      seen.items = Infinity;
      return true;
    });
  }
  return checks;
}
