// Slow servers: the stdio recipes of the corpus, and over HTTP the counterparts of the slow callers.
import { existsSync, readFileSync } from 'node:fs';
import { postModern } from '@sallyport/testkit';
import { several, type Peer, type Recipe, type Stage } from './slow-recipe.ts';
import { troubles } from './trouble-server.ts';

const mebibyte = 1024 * 1024;

/** Calls a tool of a server; the outcome is the reason of the refusal, or `answered`. */
function call({ gateway, key }: Stage, server: string, name: string, args: object = {}): Peer {
  const params = { name, arguments: args };
  const answer = postModern(`${gateway.url}/${server}`, { method: 'tools/call', params, key });
  return { outcome: answer.then(({ text }) => /"reason":"([a-z-]+)"/.exec(text)?.[1] ?? 'answered') };
}

/** Asks a server for its processes; the outcome says, once the gateway has stopped, whether they are gone. */
async function watch(stage: Stage, server: string): Promise<Peer[]> {
  const params = { name: 'pid', arguments: {} };
  const { text } = await postModern(`${stage.gateway.url}/${server}`, { method: 'tools/call', params, key: stage.key });
  const pids = [...text.matchAll(/[pP]id\\*":(\d+)/g)].map((match) => Number(match[1]));
  return pids.map((pid) => ({
    outcome: stage.gateway.ended.then(() => (isAlive(pid) ? 'left over' : 'reaped')),
  }));
}

function isAlive(pid: number): boolean {
  const path = `/proc/${pid}/status`;
  return existsSync(path) && !/^State:\s+[ZX]/m.test(readFileSync(path, 'utf8'));
}

/** Recipes of slow stdio servers, by their names in the corpus. */
export const stdioRecipes: Readonly<Record<string, Recipe>> = {
  'stdio-no-newline': {
    what: 'refused, and memory stays bounded',
    ends: /^(?:bad-answer|timeout|unavailable)$/,
    play: (stage) => [call(stage, 'flood', 'flood', { bytes: (stage.size === 'ci' ? 64 : 1024) * mebibyte })],
  },
  'stdio-stderr-flood': {
    what: 'answered, and what it floods is dropped',
    ends: /^answered$/,
    play: (stage) => [call(stage, 'stubborn', 'stderr', { bytes: (stage.size === 'ci' ? 64 : 1024) * mebibyte })],
  },
  'stdio-no-read': {
    what: 'refused when the deadline is over',
    ends: /^(?:timeout|unavailable)$/,
    play: (stage) => several(8, () => call(stage, 'stubborn', 'deaf', { filler: 'x'.repeat(512 * 1024) })),
  },
  'stdio-zombie': {
    what: 'killed when the gateway stops',
    ends: (endings) => endings.length === 1 && endings.every((each) => each === 'reaped'),
    play: (stage) => watch(stage, 'zombie'),
  },
  'stdio-fork': {
    what: 'killed with all it started when the gateway stops',
    ends: (endings) => endings.length === 2 && endings.every((each) => each === 'reaped'),
    play: (stage) => watch(stage, 'fork'),
  },
};

/** What HTTP servers do that callers of the corpus do. */
export const httpRecipes: Readonly<Record<string, Recipe>> = Object.fromEntries(
  troubles.map((trouble): [string, Recipe] => [
    `upstream ${trouble}`,
    {
      what: 'refused when the deadline is over',
      ends: /^timeout$/,
      play: (stage) => several(8, () => call(stage, 'sick', trouble)),
    },
  ]),
);
