/** Arguments of a call as people give them: JSON, `@file`, or `-` for stdin. */
import { resolve } from 'node:path';
import { usageFailure } from './failure.ts';
import { readText } from './files.ts';
import type { Host } from './host.ts';

/** Reads arguments. Refuses what is not a JSON object. */
export async function readArguments(given: string, host: Host): Promise<Record<string, unknown>> {
  const text = await argumentText(given, host);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw usageFailure('the arguments are not JSON', `write them like '{"path": "welcome.txt"}'`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw usageFailure('the arguments are not a JSON object', `write them like '{"path": "welcome.txt"}'`);
  }
  return Object.fromEntries(Object.entries(value));
}

async function argumentText(given: string, host: Host): Promise<string> {
  if (given === '-') {
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks).toString();
  }
  if (!given.startsWith('@')) return given;
  const text = await readText(resolve(host.cwd, given.slice(1)));
  if (text === undefined) throw usageFailure(`no file ${given.slice(1)}`, 'check the path behind the @');
  return text;
}
