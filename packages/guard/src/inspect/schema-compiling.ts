/** What the keywords of JSON Schema share while they are compiled. */
import type { LinearPattern } from './linear-pattern.ts';
import { isSchemaObject, type SchemaObject } from './schema-bounds.ts';
import type { Dialect } from './schema-document.ts';
import { fail, type Check, type Run } from './schema-run.ts';

/** What compiling a keyword needs from its surroundings. */
export interface Compiling {
  readonly schema: SchemaObject;
  readonly pointer: string;
  readonly dialect: Dialect;
  /** False when the meta-schema leaves out the validation vocabulary. */
  readonly hasAssertions: boolean;
  /** Compiles a schema that stands within this one. */
  compile(schema: unknown): Check;
  compilePattern(source: string, pointer: string): LinearPattern;
}

/** Reads a keyword, never an inherited member. */
export function own(c: Compiling, keyword: string): unknown {
  return Object.hasOwn(c.schema, keyword) ? c.schema[keyword] : undefined;
}

/** Compiles the schema that a keyword holds. */
export function compileOwn(c: Compiling, keyword: string): Check | undefined {
  const schema = own(c, keyword);
  return schema === undefined ? undefined : c.compile(schema);
}

/** Compiles the schemas that a keyword lists. */
export function compileList(c: Compiling, keyword: string): readonly Check[] | undefined {
  const list = own(c, keyword);
  return Array.isArray(list) ? list.map((schema) => c.compile(schema)) : undefined;
}

/** Compiles the schemas that a keyword holds by name. */
export function compileMap(c: Compiling, keyword: string): ReadonlyMap<string, Check> {
  const map = own(c, keyword);
  if (!isSchemaObject(map)) return new Map();
  return new Map(Object.entries(map).map(([name, schema]) => [name, c.compile(schema)]));
}

/** Narrows a value to an object's members. */
export function isMembers(value: unknown): value is Readonly<Record<string, unknown>> {
  return isSchemaObject(value);
}

/** Notes that a member or an item is not expected, and returns false. */
export function failMember(run: Run, name: string | number, keyword: string): false {
  run.path.push(name);
  fail(run, keyword, 'is not expected here');
  run.path.pop();
  return false;
}
