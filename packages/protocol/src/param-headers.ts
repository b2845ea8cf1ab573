/** Arguments that a tool's schema mirrors into `Mcp-Param-*` headers (2026-07-28, "Custom Headers from Tool Parameters"). */
import { decodeHeaderValue, encodeHeaderValue } from './header-value.ts';
import type { HeaderFault, HeaderFields } from './headers.ts';
import { headerFault } from './headers.ts';
import type { JsonObject } from './message.ts';
import { isObject } from './object.ts';
import { DATA_KEYWORDS, NAMED_SCHEMA_KEYWORDS } from './schema-keywords.ts';

/** One annotated property of an input schema. */
export interface ParamHeaderAnnotation {
  /** Property names from the arguments object inwards. */
  readonly path: readonly string[];
  /** Header name as annotated, without `Mcp-Param-`. */
  readonly name: string;
  /** Lower-case name of the whole header. */
  readonly header: string;
  readonly type: 'string' | 'integer' | 'boolean';
}

/** Why a tool's annotations are not valid; a client has to leave the tool out of its list. */
export interface AnnotationFault {
  readonly name: 'unreachable' | 'bad-name' | 'bad-type' | 'repeated-name' | 'schema-too-large';
  /** JSON Pointer to the schema at fault. */
  readonly pointer: string;
}

/** What an input schema's annotations were read as. */
export type AnnotationReading =
  | { readonly kind: 'annotations'; readonly annotations: readonly ParamHeaderAnnotation[] }
  | { readonly kind: 'fault'; readonly fault: AnnotationFault };

const KEYWORD = 'x-mcp-header';
/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** JSON number (RFC 8259 §6): `42`, `42.0` and `4.2e1` are one integer, `042` is none. */
const NUMBER = /^-?(?:0|[1-9][0-9]{0,20})(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-9]{1,3})?$/;
const MAX_SCHEMAS = 20_000;

interface Visit {
  readonly schema: unknown;
  readonly pointer: string;
  /** Property names so far; `undefined` once the way led through anything but `properties`. */
  readonly path: readonly string[] | undefined;
}

/**
 * Reads the annotations of a tool's input schema.
 *
 * @param inputSchema the schema as JSON
 * @returns all annotations in document order, or the first that the specification does not allow
 */
export function readParamHeaderAnnotations(inputSchema: unknown): AnnotationReading {
  const annotations: ParamHeaderAnnotation[] = [];
  const seen = new Set<string>();
  const pending: Visit[] = [{ schema: inputSchema, pointer: '', path: [] }];
  let visited = 0;
  for (let visit = pending.pop(); visit !== undefined; visit = pending.pop()) {
    visited += 1;
    if (visited > MAX_SCHEMAS) return annotationFault('schema-too-large', visit.pointer);
    const { schema, pointer, path } = visit;
    if (Array.isArray(schema)) {
      pushAll(pending, schema.entries(), pointer, () => undefined);
      continue;
    }
    if (!isObject(schema)) continue;
    if (Object.hasOwn(schema, KEYWORD)) {
      const annotation = readAnnotation(schema, path);
      if (typeof annotation === 'string') return annotationFault(annotation, pointer);
      if (seen.has(annotation.header)) return annotationFault('repeated-name', pointer);
      seen.add(annotation.header);
      annotations.push(annotation);
    }
    const keywords = Object.entries(schema);
    for (const [keyword, value] of keywords.toReversed()) {
      if (keyword === KEYWORD || DATA_KEYWORDS.has(keyword)) continue;
      const below = `${pointer}/${escapePointer(keyword)}`;
      if (!NAMED_SCHEMA_KEYWORDS.has(keyword)) pending.push({ schema: value, pointer: below, path: undefined });
      else if (isObject(value)) {
        const isProperties = keyword === 'properties';
        pushAll(pending, Object.entries(value), below, (name) =>
          isProperties && path !== undefined ? [...path, name] : undefined,
        );
      }
    }
  }
  return { kind: 'annotations', annotations };
}

function pushAll(
  pending: Visit[],
  entries: Iterable<[string | number, unknown]>,
  pointer: string,
  pathOf: (name: string) => readonly string[] | undefined,
): void {
  for (const [name, schema] of [...entries].toReversed()) {
    const key = String(name);
    pending.push({ schema, pointer: `${pointer}/${escapePointer(key)}`, path: pathOf(key) });
  }
}

function readAnnotation(
  schema: JsonObject,
  path: readonly string[] | undefined,
): ParamHeaderAnnotation | Exclude<AnnotationFault['name'], 'repeated-name' | 'schema-too-large'> {
  const name = schema[KEYWORD];
  const type = schema['type'];
  if (path === undefined || path.length === 0) return 'unreachable';
  if (typeof name !== 'string' || !TOKEN.test(name)) return 'bad-name';
  if (type !== 'string' && type !== 'integer' && type !== 'boolean') return 'bad-type';
  return { path, name, header: `mcp-param-${name.toLowerCase()}`, type };
}

function annotationFault(name: AnnotationFault['name'], pointer: string): AnnotationReading {
  return { kind: 'fault', fault: { name, pointer } };
}

function escapePointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

/**
 * Checks the `Mcp-Param-*` headers of a call that its tool's schema asks for. Headers that the schema does not know are
 * left alone, as every intermediary has to.
 *
 * @param args the call's arguments, or `undefined`
 * @param headers the request's header fields
 * @param annotations what `readParamHeaderAnnotations` found
 * @returns the first fault, or `undefined`
 */
export function checkParamHeaders(
  args: JsonObject | undefined,
  headers: HeaderFields,
  annotations: readonly ParamHeaderAnnotation[],
): HeaderFault | undefined {
  for (const { path, header } of annotations) {
    const field = headers[header];
    const value = valueAt(args, path);
    if (value === undefined || value === null) {
      // A value that only the header has would be seen by one hop and not by the other.
      if (field !== undefined) return headerFault('header-mismatch', header);
      continue;
    }
    if (field === undefined) return headerFault('header-missing', header);
    const decoded = decodeHeaderValue(field);
    if (!decoded.ok) return headerFault('header-encoding', header);
    if (!agrees(decoded.value, value)) return headerFault('header-mismatch', header);
  }
  return undefined;
}

function agrees(text: string, value: unknown): boolean {
  if (typeof value === 'number') return NUMBER.test(text) && Number.isSafeInteger(value) && Number(text) === value;
  if (typeof value === 'boolean') return text === String(value);
  return text === value;
}

function valueAt(args: JsonObject | undefined, path: readonly string[]): unknown {
  let value: unknown = args;
  for (const name of path) {
    if (!isObject(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}

/**
 * Makes the headers that a call needs toward an upstream.
 *
 * @param args the call's arguments, or `undefined`
 * @param annotations what `readParamHeaderAnnotations` found
 * @returns header values by header name, lower case, as received headers are kept; nothing for what is absent, null, or no string, safe integer
 *   or boolean, or text that UTF-8 cannot carry
 */
export function paramHeaders(
  args: JsonObject | undefined,
  annotations: readonly ParamHeaderAnnotation[],
): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const { path, header } of annotations) {
    const value = valueAt(args, path);
    const isCarried =
      typeof value === 'boolean' || Number.isSafeInteger(value) || (typeof value === 'string' && value.isWellFormed());
    if (isCarried) headers[header] = encodeHeaderValue(String(value));
  }
  return headers;
}
