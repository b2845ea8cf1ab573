// Where the time of a process went: reads a .cpuprofile of V8 and lists the functions by their own time.
// Usage: profile.ts <file.cpuprofile> [how many [seconds to leave out at the start]]
import { readFileSync } from 'node:fs';
import process from 'node:process';

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children?: readonly number[];
}

interface Profile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const [file = '', count = '40', skipped = '3'] = process.argv.slice(2);
const profile = JSON.parse(readFileSync(file, 'utf8')) as Profile;
const own = new Map<number, number>();
let at = 0;
for (const [index, id] of profile.samples.entries()) {
  const delta = profile.timeDeltas[index] ?? 0;
  at += delta;
  if (at > Number(skipped) * 1e6) own.set(id, (own.get(id) ?? 0) + delta);
}

const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
const labels = new Map(profile.nodes.map((node) => [node.id, labelOf(node)]));
const parents = new Map(
  profile.nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id] as const)),
);
const idle = new Set(['(idle)', '(program)', '(root)']);
const busy = [...own].filter(([id]) => labels.get(id) !== '(idle)').reduce((sum, [, time]) => sum + time, 0);

const selfTimes = new Map<string, number>();
const totalTimes = new Map<string, number>();
const groups = new Map<string, number>();
for (const [id, time] of own) {
  const label = labels.get(id) ?? '';
  if (label === '(idle)') continue;
  add(selfTimes, label, time);
  add(groups, groupOf(nodes.get(id)), time);
  const seen = new Set<string>();
  for (let from: number | undefined = id; from !== undefined; from = parents.get(from)) {
    const above = labels.get(from) ?? '';
    if (!seen.has(above) && !idle.has(above)) add(totalTimes, above, time);
    seen.add(above);
  }
}

print('own time by part', groups, 40);
print('own time', selfTimes, Number(count));
print('own time and that of what it calls', totalTimes, Number(count));

function labelOf({ callFrame: { functionName, url, lineNumber } }: ProfileNode): string {
  if (url === '') return functionName === '' ? '(anonymous)' : functionName;
  const path = url.replace(/^.*\/packages\//, '').replace(/^.*\/node_modules\//, '');
  return `${functionName === '' ? '(anonymous)' : functionName} ${path}:${lineNumber + 1}`;
}

function groupOf(node: ProfileNode | undefined): string {
  const url = node?.callFrame.url ?? '';
  if (url === '') return node?.callFrame.functionName ?? '';
  const own = /\/packages\/([^/]+)\/src\/(.*)$/.exec(url);
  if (own !== null) return `${own[1]}/${own[2]}`;
  const library = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//g;
  const last = [...url.matchAll(library)].at(-1)?.[1];
  return last ?? url;
}

function add(to: Map<string, number>, key: string, time: number): void {
  to.set(key, (to.get(key) ?? 0) + time);
}

function print(title: string, times: ReadonlyMap<string, number>, most: number): void {
  console.log(`\n${title} (${(busy / 1e6).toFixed(2)} s busy)`);
  const sorted = [...times].toSorted((one, other) => other[1] - one[1]).slice(0, most);
  for (const [label, time] of sorted) console.log(`${((time / busy) * 100).toFixed(2).padStart(7)} %  ${label}`);
}
