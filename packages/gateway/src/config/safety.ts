/**
 * Which files may be trusted. A configuration starts programs and a secret file is a secret: a file that others can
 * change, or a secret that others can read, is refused before it is used.
 */
import type { FileFacts, Identity } from './ports.ts';

/** What is unsafe about a file and how to make it safe. */
export interface Unsafety {
  readonly message: string;
  readonly suggestion: string;
}

const KUBERNETES = 'in Kubernetes set `defaultMode: 0440` on the volume and `fsGroup` on the pod';

const OTHERS_WRITE = 0o002;
const OTHERS_READ = 0o004;
const GROUP_WRITE = 0o020;
const GROUP_READ = 0o040;
const STICKY = 0o1000;

/** Says why others could change a file with these `facts`; `undefined` when they cannot. */
export function findWriters(path: string, facts: FileFacts, identity: Identity | undefined): Unsafety | undefined {
  if (identity === undefined) return undefined;
  if ((facts.mode & OTHERS_WRITE) !== 0) {
    return {
      message: `${path} can be changed by everyone (mode ${octal(facts)})`,
      suggestion: `run: chmod o-w ${path}`,
    };
  }
  if ((facts.mode & GROUP_WRITE) !== 0 && !identity.groups.has(facts.gid)) {
    return {
      message: `${path} can be changed by a group that is not ours (mode ${octal(facts)}, group ${facts.gid})`,
      suggestion: `run: chmod g-w ${path}`,
    };
  }
  return undefined;
}

/** Says why a secret in a file with these `facts` is no secret; `undefined` when it is. Our own group may read. */
export function findReaders(path: string, facts: FileFacts, identity: Identity | undefined): Unsafety | undefined {
  if (identity === undefined) return undefined;
  if ((facts.mode & OTHERS_READ) !== 0) {
    return {
      message: `${path} holds a secret and can be read by everyone (mode ${octal(facts)})`,
      suggestion: `run: chmod 600 ${path}; ${KUBERNETES}`,
    };
  }
  if ((facts.mode & GROUP_READ) !== 0 && !identity.groups.has(facts.gid)) {
    return {
      message: `${path} holds a secret and can be read by a group that is not ours (mode ${octal(facts)}, group ${facts.gid})`,
      suggestion: `run: chmod 600 ${path}; ${KUBERNETES}`,
    };
  }
  return undefined;
}

/** Says why files in a folder with these `facts` can be swapped by others; a sticky folder protects them. */
export function findFolderWriters(
  path: string,
  facts: FileFacts,
  identity: Identity | undefined,
): Unsafety | undefined {
  if (identity === undefined || (facts.mode & STICKY) !== 0 || (facts.mode & OTHERS_WRITE) === 0) return undefined;
  return {
    message: `everyone can replace files in the folder ${path} (mode ${octal(facts)})`,
    suggestion: `run: chmod o-w ${path}`,
  };
}

function octal(facts: FileFacts): string {
  return (facts.mode & 0o777).toString(8).padStart(4, '0');
}
