/** Finds the files that `include:` names and adds what they hold. A name that stands twice is never an override. */
import { basename, dirname, join } from 'node:path';
import { entryOf, type ConfigNode, type Entry, type MapNode } from './node.ts';
import type { ConfigPorts } from './ports.ts';
import type { ProblemLog } from './problem.ts';
import { INCLUDED_KEYS } from './keys.ts';
import { nearest } from './nearest.ts';
import { lengthOf } from './reader.ts';

/** Returns the files that `path` names, sorted. `*` in the last part stands for any text without a leading dot. */
export async function expandInclude(
  path: string,
  node: ConfigNode,
  ports: ConfigPorts,
  log: ProblemLog,
): Promise<readonly string[]> {
  const name = basename(path);
  if (!name.includes('*')) return [path];
  const folder = dirname(path);
  const names = await ports.list(folder);
  const found = typeof names === 'string' ? [] : names.filter((candidate) => matchesName(name, candidate)).sort();
  if (typeof names === 'string') {
    log.report(node.origin, {
      code: 'include',
      message: names === 'absent' ? `there is no folder ${folder}` : `the folder ${folder} could not be read`,
      suggestion: 'create it, or remove the line',
      length: lengthOf(node),
    });
  } else if (found.length === 0) {
    log.warn(node.origin, {
      code: 'include',
      message: `no file in ${folder} matches ${name}`,
      suggestion: 'add a file there, or remove the line',
      length: lengthOf(node),
    });
  }
  return found.map((candidate) => join(folder, candidate));
}

/** Matches a file name in time linear in its length times the number of stars: each part is sought from the left. */
export function matchesName(pattern: string, name: string): boolean {
  if (name.startsWith('.') && !pattern.startsWith('.')) return false;
  const parts = pattern.split('*');
  const first = parts[0] ?? '';
  const last = parts.at(-1) ?? '';
  if (parts.length === 1) return name === pattern;
  if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last)) return false;
  let from = first.length;
  for (const part of parts.slice(1, -1)) {
    const at = name.indexOf(part, from);
    if (at < 0) return false;
    from = at + part.length;
  }
  return from <= name.length - last.length;
}

/** Returns `root` with the upstreams, roles, views and tests of an included file added. */
export function addIncluded(root: MapNode, included: MapNode, log: ProblemLog): MapNode {
  let entries: readonly Entry[] = root.entries;
  for (const entry of included.entries) {
    const key = INCLUDED_KEYS.find((name) => name === entry.key);
    if (key === undefined) {
      const close = nearest(entry.key, INCLUDED_KEYS);
      log.report(entry.keyOrigin, {
        code: 'include',
        message: `\`${entry.key}\` cannot stand in an included file`,
        suggestion:
          close === undefined
            ? 'move it to the main file; included files hold upstreams, roles, views and tests'
            : `did you mean \`${close}\`? Included files hold upstreams, roles, views and tests`,
        length: entry.key.length,
      });
      continue;
    }
    const present = entryOf({ ...root, entries }, key);
    const value = present === undefined ? entry.value : joinNodes(present.value, entry.value, log);
    entries =
      present === undefined ? [...entries, entry] : entries.map((old) => (old === present ? { ...old, value } : old));
  }
  return { ...root, entries };
}

/** Joins two lists, or two mappings without a common key. A value of the wrong kind is kept: its reader reports it. */
function joinNodes(one: ConfigNode, other: ConfigNode, log: ProblemLog): ConfigNode {
  if (one.kind === 'list' && other.kind === 'list') return { ...one, items: [...one.items, ...other.items] };
  if (one.kind !== 'map' || other.kind !== 'map')
    return one.kind === 'scalar' && one.value === null ? other : other.kind === one.kind ? one : other;
  const entries = [...one.entries];
  for (const entry of other.entries) {
    const earlier = entryOf(one, entry.key);
    if (earlier === undefined) {
      entries.push(entry);
      continue;
    }
    const { file, line } = earlier.keyOrigin;
    log.report(entry.keyOrigin, {
      code: 'duplicate',
      message: `\`${entry.key}\` is already defined in ${file}:${line}`,
      suggestion: 'rename one of them, or keep only one',
      length: entry.key.length,
    });
  }
  return { ...one, entries };
}
