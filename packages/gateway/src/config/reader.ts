/**
 * Readers: each turns a node into a value or reports exactly what is wrong with it, and carries the JSON Schema of what
 * it reads. The grammar of the file is a table of keys, each with its reader; nothing else knows the grammar.
 */
import { kindOf, type ConfigNode, type ScalarNode } from './node.ts';
import { nearest } from './nearest.ts';
import type { Resolution } from './ports.ts';
import type { ProblemLog } from './problem.ts';
import { isReference } from './resolve-secret.ts';
import type { Secret } from './secret.ts';

/** A JSON Schema (2020-12). */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** What readers know about the whole file. */
export interface Reading {
  readonly log: ProblemLog;
  /** What the references of the file led to. One that is absent here was not followed: its value is unknown. */
  readonly resolutions: ReadonlyMap<ScalarNode, Resolution>;
  readonly roleNames: ReadonlySet<string>;
  readonly upstreamNames: ReadonlySet<string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly nodePath: string;
  /** False when what only servers are given is left unread: nothing is said of what is not set. */
  readonly needsServerSecrets: boolean;
  /** True where callers' connections are protected: by TLS here, or by a proxy before us. */
  readonly isProtected: boolean;
  /** Wall time, milliseconds since the epoch. */
  readonly now: number;
}

/** Reads one type of value. */
export interface Reader<T> {
  readonly schema: JsonSchema;
  /** Keys below, as paths with dots, whose change takes effect at the next start only. */
  readonly restartKeys?: readonly string[];
  /** Returns the value, or `undefined` after reporting why there is none. */
  read(node: ConfigNode, reading: Reading): T | undefined;
}

/** A text with what may be said of it in a message. */
export interface Text {
  /** Of a reference that was not followed, the reference: `secret.isKnown` tells. */
  readonly value: string;
  /** The value as messages may quote it: a reference stays a reference. */
  readonly shown: string;
  readonly node: ScalarNode;
  /** Present when the text came from a reference. */
  readonly secret?: Secret;
}

/** Reports that a node is not what is wanted. Returns `undefined`, so that readers can `return wrongType(…)`. */
export function wrongType(node: ConfigNode, reading: Reading, wanted: string, example: string): undefined {
  const isNothing = node.kind === 'scalar' && node.value === null;
  reading.log.report(node.origin, {
    code: 'type',
    message: isNothing ? `a value is missing: expected ${wanted}` : `expected ${wanted}, found ${kindOf(node)}`,
    suggestion: `write ${example}`,
    length: lengthOf(node),
  });
  return undefined;
}

/**
 * Reports that a value has the right type but is not acceptable. Returns `undefined`. Where the value came from a
 * reference, the suggestion is a general one, because it could repeat the value.
 */
export function wrongValue(found: Text, reading: Reading, message: string, suggestion: string): undefined {
  const wayOut = found.secret === undefined ? suggestion : `correct the value behind ${found.shown}`;
  reading.log.report(found.node.origin, { code: 'value', message, suggestion: wayOut, length: lengthOf(found.node) });
  return undefined;
}

/** How many characters of its line a node covers, as far as that is known. */
export function lengthOf(node: ConfigNode): number {
  return node.kind === 'scalar' ? Math.max(1, (node.written.split('\n')[0] ?? '').length) : 1;
}

/**
 * Reads a text and follows a reference in it. Numbers and switches are not text: `wanted` and `example` say what is.
 */
export function readText(node: ConfigNode, reading: Reading, wanted: string, example: string): Text | undefined {
  if (node.kind !== 'scalar' || typeof node.value !== 'string') return wrongType(node, reading, wanted, example);
  if (!isReference(node.value)) {
    if (node.value !== '') return { value: node.value, shown: node.value, node };
    reading.log.report(node.origin, {
      code: 'value',
      message: `the text is empty: expected ${wanted}`,
      suggestion: `write ${example}`,
      length: lengthOf(node),
    });
    return undefined;
  }
  const resolution = reading.resolutions.get(node);
  if (resolution === undefined) return undefined;
  if (!resolution.ok) {
    reading.log.report(node.origin, { ...resolution, length: lengthOf(node) });
    return undefined;
  }
  const { secret } = resolution;
  return { value: secret.isKnown ? secret.reveal() : node.value, shown: node.value, node, secret };
}

/** Makes a reader of texts. `check` returns the value, or what is wrong and the way out. */
export function text<T>(
  wanted: string,
  example: string,
  schema: JsonSchema,
  check: (text: Text, reading: Reading) => T | undefined,
): Reader<T> {
  return {
    schema: { type: 'string', description: `${capital(wanted)}, e.g. ${example}`, ...schema },
    read: (node, reading) => {
      const found = readText(node, reading, wanted, example);
      return found === undefined ? undefined : check(found, reading);
    },
  };
}

/** A whole number from `minimum` to `maximum`. */
export function integer(minimum: number, maximum: number, example: number): Reader<number> {
  const wanted = `a whole number from ${minimum} to ${maximum}`;
  return {
    schema: { type: 'integer', minimum, maximum },
    read: (node, reading) => {
      const isText = node.kind === 'scalar' && typeof node.value === 'string' && isReference(node.value);
      const found = isText ? readText(node, reading, wanted, String(example)) : undefined;
      if (isText && found === undefined) return undefined;
      const value = found === undefined ? node.kind === 'scalar' && node.value : Number(found.value);
      if (typeof value !== 'number') return wrongType(node, reading, wanted, String(example));
      if (Number.isInteger(value) && value >= minimum && value <= maximum) return value;
      reading.log.report(node.origin, {
        code: 'value',
        message: `${found === undefined ? value : 'this'} is not ${wanted}`,
        suggestion: `write ${example}`,
        length: lengthOf(node),
      });
      return undefined;
    },
  };
}

/** `on`, `off`, `true` or `false`. */
export const toggle: Reader<boolean> = {
  schema: { enum: [true, false, 'on', 'off'] },
  read: (node, reading) => {
    if (node.kind === 'scalar' && typeof node.value === 'boolean') return node.value;
    const found = readText(node, reading, 'a switch', 'on or off');
    if (found === undefined) return undefined;
    if (found.value === 'on' || found.value === 'true') return true;
    if (found.value === 'off' || found.value === 'false') return false;
    const meant = /^(y|yes|enabled?|1)$/i.test(found.value) ? 'on' : 'off';
    return wrongValue(
      found,
      reading,
      `${quoted(found.shown)} is not a switch`,
      `write on, off, true or false; here ${meant}`,
    );
  },
};

/** One of a few words. */
export function choice<const T extends string>(...words: readonly [T, ...T[]]): Reader<T> {
  const list = words.join(', ');
  return {
    schema: { enum: words },
    read: (node, reading) => {
      const found = readText(node, reading, `one of ${list}`, words[0]);
      if (found === undefined) return undefined;
      const match = words.find((word) => word === found.value);
      if (match !== undefined) return match;
      const close = nearest(found.shown, words);
      const help = close === undefined ? `write one of ${list}` : `did you mean ${close}? It can be ${list}`;
      return wrongValue(found, reading, `${quoted(found.shown)} is not one of ${list}`, help);
    },
  };
}

/** A list of at most 10,000 values. A value that stands twice is a problem where `isUnique`. */
export function list<T>(item: Reader<T>, wanted: string, example: string, isUnique = false): Reader<readonly T[]> {
  return {
    schema: { type: 'array', items: item.schema, ...(isUnique ? { uniqueItems: true } : {}) },
    read: (node, reading) => {
      if (node.kind !== 'list') return wrongType(node, reading, `a list of ${wanted}`, example);
      const values: T[] = [];
      const seen = new Set<string>();
      let isWhole = true;
      for (const child of node.items) {
        const value = item.read(child, reading);
        if (value === undefined) isWhole = false;
        else values.push(value);
        if (!isUnique || child.kind !== 'scalar') continue;
        const key = String(child.value);
        if (seen.has(key)) {
          const message = `${quoted(key)} stands twice in this list`;
          reading.log.report(child.origin, {
            code: 'duplicate',
            message,
            suggestion: 'keep one of them',
            length: lengthOf(child),
          });
          isWhole = false;
        }
        seen.add(key);
      }
      return isWhole ? values : undefined;
    },
  };
}

/** Puts a value of the file into a message: short, on one line. */
export function quoted(text: string): string {
  const short = text.length > 60 ? `${text.slice(0, 57)}…` : text;
  return `"${short.replace(/\s+/g, ' ')}"`;
}

/** Returns the text with its first letter in upper case. */
export function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
