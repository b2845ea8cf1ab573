/**
 * Tool definitions from one era to the other, as values: they are catalogued, not forwarded. Modern output schemas may
 * have any root, legacy ones are objects; what does not fit is wrapped as `{ result: … }`.
 */
import type { JsonObject } from '../message.ts';
import { isObject } from '../object.ts';
import { DATA_KEYWORDS, NAMED_SCHEMA_KEYWORDS } from '../schema-keywords.ts';

/** Where the natural schema stands in its wrapper, as the fragment of a reference. */
const WRAPPED_AT = '#/properties/result';

/** A tool definition for legacy callers. */
export interface LegacyTool {
  readonly tool: JsonObject;
  /** True when the output schema was wrapped, so that `toLegacyResult` has to wrap `structuredContent` always. */
  readonly isOutputWrapped: boolean;
}

/**
 * Makes a modern tool definition one that legacy callers know.
 *
 * @param tool the definition
 * @returns the legacy definition, and whether its output is wrapped
 */
export function toLegacyTool(tool: JsonObject): LegacyTool {
  const schema = tool['outputSchema'];
  if (!isObject(schema) || schema['type'] === 'object') return { tool, isOutputWrapped: false };
  return { tool: { ...tool, outputSchema: wrapSchema(schema) }, isOutputWrapped: true };
}

/**
 * Makes a legacy tool definition one that modern callers know: without `execution`, which named support for core tasks.
 *
 * @param tool the definition
 * @returns the modern definition; `tool` itself when both eras have it
 */
export function toModernTool(tool: JsonObject): JsonObject {
  if (!Object.hasOwn(tool, 'execution')) return tool;
  return Object.fromEntries(Object.entries(tool).filter(([key]) => key !== 'execution'));
}

function wrapSchema(schema: JsonObject): JsonObject {
  const { $schema: dialect, ...natural } = schema;
  return {
    ...(dialect === undefined ? {} : { $schema: dialect }),
    type: 'object',
    properties: { result: moveReferences(natural) },
    required: ['result'],
  };
}

/** Points references within the document at where their targets stand now. A schema with an `$id` keeps its own base. */
function moveReferences(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(moveReferences);
  if (!isObject(schema) || setsBase(schema['$id'])) return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([keyword, value]) => {
      if (DATA_KEYWORDS.has(keyword)) return [keyword, value];
      if (keyword === '$ref' || keyword === '$dynamicRef') return [keyword, moveReference(value)];
      if (!NAMED_SCHEMA_KEYWORDS.has(keyword) || !isObject(value)) return [keyword, moveReferences(value)];
      return [keyword, Object.fromEntries(Object.entries(value).map(([name, below]) => [name, moveReferences(below)]))];
    }),
  );
}

function setsBase(id: unknown): boolean {
  return typeof id === 'string' && !id.startsWith('#');
}

function moveReference(reference: unknown): unknown {
  if (reference === '#') return WRAPPED_AT;
  if (typeof reference === 'string' && reference.startsWith('#/')) return `${WRAPPED_AT}${reference.slice(1)}`;
  return reference;
}
