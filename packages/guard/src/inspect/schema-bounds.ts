/** What an untrusted schema may cost, and how the compiler says that one is not accepted. */

/** What a schema may cost. */
export interface SchemaBounds {
  /** UTF-8 bytes of the document as compact JSON; default 262,144. */
  readonly bytes: number;
  /** Levels of JSON arrays and objects; default 64. */
  readonly depth: number;
  /** Schemas within the document, and again after references were followed; default 5,000. */
  readonly subschemas: number;
  /** `$ref` and `$dynamicRef` together; default 1,000. */
  readonly references: number;
  /** Different patterns, `pattern` and `patternProperties` together; default 500. */
  readonly patterns: number;
  /** UTF-16 units of one pattern; default 1,024. */
  readonly patternLength: number;
  /** Steps per character of one pattern; default 2,000. */
  readonly patternSize: number;
  /** Work for compiling all patterns, about 10 µs each; default 10,000. */
  readonly patternWork: number;
  /** Steps of one check; default 2,000,000. */
  readonly steps: number;
}

/** The bounds that hold unless others are given. */
export const DEFAULT_SCHEMA_BOUNDS: SchemaBounds = {
  bytes: 262_144,
  depth: 64,
  subschemas: 5000,
  references: 1000,
  patterns: 500,
  patternLength: 1024,
  patternSize: 2000,
  patternWork: 10_000,
  steps: 2_000_000,
};

/** The kinds of reason for which a schema is not accepted. */
export type SchemaFaultName =
  | 'too-large'
  | 'too-deep'
  | 'too-many-subschemas'
  | 'too-many-references'
  | 'too-many-patterns'
  | 'bad-pattern'
  | 'bad-shape'
  | 'bad-reference'
  | 'remote-ref'
  | 'unknown-dialect';

/** Thrown within the compiler of schemas, whose entry turns it into a value. */
export class SchemaProblem extends Error {
  readonly fault: SchemaFaultName;
  /** JSON Pointer into the document. */
  readonly pointer: string;

  constructor(fault: SchemaFaultName, pointer: string, message: string) {
    super(message);
    this.fault = fault;
    this.pointer = pointer;
  }
}

/** A JSON object of a schema document. */
export type SchemaObject = { readonly [keyword: string]: unknown };

/** Narrows to a JSON object. */
export function isSchemaObject(value: unknown): value is SchemaObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Writes one more step of a JSON Pointer (RFC 6901). */
export function pointerTo(pointer: string, token: string | number): string {
  return `${pointer}/${String(token).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** Throws when a value is too deep or, as compact JSON, too long. Runs before anything else touches the value. */
export function measure(value: unknown, bounds: SchemaBounds): void {
  let left = bounds.bytes;
  const spend = (bytes: number): void => {
    left -= bytes;
    if (left < 0) throw new SchemaProblem('too-large', '', `the schema has more than ${bounds.bytes} bytes`);
  };
  const visit = (part: unknown, depth: number): void => {
    if (typeof part !== 'object' || part === null) {
      spend(Buffer.byteLength(JSON.stringify(part) ?? ''));
      return;
    }
    if (depth >= bounds.depth) {
      throw new SchemaProblem('too-deep', '', `the schema has more than ${bounds.depth} levels`);
    }
    spend(2);
    for (const [name, member] of Object.entries(part)) {
      spend(Array.isArray(part) ? 1 : Buffer.byteLength(JSON.stringify(name)) + 2);
      visit(member, depth + 1);
    }
  };
  visit(value, 0);
}
