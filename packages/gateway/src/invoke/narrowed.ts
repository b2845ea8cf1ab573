/**
 * Input schemas as a caller sees them whose grants fix an argument: `const` or `enum` says which values will do. This is
 * for show; what is allowed is decided by the condition itself.
 */
import { isObject, locate, splice, type Edit, type JsonObject } from '@sallyport/protocol';

/**
 * Writes into a tool's definition which values its arguments may have.
 *
 * @param text - the definition as JSON; all other bytes of it stay as they are
 * @param fixed - values by argument; one that the schema does not describe is left out
 */
export function narrowDefinition(text: string, fixed: ReadonlyMap<string, readonly unknown[]>): string {
  const definition: unknown = JSON.parse(text);
  const schema = isObject(definition) ? definition['inputSchema'] : undefined;
  const properties = isObject(schema) ? schema['properties'] : undefined;
  if (!isObject(properties)) return text;
  const bytes = Buffer.from(text);
  const edits: Edit[] = [];
  for (const [name, values] of fixed) {
    const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
    const span = locate(bytes, ['inputSchema', 'properties', name]);
    const narrowed = isObject(property) && span !== undefined ? narrow(property, values) : undefined;
    if (span !== undefined && narrowed !== undefined) edits.push({ ...span, bytes: Buffer.from(narrowed) });
  }
  if (edits.length === 0) return text;
  return Buffer.from(
    splice(
      bytes,
      edits.toSorted((one, other) => one.start - other.start),
    ),
  ).toString();
}

/** The schema of one argument with the values that are left; `undefined` where none is, or it says so already. */
function narrow(property: JsonObject, values: readonly unknown[]): string | undefined {
  const { enum: listed, const: constant, ...rest } = property;
  // What the server's own schema refuses would be refused after all.
  const isAllowed = (value: unknown): boolean => {
    const text = JSON.stringify(value);
    if (constant !== undefined && JSON.stringify(constant) !== text) return false;
    return !Array.isArray(listed) || listed.some((one) => JSON.stringify(one) === text);
  };
  const left = values.filter(isAllowed);
  if (left.length === 0) return undefined;
  const [only] = left;
  return JSON.stringify({ ...rest, ...(left.length === 1 ? { const: only } : { enum: left }) });
}
