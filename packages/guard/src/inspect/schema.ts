/**
 * Checks a tool's arguments against the input schema that the tool came with. The schema is untrusted: it is bounded,
 * reads nothing from outside itself, needs linear time for patterns, and never becomes code. `format` is an annotation
 * (JSON Schema 2020-12 validation §7.2.1); nothing is coerced and nothing filled in.
 */
import type { ArgumentFault } from '../exchange.ts';
import { createMemo, type Memo } from '../policy/memo.ts';
import { definitionDigest } from './canonical.ts';
import { compileDocument } from './schema-compiler.ts';
import {
  DEFAULT_SCHEMA_BOUNDS,
  measure,
  SchemaProblem,
  type SchemaBounds,
  type SchemaFaultName,
} from './schema-bounds.ts';
import { scanDocument } from './schema-document.ts';
import { startRun, type Check } from './schema-run.ts';

export { DEFAULT_SCHEMA_BOUNDS } from './schema-bounds.ts';
export type { SchemaBounds, SchemaFaultName } from './schema-bounds.ts';

/** A schema that arguments can be checked against. */
export interface CompiledSchema {
  readonly kind: 'schema';
  /** SHA-256 of the canonical schema, hex. */
  readonly digest: string;
  /**
   * Checks a value that came from a reader of bounded depth.
   *
   * @returns the first fault, or `undefined` when the value holds.
   */
  check(value: unknown): ArgumentFault | undefined;
}

/** Why a schema is not accepted, so that its tool is not offered. */
export interface SchemaFault {
  readonly kind: 'fault';
  readonly name: SchemaFaultName;
  /** JSON Pointer into the schema. */
  readonly pointer: string;
  readonly message: string;
}

/** How a schema is compiled. */
export interface SchemaOptions {
  /** Bounds other than `DEFAULT_SCHEMA_BOUNDS`. */
  readonly bounds?: Partial<SchemaBounds>;
  /** Documents that references may lead to, by absolute URI; default none, and nothing is ever fetched. */
  readonly documents?: ReadonlyMap<string, unknown>;
}

const NO_DOCUMENTS: ReadonlyMap<string, unknown> = new Map();

/**
 * Compiles a JSON Schema, 2020-12 or, where `$schema` says so, draft-07.
 *
 * @param schema what `JSON.parse` returned for it.
 * @param options bounds and documents.
 */
export function compileInputSchema(schema: unknown, options: SchemaOptions = {}): CompiledSchema | SchemaFault {
  return compileThrough(schema, options, undefined);
}

function compileThrough(
  schema: unknown,
  options: SchemaOptions,
  memo: Memo<string, CompiledSchema> | undefined,
): CompiledSchema | SchemaFault {
  const bounds = { ...DEFAULT_SCHEMA_BOUNDS, ...options.bounds };
  try {
    measure(schema, bounds);
    const digest = definitionDigest(schema);
    const known = memo?.get(digest);
    if (known !== undefined) return known;
    const root = compileDocument(scanDocument(schema, bounds, options.documents ?? NO_DOCUMENTS), bounds);
    const compiled: CompiledSchema = {
      kind: 'schema',
      digest,
      check: (value) => runCheck(root, value, bounds.steps),
    };
    memo?.set(digest, compiled);
    return compiled;
  } catch (cause) {
    if (!(cause instanceof SchemaProblem)) throw cause;
    return { kind: 'fault', name: cause.fault, pointer: cause.pointer, message: cause.message };
  }
}

function runCheck(root: Check, value: unknown, steps: number): ArgumentFault | undefined {
  const run = startRun(steps);
  const holds = root(value, run, undefined);
  if (run.stop !== undefined) return run.stop;
  return holds ? undefined : (run.fault ?? { path: '', keyword: 'schema', message: 'does not fit the schema' });
}

/** Compiles schemas and keeps the results. */
export interface SchemaCache {
  /** Compiles a schema, or returns what the same schema was compiled to before. */
  compile(schema: unknown): CompiledSchema | SchemaFault;
  /** Schemas kept now. */
  readonly size: number;
}

/**
 * Makes an empty cache.
 *
 * @param capacity most schemas kept at once; default 4,096. Those not used lately are forgotten first.
 * @param bounds bounds other than `DEFAULT_SCHEMA_BOUNDS`.
 */
export function createSchemaCache(capacity = 4096, bounds: Partial<SchemaBounds> = {}): SchemaCache {
  const memo = createMemo<string, CompiledSchema>(capacity);
  return {
    compile: (schema) => compileThrough(schema, { bounds }, memo),
    get size() {
      return memo.size;
    },
  };
}
