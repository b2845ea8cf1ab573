/**
 * Compiles a scanned schema document into functions. No code is generated, so that nothing an upstream writes into a
 * schema can run, and compiling takes microseconds.
 */
import { compileLinearPattern, type LinearPattern } from './linear-pattern.ts';
import { compileItems, compileLogic, compileUnevaluated } from './schema-applicators.ts';
import { compileAssertions } from './schema-assertions.ts';
import type { Compiling } from './schema-compiling.ts';
import { compileMembers, compileProperties } from './schema-members.ts';
import { isSchemaObject, pointerTo, SchemaProblem, type SchemaBounds, type SchemaObject } from './schema-bounds.ts';
import type { Place, Resource, SchemaDocument } from './schema-document.ts';
import { allOfChecks, fail, mergeSeen, startSeen, type Check } from './schema-run.ts';

/**
 * Where dynamic references lead: for each dynamic anchor, the schema of the outermost resource on the way here that has
 * it. A schema is compiled once for each such scope, which leaves nothing dynamic for the check.
 */
interface Scope {
  readonly key: string;
  readonly anchors: ReadonlyMap<string, SchemaObject>;
}

/** A schema within a scope; its check is filled in when its turn comes, since schemas may refer to themselves. */
interface Node {
  check: Check;
}

const EMPTY_SCOPE: Scope = { key: '', anchors: new Map() };

/** Compiles a document; throws a `SchemaProblem` when it cannot be compiled within its bounds. */
export function compileDocument(document: SchemaDocument, bounds: SchemaBounds): Check {
  const nodes = new Map<SchemaObject, Map<string, Node>>();
  const waiting: (() => void)[] = [];
  const patterns = new Map<string, LinearPattern>();
  let compiled = 0;
  let patternWork = 0;

  function enter(scope: Scope, resource: Resource): Scope {
    let anchors: Map<string, SchemaObject> | undefined;
    for (const [name, schema] of resource.dynamicAnchors) {
      if (scope.anchors.has(name)) continue;
      anchors ??= new Map(scope.anchors);
      anchors.set(name, schema);
    }
    if (anchors === undefined) return scope;
    const key = JSON.stringify([...anchors].map(([name, schema]) => [name, document.placeOf(schema).number]).sort());
    return { key, anchors };
  }

  function compilePattern(source: string, pointer: string): LinearPattern {
    const known = patterns.get(source);
    if (known !== undefined) return known;
    if (source.length > bounds.patternLength) {
      throw new SchemaProblem('bad-pattern', pointer, `a pattern has more than ${bounds.patternLength} characters`);
    }
    const pattern = compileLinearPattern(source, bounds.patternSize);
    if (pattern.kind === 'fault') throw new SchemaProblem('bad-pattern', pointer, pattern.message);
    patternWork += pattern.work;
    if (patterns.size >= bounds.patterns || patternWork > bounds.patternWork) {
      throw new SchemaProblem('too-many-patterns', pointer, 'there are more patterns than can be checked');
    }
    patterns.set(source, pattern);
    return pattern;
  }

  function compileSchema(schema: unknown, outer: Scope): Check {
    if (schema === true) return () => true;
    if (schema === false) return (_value, run) => fail(run, 'false', 'is not allowed here');
    if (!isSchemaObject(schema)) throw new TypeError('a schema was not scanned');
    const place = document.placeOf(schema);
    const scope = enter(outer, place.resource);
    compiled += 1;
    if (compiled > bounds.subschemas) {
      throw new SchemaProblem('too-many-subschemas', place.pointer, `there are more than ${bounds.subschemas} schemas`);
    }
    return compileKeywords(schema, place, scope);
  }

  function compileKeywords(schema: SchemaObject, place: Place, scope: Scope): Check {
    const { resource, pointer } = place;
    const is07 = resource.dialect === 'draft-07';
    const ref = Object.hasOwn(schema, '$ref') ? compileReference(schema['$ref'], '$ref', place, scope) : undefined;
    // In draft-07 a reference hides everything beside it.
    if (is07 && ref !== undefined) return allOfChecks([ref], 1);
    const compiling: Compiling = {
      schema,
      pointer,
      dialect: resource.dialect,
      hasAssertions: resource.hasAssertions,
      compile: (child) => compileSchema(child, scope),
      compilePattern,
    };
    const checks: Check[] = [];
    if (resource.hasAssertions) checks.push(...compileAssertions(schema, pointer, ownPattern(schema, pointer)));
    if (ref !== undefined) checks.push(ref);
    if (!is07 && Object.hasOwn(schema, '$dynamicRef')) {
      checks.push(compileReference(schema['$dynamicRef'], '$dynamicRef', place, scope));
    }
    checks.push(...compileMembers(compiling));
    const properties = compileProperties(compiling);
    if (properties !== undefined) checks.push(properties);
    checks.push(...compileItems(compiling), ...compileLogic(compiling));
    const cost = 1 + countNames(schema['required']) + countNames(schema['dependentRequired']);
    const unevaluated = is07 ? [] : compileUnevaluated(compiling);
    if (unevaluated.length === 0) return allOfChecks(checks, cost);
    return noting(allOfChecks([...checks, ...unevaluated], cost));
  }

  function ownPattern(schema: SchemaObject, pointer: string): LinearPattern | undefined {
    if (!Object.hasOwn(schema, 'pattern')) return undefined;
    const source = schema['pattern'];
    const at = pointerTo(pointer, 'pattern');
    if (typeof source !== 'string') throw new SchemaProblem('bad-shape', at, 'pattern is a string');
    return compilePattern(source, at);
  }

  function compileReference(reference: unknown, keyword: string, place: Place, scope: Scope): Check {
    const at = pointerTo(place.pointer, keyword);
    if (typeof reference !== 'string') throw new SchemaProblem('bad-shape', at, `${keyword} is a string`);
    const target = document.resolve(reference, place, keyword);
    const dynamic =
      keyword === '$dynamicRef' && target.dynamicAnchor !== undefined
        ? scope.anchors.get(target.dynamicAnchor)
        : undefined;
    const schema = dynamic ?? target.schema;
    if (!isSchemaObject(schema)) return compileSchema(schema, scope);
    const inner = enter(scope, document.placeOf(schema).resource);
    const known = nodes.get(schema)?.get(inner.key);
    if (known !== undefined) return (value, run, seen) => known.check(value, run, seen);
    const node: Node = { check: (_value, run) => fail(run, keyword, 'cannot be checked') };
    const scoped = nodes.get(schema) ?? new Map<string, Node>();
    nodes.set(schema, scoped.set(inner.key, node));
    waiting.push(() => {
      node.check = compileSchema(schema, inner);
    });
    return (value, run, seen) => node.check(value, run, seen);
  }

  const check = compileSchema(document.root, EMPTY_SCOPE);
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) next();
  return check;
}

/** Gives a schema its own notes of what was looked at, and hands them on when it holds. */
function noting(check: Check): Check {
  return (value, run, seen) => {
    const noted = startSeen();
    if (!check(value, run, noted)) return false;
    return seen === undefined || mergeSeen(seen, noted, run);
  };
}

function countNames(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce<number>((sum, member) => sum + (Array.isArray(member) ? member.length : 1), 0);
}
