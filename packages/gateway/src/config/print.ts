/** Writes the merged configuration with the place of each value, for `check --print`. References stay references. */
import { dirname, relative } from 'node:path';
import type { Origin } from '@sallyport/guard';
import { configJsonSchema } from './json-schema.ts';
import type { ConfigNode, Entry, MapNode } from './node.ts';
import { nodeOf, type Written } from './object.ts';
import type { JsonSchema } from './reader.ts';
import type { Config } from './types.ts';

interface Line {
  readonly text: string;
  readonly note: string;
}

/**
 * Returns all files together as YAML. Behind each value stands its file and line, or `default`. File names are relative
 * to the folder of the first file; paths stay as written, so they start from the folder of the file named beside them.
 */
export function printConfig(config: Pick<Config, 'tree' | 'files'>): string {
  const folder = dirname(config.files[0] ?? '.');
  const lines: Line[] = [];
  const note = (origin: Origin | undefined): string =>
    origin === undefined ? 'default' : `${relative(folder, origin.file) || origin.file}:${origin.line}`;
  writeMap(config.tree, configJsonSchema(), 0, false, lines, note);
  const width = Math.min(72, Math.max(0, ...lines.map((line) => line.text.length)));
  return (
    lines.map((line) => (line.note === '' ? line.text : `${line.text.padEnd(width)}  # ${line.note}`)).join('\n') + '\n'
  );
}

type Note = (origin: Origin | undefined) => string;

function writeMap(map: MapNode, schema: JsonSchema, depth: number, isDefault: boolean, out: Line[], note: Note): void {
  for (const { key, value, isFilledIn } of withDefaults(map, schema)) {
    const shown = `${'  '.repeat(depth)}${toScalar(key)}:`;
    const below = schemaBelow(schema, key, value);
    writeValue(shown, value, below, depth, isDefault || isFilledIn, out, note);
  }
}

function writeValue(
  head: string,
  node: ConfigNode,
  schema: JsonSchema,
  depth: number,
  isDefault: boolean,
  out: Line[],
  note: Note,
): void {
  const place = note(isDefault ? undefined : node.origin);
  if (node.kind === 'scalar') {
    out.push({ text: `${head} ${toScalar(node.value)}`, note: place });
    return;
  }
  if (node.kind === 'map') {
    if (withDefaults(node, schema).length === 0) out.push({ text: `${head} {}`, note: place });
    else {
      out.push({ text: head, note: '' });
      writeMap(node, schema, depth + 1, isDefault, out, note);
    }
    return;
  }
  if (node.items.length === 0) {
    out.push({ text: `${head} []`, note: place });
    return;
  }
  out.push({ text: head, note: '' });
  for (const item of node.items) {
    const text = `${'  '.repeat(depth + 1)}- ${toFlow(item)}`;
    out.push({ text, note: note(isDefault ? undefined : item.origin) });
  }
}

interface ShownEntry {
  readonly key: string;
  readonly value: ConfigNode;
  readonly isFilledIn: boolean;
}

function withDefaults(map: MapNode, schema: JsonSchema): readonly ShownEntry[] {
  const shown = map.entries.map((entry: Entry): ShownEntry => ({
    key: entry.key,
    value: entry.value,
    isFilledIn: false,
  }));
  const present = new Set(map.entries.map((entry) => entry.key));
  for (const [key, property] of Object.entries(asRecord(variant(schema, present)['properties']))) {
    const fallback = asRecord(property)['default'];
    if (present.has(key) || key === 'include' || !isWritten(fallback)) continue;
    shown.push({ key, value: nodeOf(fallback, map.origin), isFilledIn: true });
  }
  const order = Object.keys(asRecord(variant(schema, present)['properties']));
  return order.length === 0 ? shown : shown.sort((a, b) => order.indexOf(a.key) - order.indexOf(b.key));
}

/** Of several forms, the one whose required keys are there. */
function variant(schema: JsonSchema, present: ReadonlySet<string>): JsonSchema {
  const forms = schema['anyOf'];
  if (!Array.isArray(forms)) return schema;
  const objects = forms.map(asRecord).filter((form) => form['type'] === 'object');
  const fits = (form: JsonSchema): boolean => {
    const required = form['required'];
    return !Array.isArray(required) || required.every((key) => present.has(String(key)));
  };
  return objects.find(fits) ?? {};
}

function schemaBelow(schema: JsonSchema, key: string, value: ConfigNode): JsonSchema {
  const own = variant(schema, new Set());
  const at = asRecord(own['properties'])[key] ?? own['additionalProperties'];
  const below = asRecord(at);
  if (value.kind !== 'map') return below;
  return variant(below, new Set(value.entries.map((entry) => entry.key)));
}

function asRecord(value: unknown): JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonSchema) : {};
}

function isWritten(value: unknown): value is Written {
  return value !== undefined && value !== null;
}

function toFlow(node: ConfigNode): string {
  if (node.kind === 'scalar') return toScalar(node.value);
  if (node.kind === 'list') return `[${node.items.map(toFlow).join(', ')}]`;
  const inside = node.entries.map((entry) => `${toScalar(entry.key)}: ${toFlow(entry.value)}`);
  return inside.length === 0 ? '{}' : `{ ${inside.join(', ')} }`;
}

/** Quotes what YAML would read as something else. */
function toScalar(value: string | number | boolean | null): string {
  if (typeof value !== 'string') return String(value);
  const isWord = /^[A-Za-z0-9_./][A-Za-z0-9_./:@%+-]*(?: [A-Za-z0-9_./@%+-]+)*$/.test(value) && !value.endsWith(':');
  const isOther =
    /^(?:true|false|null|yes|no|on|off|y|n)$/i.test(value) ||
    /^(?:0[xo][0-9a-f]+|(?=.*\d)[\d._:+-]+(?:e[-+]?\d+)?|\.nan|\.inf)$/i.test(value);
  const isPlain = isWord && (!isOther || /^\d+\.\d+\.\d+\.\d+:\d+$/.test(value));
  if (isPlain) return value;
  return /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(value)
    ? JSON.stringify(value)
    : `'${value.replaceAll("'", "''")}'`;
}
