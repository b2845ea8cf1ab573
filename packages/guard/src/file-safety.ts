/**
 * Which files and folders of the state may be trusted: whoever can change the database, the trail or the folder they
 * lie in can change what the product knows. Checked before use; on Windows, where modes say nothing, not at all.
 */
import { lstat, stat } from 'node:fs/promises';

/** What a check needs to know of a file. */
export interface FileStanding {
  readonly uid: number;
  /** All bits, the type among them. */
  readonly mode: number;
}

/**
 * What is asked of a path. `file`: a real file that only its owner can change. `folder`: a folder whose files only its
 * owner can replace; a symbolic link to it must be as trusted. `private folder`: a real folder that nobody else enters.
 */
export type Demand = 'file' | 'folder' | 'private folder';

const TYPE = 0o170000;
const FOLDER = 0o040000;
const FILE = 0o100000;
const LINK = 0o120000;
const STICKY = 0o1000;
const OTHERS_WRITE = 0o002;
const GROUP_WRITE = 0o020;
const OTHERS_ANY = 0o077;
const ROOT = 0;

/**
 * Says why a file or folder is not to be trusted.
 *
 * @param path for the message
 * @param standing owner and mode, not those of what a link points to
 * @param own user id of this process
 * @returns what is wrong and the way out, for the operator; `undefined` when all is well
 */
export function judgeStanding(path: string, standing: FileStanding, demand: Demand, own: number): string | undefined {
  const { uid, mode } = standing;
  const type = mode & TYPE;
  if (type === LINK) return `${path} is a symbolic link: put the real ${nounOf(demand)} in its place`;
  if (type !== (demand === 'file' ? FILE : FOLDER)) return `${path} is not a ${nounOf(demand)}: move it away`;
  if (uid !== own && (uid !== ROOT || demand === 'private folder')) {
    return `${path} belongs to another user (${uid}), who can change it: move it away, or chown it to user ${own}`;
  }
  if (demand === 'private folder') {
    return (mode & OTHERS_ANY) === 0 ? undefined : `${path} ${modeText(mode)} is open to others: run chmod 700 on it`;
  }
  // In a sticky folder everybody makes files, but nobody replaces those of others.
  const isSticky = demand === 'folder' && (mode & STICKY) !== 0;
  if (isSticky || (mode & (GROUP_WRITE | OTHERS_WRITE)) === 0) return undefined;
  return `${path} ${modeText(mode)} can be changed by others: run chmod go-w on it, after a look at what is in there`;
}

/**
 * Looks at a file or folder and says why it is not to be trusted.
 *
 * @param own user id of this process; `undefined` where there is none, and nothing is checked. Default: the real one
 * @returns what is wrong and the way out; `undefined` when all is well, or nothing is there
 */
export async function findUnsafety(
  path: string,
  demand: Demand,
  own: number | undefined = process.geteuid?.(),
): Promise<string | undefined> {
  if (own === undefined) return undefined;
  const found = await standingOf(path, lstat);
  if (found === undefined) return undefined;
  if (demand !== 'folder' || (found.mode & TYPE) !== LINK) return judgeStanding(path, found, demand, own);
  if (found.uid !== own && found.uid !== ROOT) {
    return `${path} is a symbolic link of another user (${found.uid}), who can turn it elsewhere: move it away`;
  }
  const target = await standingOf(path, stat);
  return target === undefined ? undefined : judgeStanding(path, target, demand, own);
}

async function standingOf(
  path: string,
  look: (path: string) => Promise<FileStanding>,
): Promise<FileStanding | undefined> {
  try {
    return await look(path);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw cause;
  }
}

function nounOf(demand: Demand): string {
  return demand === 'file' ? 'file' : 'folder';
}

function modeText(mode: number): string {
  return `(mode ${(mode & 0o7777).toString(8).padStart(4, '0')})`;
}
