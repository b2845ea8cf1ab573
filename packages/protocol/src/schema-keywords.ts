/** Where schemas stand inside a JSON Schema, for walks that must not take data or property names for keywords. */

/** Keywords whose value is data, never a schema. */
export const DATA_KEYWORDS: ReadonlySet<string> = new Set(['const', 'enum', 'default', 'examples', 'required']);

/** Keywords whose value maps chosen names to schemas. */
export const NAMED_SCHEMA_KEYWORDS: ReadonlySet<string> = new Set([
  'properties',
  'patternProperties',
  '$defs',
  'definitions',
  'dependentSchemas',
  'dependencies',
]);
