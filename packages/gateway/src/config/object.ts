/**
 * Readers of mappings: those with a table of keys, and those whose keys are names that the file chooses. The table holds
 * everything there is to know about a key, so that messages, defaults and the JSON Schema cannot disagree.
 */
import type { Origin } from '@sallyport/guard';
import type { ConfigNode } from './node.ts';
import { nearest } from './nearest.ts';
import type { Complaint } from './problem.ts';
import { capital, quoted, wrongType, type JsonSchema, type Reader } from './reader.ts';

/** A default, as it would be written in the file. */
export type Written = string | number | boolean | readonly string[] | { readonly [key: string]: Written };

/** One key of a mapping: everything there is to know about it. */
export interface Key<T> {
  /** Its name in the file, where that differs from the property. */
  readonly name?: string;
  readonly reader: Reader<Exclude<T, undefined>>;
  readonly description: string;
  /** Taken when the key is absent, as it would be written. Without one the key is optional, or required. */
  readonly fallback?: Written;
  readonly isRequired?: true;
  /** A change takes effect at the next start only. */
  readonly needsRestart?: true;
}

/** The keys of a mapping that is read as `T`. */
export type Keys<T> = { readonly [K in keyof T]-?: Key<T[K]> };

/** What else to know about a mapping. */
export interface ObjectOptions {
  /** What it is, for messages: `a role`. */
  readonly wanted: string;
  readonly example: string;
  /** Keys of the format that no part of this version reads. */
  readonly later?: readonly string[];
  /** Keys that people know from other programs, and what to write in their place. */
  readonly hints?: Readonly<Record<string, string>>;
}

/** A mapping with the given keys and no others. */
export function object<T extends object>(keys: Keys<T>, options: ObjectOptions): Reader<T> {
  const rows = Object.entries<Key<unknown>>(keys).map(([property, key]) => ({
    property,
    name: key.name ?? property,
    key,
  }));
  const names = rows.map((row) => row.name);
  const required = rows.filter((row) => row.key.isRequired === true).map((row) => row.name);
  return {
    schema: {
      type: 'object',
      properties: Object.fromEntries(rows.map((row) => [row.name, schemaOf(row.key)])),
      additionalProperties: false,
      ...(required.length > 0 ? { required } : {}),
    },
    restartKeys: rows.flatMap(({ name, key }) =>
      key.needsRestart === true ? [name] : (key.reader.restartKeys ?? []).map((below) => `${name}.${below}`),
    ),
    read: (node, reading) => {
      if (node.kind !== 'map') return wrongType(node, reading, options.wanted, options.example);
      const known = new Set(names);
      for (const entry of node.entries) {
        if (!known.has(entry.key)) reading.log.report(entry.keyOrigin, unknownKey(entry.key, names, options));
      }
      const value: Record<string, unknown> = {};
      let isWhole = true;
      for (const { property, name, key } of rows) {
        const entry = node.entries.find((candidate) => candidate.key === name);
        if (entry === undefined && key.isRequired === true) {
          const constant = key.reader.schema['const'];
          reading.log.report(node.origin, {
            code: 'missing',
            message: `\`${name}\` is missing: ${key.description}`,
            suggestion: `add \`${name}: ${constant === undefined ? '…' : JSON.stringify(constant)}\``,
          });
          isWhole = false;
          continue;
        }
        if (entry === undefined && key.fallback === undefined) {
          value[property] = undefined;
          continue;
        }
        const child = entry?.value ?? nodeOf(key.fallback ?? '', node.origin);
        const read = key.reader.read(child, reading);
        if (read === undefined) isWhole = false;
        value[property] = read;
      }
      // Every key of T was read above, each by the reader that the table types for it.
      return isWhole ? (value as T) : undefined;
    },
  };
}

function schemaOf(key: Key<unknown>): JsonSchema {
  const restart = key.needsRestart === true ? ' A change needs a restart.' : '';
  return {
    ...key.reader.schema,
    description: `${key.description}.${restart}`,
    ...(key.fallback === undefined ? {} : { default: key.fallback }),
  };
}

function unknownKey(key: string, names: readonly string[], options: ObjectOptions): Complaint {
  const { length } = key;
  const all = `keys here: ${names.join(', ')}`;
  const later = options.later ?? [];
  if (later.includes(key)) {
    return {
      code: 'not-available',
      message: `\`${key}\` is not available in this version`,
      suggestion: `remove it; ${all}`,
      length,
    };
  }
  const message = `\`${key}\` is not a key of ${options.wanted}`;
  const hint = options.hints !== undefined && Object.hasOwn(options.hints, key) ? options.hints[key] : undefined;
  if (hint !== undefined) return { code: 'unknown-key', message, suggestion: hint, length };
  const close = nearest(key, [...names, ...later]);
  const note = close !== undefined && later.includes(close) ? ', which is not available in this version' : '';
  const suggestion = close === undefined ? all : `did you mean \`${close}\`${note}? ${capital(all)}`;
  return { code: 'unknown-key', message, suggestion, length };
}

/** A mapping whose keys are names that the file chooses. */
export function record<T>(
  name: NameRule,
  item: (name: string, origin: Origin) => Reader<T>,
  wanted: string,
  example: string,
): Reader<readonly T[]> {
  const origin: Origin = { file: '', line: 1, column: 1 };
  return {
    schema: {
      type: 'object',
      propertyNames: { pattern: name.pattern.source },
      additionalProperties: item('name', origin).schema,
    },
    read: (node, reading) => {
      if (node.kind !== 'map') return wrongType(node, reading, wanted, example);
      const values: T[] = [];
      let isWhole = true;
      for (const entry of node.entries) {
        if (!name.pattern.test(entry.key)) {
          reading.log.report(entry.keyOrigin, {
            code: 'value',
            message: `${quoted(entry.key)} is not ${name.wanted}`,
            suggestion: name.suggest(entry.key),
            length: entry.key.length,
          });
          isWhole = false;
        }
        const value = item(entry.key, entry.keyOrigin).read(entry.value, reading);
        if (value === undefined) isWhole = false;
        else values.push(value);
      }
      return isWhole ? values : undefined;
    },
  };
}

/** What names may look like. */
export interface NameRule {
  readonly pattern: RegExp;
  readonly wanted: string;
  suggest(name: string): string;
}

/** Makes a node of a default, as if it had been written at `origin`. */
export function nodeOf(value: Written, origin: Origin): ConfigNode {
  if (isList(value)) return { kind: 'list', origin, items: value.map((item) => nodeOf(item, origin)) };
  if (typeof value !== 'object') return { kind: 'scalar', origin, value, written: String(value) };
  const entries = Object.entries(value).map(([key, child]) => ({
    key,
    keyOrigin: origin,
    value: nodeOf(child, origin),
  }));
  return { kind: 'map', origin, entries };
}

function isList(value: Written): value is readonly string[] {
  return Array.isArray(value);
}
