/**
 * The master key: read from its file or made, and everything derived from it (HKDF-SHA-256, RFC 5869). Two generations
 * live at once, so that a change of the master key breaks nothing that is in use.
 */
import { createPrivateKey, hkdfSync } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, lstat, mkdir, open, realpath } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createSigningKey } from './audit/checkpoint.ts';
import type { SigningKey } from './audit/checkpoint.ts';
import { findUnsafety } from './file-safety.ts';
import type { Random } from './ports.ts';

const KEY_BYTES = 32;
const LINE = /^(?:[A-Za-z0-9_-]{43}|[0-9a-fA-F]{64})$/;
const LONGEST_FILE = 1024;

/** The master key and, after a change, the one before. */
export interface MasterKey {
  readonly current: Uint8Array;
  readonly previous?: Uint8Array | undefined;
}

/** Why the master key cannot be used. The message is for the operator. */
export interface MasterFault {
  readonly fault: 'unsafe' | 'malformed' | 'unusable' | 'missing';
  readonly message: string;
  readonly cause?: unknown;
}

/** Keys of one generation. */
export interface DerivedKeys {
  /** For HMACs over API keys. */
  readonly pepper: Uint8Array;
  /** For handles given out. */
  readonly seal: Uint8Array;
  /** For secrets in the store. */
  readonly envelope: Uint8Array;
  /** For keyed digests of arguments in the audit trail. */
  readonly auditDigest: Uint8Array;
  /** Signs audit checkpoints. */
  readonly auditSigning: SigningKey;
}

/** Derived keys, current generation first. */
export interface KeyRing {
  readonly current: DerivedKeys;
  readonly previous?: DerivedKeys | undefined;
}

// PKCS#8 wrapping of an Ed25519 seed (RFC 8410 §7).
const ED25519_PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

function derive(master: Uint8Array, name: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', master, Buffer.alloc(0), `sallyport ${name} v1`, KEY_BYTES));
}

function deriveGeneration(master: Uint8Array): DerivedKeys {
  const seed = derive(master, 'audit-signing');
  const der = Buffer.concat([ED25519_PKCS8, seed]);
  return {
    pepper: derive(master, 'pepper'),
    seal: derive(master, 'seal'),
    envelope: derive(master, 'envelope'),
    auditDigest: derive(master, 'audit-digest'),
    auditSigning: createSigningKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })),
  };
}

/** Derives all keys of the generations that live. */
export function deriveKeys(master: MasterKey): KeyRing {
  const current = deriveGeneration(master.current);
  return master.previous === undefined ? { current } : { current, previous: deriveGeneration(master.previous) };
}

/**
 * Reads a master key from text: one line (43 characters of base64url or 64 of hex, 32 bytes), and after a change a
 * second line with the key before.
 *
 * @param source where the text comes from, for the message
 */
export function parseMasterKey(text: string, source: string): MasterKey | MasterFault {
  const lines = text.trim().split(/\s*\n\s*/);
  const keys = lines.map((line) => {
    if (!LINE.test(line)) return undefined;
    const bytes = Buffer.from(line, line.length === 64 ? 'hex' : 'base64url');
    return bytes.length === KEY_BYTES ? new Uint8Array(bytes) : undefined;
  });
  const [current, previous] = keys;
  if (current === undefined || keys.length > 2 || (keys.length === 2 && previous === undefined)) {
    const expected = 'one or two lines, each 32 bytes as 43 characters of base64url or 64 of hex';
    return { fault: 'malformed', message: `${source} does not hold a master key: expected ${expected}` };
  }
  return previous === undefined ? { current } : { current, previous };
}

function codeOf(cause: unknown): string | undefined {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
}

const ROOT = 0;

/**
 * Says who else could put another key in place of ours: the owner of the file, of a symbolic link that leads to it, or
 * who can write to one of the folders. Orchestrators mount secrets as links of root, so links as such are fine.
 *
 * @param own user id of this process; `undefined` where there is none, and nothing is checked
 */
async function findStranger(path: string, own: number | undefined): Promise<string | undefined> {
  if (own === undefined) return undefined;
  const link = await lstat(path).catch(() => undefined);
  if (link?.isSymbolicLink() === true) {
    if (link.uid !== own && link.uid !== ROOT) {
      return `${path} is a symbolic link of another user (${link.uid}), who can turn it elsewhere: move it away`;
    }
    const target = await realpath(path).catch(() => undefined);
    const unsafe = target === undefined ? undefined : await findUnsafety(dirname(target), 'folder', own);
    if (unsafe !== undefined) return unsafe;
  }
  return findUnsafety(dirname(path), 'folder', own);
}

async function readExisting(
  path: string,
  handle: FileHandle,
  own: number | undefined,
): Promise<MasterKey | MasterFault> {
  const { mode, size, uid } = await handle.stat();
  if (own !== undefined && uid !== own && uid !== ROOT) {
    const advice = `move it away, or chown it to user ${own}`;
    return { fault: 'unsafe', message: `${path} belongs to another user (${uid}), who can change it: ${advice}` };
  }
  // Reading by our own group is how orchestrators mount secrets.
  if (process.platform !== 'win32' && (mode & 0o027) !== 0) {
    const found = (mode & 0o777).toString(8).padStart(4, '0');
    const advice = `run chmod 600 on it (in Kubernetes: defaultMode: 0440 and fsGroup)`;
    return { fault: 'unsafe', message: `${path} has mode ${found}, so others can read or change it: ${advice}` };
  }
  if (size > LONGEST_FILE) return { fault: 'malformed', message: `${path} is too long for a master key` };
  return parseMasterKey(await handle.readFile('utf8'), path);
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function make(path: string, random: Random): Promise<MasterKey | MasterFault | undefined> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  let handle: FileHandle;
  try {
    handle = await open(path, 'wx', 0o600);
  } catch (cause) {
    if (codeOf(cause) === 'EEXIST') return undefined;
    throw cause;
  }
  const current = random.bytes(KEY_BYTES);
  try {
    await handle.writeFile(`${Buffer.from(current).toString('base64url')}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await chmod(path, 0o600);
  await syncFolder(dirname(path));
  return { current };
}

/**
 * Reads the master key file, or makes it (mode 0600, durable before it is used) when there is none.
 *
 * @param own user id of this process; `undefined` where there is none. Default: the real one
 * @returns a fault when others can read, change or replace the file, or it holds something else
 */
export function openMasterKey(
  path: string,
  random: Random,
  own: number | undefined = process.geteuid?.(),
): Promise<MasterKey | MasterFault> {
  return load(path, () => make(path, random), own);
}

/**
 * Reads the master key file and makes nothing.
 *
 * @param own user id of this process; `undefined` where there is none. Default: the real one
 * @returns the fault `missing` when there is none, else as `openMasterKey`
 */
export function readMasterKey(
  path: string,
  own: number | undefined = process.geteuid?.(),
): Promise<MasterKey | MasterFault> {
  return load(path, () => ({ fault: 'missing', message: `The master key ${path} is not there` }), own);
}

type Absent = () => MasterKey | MasterFault | undefined | Promise<MasterKey | MasterFault | undefined>;

async function load(path: string, absent: Absent, own: number | undefined): Promise<MasterKey | MasterFault> {
  try {
    const stranger = await findStranger(path, own);
    if (stranger !== undefined) return { fault: 'unsafe', message: `The master key is not safe: ${stranger}` };
    // Two processes may start at once: only one makes the file, and the other reads it.
    for (let attempt = 0; attempt < 50; attempt++) {
      // Opening a pipe would wait for whoever writes to it.
      const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
        if (codeOf(cause) === 'ENOENT') return undefined;
        throw cause;
      });
      if (handle === undefined) {
        const made = await absent();
        if (made !== undefined) return made;
        continue;
      }
      try {
        const found = await handle.stat();
        if (!found.isFile()) return { fault: 'unusable', message: `${path} is not a file: move it away` };
        if (found.size > 0 || attempt === 49) return await readExisting(path, handle, own);
      } finally {
        await handle.close();
      }
      // Made by another process, not yet written.
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return { fault: 'unusable', message: `${path} appears and disappears` };
  } catch (cause) {
    return { fault: 'unusable', message: `${path} cannot be read or made`, cause };
  }
}
