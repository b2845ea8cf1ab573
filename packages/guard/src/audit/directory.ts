/** The audit directory as readers see it: its files as streams and the public keys beside them. */
import { createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { orderFiles } from './files.ts';
import type { TrailSource } from './verify.ts';

const KEY_FILE = /^audit-key\.[0-9a-f]{16}\.pub\.pem$/;

/** The audit files of a directory, oldest first, for {@link verifyTrail}. Rejects when it cannot be read. */
export async function trailSources(directory: string): Promise<TrailSource[]> {
  return orderFiles(await readdir(directory)).map(({ name }) => ({
    name,
    read: () => createReadStream(join(directory, name), { highWaterMark: 1024 * 1024 }),
  }));
}

/**
 * The public keys that lie beside the files. Whoever can replace files can replace these too: to rely on signatures,
 * keep a copy elsewhere and pass that.
 */
export async function trailPublicKeys(directory: string): Promise<KeyObject[]> {
  const names = (await readdir(directory)).filter((name) => KEY_FILE.test(name));
  return Promise.all(names.map(async (name) => createPublicKey(await readFile(join(directory, name), 'utf8'))));
}
