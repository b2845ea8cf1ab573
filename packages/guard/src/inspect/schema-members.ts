/** The keywords of JSON Schema over the members of an object (2020-12 core §10.3.2, validation §6.5, draft-07 §6.5). */
import { brief, readCount, readNames, testPattern } from './schema-assertions.ts';
import { isSchemaObject, pointerTo, SchemaProblem } from './schema-bounds.ts';
import { compileMap, compileOwn, failMember, isMembers, own, type Compiling } from './schema-compiling.ts';
import { attempt, descend, fail, NOTING, spend, type Check } from './schema-run.ts';

/** Compiles the keywords over members that need no loop over all of them. */
export function compileMembers(c: Compiling): readonly Check[] {
  const checks: Check[] = [];
  if (c.hasAssertions) checks.push(...compileMemberAssertions(c));
  const schemas = c.dialect === 'draft-07' ? [] : compileMap(c, 'dependentSchemas');
  const dependent = [...schemas, ...compileDependencies(c)];
  if (dependent.length > 0) {
    checks.push((value, run, seen) => {
      if (!isMembers(value)) return true;
      for (const [name, check] of dependent) {
        if (Object.hasOwn(value, name) && !check(value, run, seen)) return false;
      }
      return true;
    });
  }
  const names = compileOwn(c, 'propertyNames');
  if (names !== undefined) {
    checks.push((value, run) => {
      if (!isMembers(value)) return true;
      for (const name of Object.keys(value)) {
        if (!attempt(names, name, run, undefined))
          return fail(run, 'propertyNames', 'has a member with a name that is not allowed');
      }
      return true;
    });
  }
  return checks;
}

function compileMemberAssertions(c: Compiling): readonly Check[] {
  const checks: Check[] = [];
  const required = own(c, 'required');
  if (required !== undefined) checks.push(compileRequired(readNames(required, c.pointer, 'required'), 'required'));
  const min = readCount(c.schema, 'minProperties', c.pointer) ?? 0;
  const max = readCount(c.schema, 'maxProperties', c.pointer) ?? Infinity;
  if (min > 0 || max < Infinity) {
    checks.push((value, run) => {
      if (!isMembers(value)) return true;
      const count = Object.keys(value).length;
      if (count < min) return fail(run, 'minProperties', `must have at least ${min} members`);
      return count <= max || fail(run, 'maxProperties', `must have at most ${max} members`);
    });
  }
  const dependent = c.dialect === 'draft-07' ? undefined : own(c, 'dependentRequired');
  if (dependent !== undefined) {
    const at = pointerTo(c.pointer, 'dependentRequired');
    if (!isSchemaObject(dependent)) throw new SchemaProblem('bad-shape', at, 'dependentRequired is an object');
    for (const [name, list] of Object.entries(dependent)) {
      checks.push(compileDependent(name, readNames(list, at, name), 'dependentRequired'));
    }
  }
  return checks;
}

function compileRequired(names: readonly string[], keyword: string): Check {
  return (value, run) => {
    if (!isMembers(value)) return true;
    for (const name of names) {
      if (!Object.hasOwn(value, name)) return fail(run, keyword, `must have ${JSON.stringify(brief(name))}`);
    }
    return true;
  };
}

function compileDependent(name: string, names: readonly string[], keyword: string): Check {
  const required = compileRequired(names, keyword);
  return (value, run, seen) => !isMembers(value) || !Object.hasOwn(value, name) || required(value, run, seen);
}

function compileDependencies(c: Compiling): ReadonlyMap<string, Check> {
  const map = own(c, 'dependencies');
  if (!isSchemaObject(map)) return new Map();
  const at = pointerTo(c.pointer, 'dependencies');
  return new Map(
    Object.entries(map).map(([name, dependency]) => [
      name,
      Array.isArray(dependency)
        ? compileRequired(readNames(dependency, at, name), 'dependencies')
        : c.compile(dependency),
    ]),
  );
}

/** Steps for listing one member: large objects keep their names in no order that is quick to read. */
const LISTING = 2;

/** Compiles `properties`, `patternProperties` and `additionalProperties`, which share one loop. */
export function compileProperties(c: Compiling): Check | undefined {
  const named = compileMap(c, 'properties');
  const patterned = [...compileMap(c, 'patternProperties')].map(
    ([source, check]) => [c.compilePattern(source, pointerTo(c.pointer, 'patternProperties')), check] as const,
  );
  const additional = compileOwn(c, 'additionalProperties');
  const isClosed = own(c, 'additionalProperties') === false;
  if (named.size === 0 && patterned.length === 0 && additional === undefined) return undefined;
  return (value, run, seen) => {
    if (!isMembers(value)) return true;
    const names = Object.keys(value);
    if (!spend(run, names.length * (seen === undefined ? LISTING : NOTING))) return false;
    for (const name of names) {
      const check = named.get(name);
      if (check !== undefined && !descend(check, value[name], name, run)) return false;
      let isKnown = check !== undefined;
      for (const [pattern, patternCheck] of patterned) {
        if (!testPattern(pattern, name, run)) continue;
        isKnown = true;
        if (!descend(patternCheck, value[name], name, run)) return false;
      }
      if (run.stop !== undefined) return false;
      if (!isKnown && additional !== undefined) {
        if (isClosed) return failMember(run, name, 'additionalProperties');
        if (!descend(additional, value[name], name, run)) return false;
        isKnown = true;
      }
      if (isKnown) seen?.members.add(name);
    }
    if (seen !== undefined && additional !== undefined) seen.isAllMembers = true;
    return true;
  };
}
