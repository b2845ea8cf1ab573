/** Follows `env:`, `file:` and `command:` references to values. Commands run without a shell and within bounds. */
import { dirname, isAbsolute, resolve } from 'node:path';
import type { Origin } from '@sallyport/guard';
import type { ConfigPorts, Resolution } from './ports.ts';
import { findReaders, findWriters } from './safety.ts';
import { Secret, type SecretReference } from './secret.ts';

/** How long a `command:` may take, milliseconds. */
export const COMMAND_TIMEOUT = 10_000;
/** Largest value that a reference may lead to, bytes. */
export const MAX_SECRET_BYTES = 64 * 1024;

const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Says whether a text names its value in place of holding it. `file://…` is a URI and holds it. */
export function isReference(text: string): boolean {
  return (
    text.startsWith('env:') || text.startsWith('command:') || (text.startsWith('file:') && !text.startsWith('file://'))
  );
}

/** Why a text that looks like a reference is none. */
export interface ReferenceFault {
  readonly kind: 'fault';
  readonly message: string;
  readonly suggestion: string;
}

/** Reads a reference. Paths are relative to the folder of the file at `origin`. */
export function parseReference(text: string, origin: Origin): SecretReference | ReferenceFault {
  const colon = text.indexOf(':');
  const rest = text.slice(colon + 1);
  const folder = dirname(origin.file);
  if (text.startsWith('env:')) {
    if (ENV_NAME.test(rest)) return { kind: 'env', name: rest, written: text, origin };
    return { kind: 'fault', message: 'env: needs the name of an environment variable', suggestion: 'write env:NAME' };
  }
  if (text.startsWith('file:')) {
    if (rest.trim() !== '' && !rest.includes('\0')) {
      return { kind: 'file', path: isAbsolute(rest) ? rest : resolve(folder, rest), written: text, origin };
    }
    return { kind: 'fault', message: 'file: needs a path', suggestion: 'write file:PATH' };
  }
  const argv = splitCommand(rest.trim());
  const [program, ...args] = argv ?? [];
  if (program !== undefined && program !== '') {
    return { kind: 'command', argv: [program, ...args], cwd: folder, written: text, origin };
  }
  return {
    kind: 'fault',
    message: argv === undefined ? 'the command cannot be split into words' : 'command: needs a program',
    suggestion:
      'write command:PROGRAM ARGUMENT with quotes around words with spaces, or command:["PROGRAM", "ARGUMENT"]',
  };
}

/** Splits at spaces; quotes keep words together; nothing is expanded. A JSON array is taken as it is. */
function splitCommand(text: string): readonly string[] | undefined {
  if (text.startsWith('[')) {
    try {
      const list: unknown = JSON.parse(text);
      return Array.isArray(list) && list.every((item) => typeof item === 'string') ? list : undefined;
    } catch {
      return undefined;
    }
  }
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (const character of text) {
    if (quote !== '') {
      if (character === quote) quote = '';
      else word = (word ?? '') + character;
    } else if (character === '"' || character === "'") {
      quote = character;
      word ??= '';
    } else if (character === ' ' || character === '\t') {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? '') + character;
    }
  }
  if (quote !== '') return undefined;
  if (word !== undefined) words.push(word);
  return words;
}

/** Where a value comes from, fit to be shown: the words of a command stay out, for they may tell too much. */
export function sourceOf({ kind, written }: Pick<SecretReference, 'kind' | 'written'>): string {
  return kind === 'command' ? 'command' : written;
}

/**
 * Returns the value that a reference leads to, without the line end that editors and programs add. Refuses what is
 * absent, empty, larger than 64 KiB, not UTF-8, and files that others can read or change.
 */
export async function resolveSecret(reference: SecretReference, ports: ConfigPorts): Promise<Resolution> {
  if (reference.kind === 'env') return resolveEnv(reference.name, ports);
  if (reference.kind === 'file') return resolveFile(reference.path, reference.written, ports);
  const outcome = await ports.run(reference.argv, {
    cwd: reference.cwd,
    timeout: COMMAND_TIMEOUT,
    limit: MAX_SECRET_BYTES,
  });
  if (!outcome.ok) {
    return failed(
      `the command \`${reference.argv[0]}\` gave no value: ${outcome.reason}`,
      'run it in a terminal to see why',
    );
  }
  return decode(outcome.output, sourceOf(reference), `the command \`${reference.argv[0]}\``);
}

function resolveEnv(name: string, ports: ConfigPorts): Resolution {
  const value = ports.env[name];
  if (value === undefined) {
    return failed(`the environment variable ${name} is not set`, `set it before starting: export ${name}=…`);
  }
  if (value === '') return failed(`the environment variable ${name} is empty`, `give it a value: export ${name}=…`);
  return { ok: true, secret: new Secret(value, `env:${name}`) };
}

async function resolveFile(path: string, written: string, ports: ConfigPorts): Promise<Resolution> {
  const facts = await ports.facts(path);
  if (typeof facts === 'string') return unreadable(path, facts);
  if (facts.kind !== 'file') return failed(`${path} is not a file`, 'name a file that holds only the value');
  const bytes = await ports.read(path, MAX_SECRET_BYTES);
  const unsafe = findWriters(path, facts, ports.identity) ?? findReaders(path, facts, ports.identity);
  if (unsafe !== undefined) return { ok: false, code: 'unsafe-file', ...unsafe };
  return typeof bytes === 'string' ? unreadable(path, bytes) : decode(bytes, written, path);
}

/**
 * Returns what a file holds that is no secret, such as certificates: others may read it, but not change it.
 *
 * @param path - absolute
 */
export async function resolvePublicFile(path: string, written: string, ports: ConfigPorts): Promise<Resolution> {
  const facts = await ports.facts(path);
  if (typeof facts === 'string') return unreadablePublic(path, facts);
  if (facts.kind !== 'file') return failed(`${path} is not a file`, 'name a file in PEM form');
  const bytes = await ports.read(path, MAX_SECRET_BYTES);
  const unsafe = findWriters(path, facts, ports.identity);
  if (unsafe !== undefined) return { ok: false, code: 'unsafe-file', ...unsafe };
  return typeof bytes === 'string' ? unreadablePublic(path, bytes) : decode(bytes, written, path);
}

function unreadablePublic(path: string, fault: string): Resolution {
  if (fault === 'absent') return failed(`${path} does not exist`, 'create it, or correct the path');
  if (fault === 'too-large')
    return failed(
      `${path} is larger than 64 KiB`,
      'name a file with your own authorities only: those of Node are trusted already',
    );
  return unreadable(path, fault);
}

function unreadable(path: string, fault: string): Resolution {
  if (fault === 'absent') return failed(`${path} does not exist`, 'create it with mode 600, or correct the path');
  if (fault === 'too-large') return failed(`${path} is larger than 64 KiB`, 'name a file that holds only the value');
  if (fault === 'forbidden') return failed(`${path} may not be read by us`, `run: chown "$(id -un)" ${path}`);
  return failed(`${path} could not be read`, 'check that it is a plain file');
}

function decode(bytes: Uint8Array, source: string, place: string): Resolution {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return failed(`${place} gave bytes that are not UTF-8`, 'store the value as text');
  }
  const value = text.replace(/[\r\n]+$/, '');
  if (value === '') return failed(`${place} gave an empty value`, 'store the value there');
  return { ok: true, secret: new Secret(value, source) };
}

function failed(message: string, suggestion: string): Resolution {
  return { ok: false, code: 'secret', message, suggestion };
}
