/** Words that people use for the same thing, so that "remove a folder" finds `delete_directory`. */
import { stemOf } from './words.ts';

const groups: readonly string[] = [
  'delete remove erase drop destroy unlink trash',
  'create add new make insert mkdir',
  'list show enumerate browse all',
  'get fetch read retrieve load view show open',
  'find search lookup query locate',
  'update edit modify change patch set',
  'send post publish notify',
  'write save store put',
  'move rename',
  'copy duplicate clone',
  'run execute start launch invoke',
  'stop cancel abort end kill',
  'folder directory dir',
  'file document',
  'user member person people account',
  'message mail email chat',
  'picture image photo',
  'repo repository',
  'ticket issue bug',
  'event meeting appointment calendar',
  'weather forecast temperature',
  'add sum plus total',
  'time date clock',
  'info information detail metadata properties stat',
  'size length bytes',
  'say echo repeat',
  'environment env variable',
  'money payment charge',
  'path location',
];

const related = new Map<string, Set<string>>();
for (const group of groups) {
  const stems = group.split(' ').map(stemOf);
  for (const stem of stems) {
    const others = related.get(stem) ?? new Set();
    for (const other of stems) if (other !== stem) others.add(other);
    related.set(stem, others);
  }
}

const nothing: ReadonlySet<string> = new Set();

/** The other words for a word, as stems. */
export function relatedTo(stem: string): ReadonlySet<string> {
  return related.get(stem) ?? nothing;
}
