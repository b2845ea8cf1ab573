/** Reading and writing the files of a person's machine: whole or not at all, and never wider open than they were. */
import { constants } from 'node:fs';
import { chmod, mkdir, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { Failure, systemCode } from './failure.ts';

/**
 * Writes a file so that a reader sees the old content or the new, never a part. A symbolic link stays one.
 *
 * @param mode permissions of a file that is new; one that is there keeps its own unless `force` says otherwise
 */
export async function writeWhole(
  path: string,
  content: string | Uint8Array,
  mode: number,
  force = false,
): Promise<void> {
  const target = await realpath(path).catch(() => path);
  const kept = force ? undefined : await modeOf(target);
  const temporary = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}`);
  try {
    const file = await open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
    try {
      await file.writeFile(content);
      await file.chmod(kept ?? mode);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw new Failure(
      `cannot write ${path} (${systemCode(error) ?? 'unknown error'})`,
      'check that its folder is writable',
      1,
      {
        cause: error,
      },
    );
  }
}

/** Reads a text file. Returns nothing when there is none; fails when it is unreadable or not UTF-8. */
export async function readText(path: string): Promise<string | undefined> {
  try {
    // The byte order mark is kept, so that what is written back is what was read.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await readFile(path));
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA')
      throw new Failure(`${path} is not UTF-8`, 'save it as UTF-8 and try again', 1, { cause: error });
    throw new Failure(`cannot read ${path} (${code ?? 'unknown error'})`, 'check its permissions', 1, { cause: error });
  }
}

/** Tells whether something is at `path`. */
export async function exists(path: string): Promise<boolean> {
  return (await modeOf(path)) !== undefined;
}

/** Makes a folder that only its owner can enter. One that is there is closed to others. */
export async function makePrivateFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await chmod(path, 0o700);
  } catch (error) {
    throw new Failure(
      `cannot make the folder ${path} (${systemCode(error) ?? 'unknown error'})`,
      'check that its parent is writable',
      1,
      {
        cause: error,
      },
    );
  }
}

async function modeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mode & 0o777;
  } catch {
    return undefined;
  }
}
