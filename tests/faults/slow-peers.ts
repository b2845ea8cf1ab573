// The recipes of slow peers, at the front and at the upstream side of one gateway, each beside ordinary calls of others.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { corpusOrSkip, createKey, startGateway, stubStdioCommand, within, type Corpus } from '@sallyport/testkit';
import { holdingOf } from './gateway-holding.ts';
import { makeCallsApart } from './ordinary-load-apart.ts';
import type { LoadResult } from './ordinary-load.ts';
import { frontRecipes } from './slow-front.ts';
import { isBounded, type Peer, type Recipe, type Stage } from './slow-recipe.ts';
import { httpRecipes, stdioRecipes } from './slow-upstream.ts';
import { startTroubleServer } from './trouble-server.ts';

/** How much of it. */
export interface SlowOptions {
  readonly size: 'ci' | 'full';
  /** Ordinary calls beside each recipe. */
  readonly calls: number;
  /** How many times each recipe is played; 1 by default. */
  readonly repeats?: number;
}

/** What came of one recipe, played once. */
export interface SlowOutcome {
  readonly name: string;
  readonly what: string;
  /** How its peers ended, with how many of them did so. */
  readonly endings: Readonly<Record<string, number>>;
  /** True when they ended as they have to. */
  readonly isBounded: boolean;
  /** The calls of others just before, and meanwhile. */
  readonly quiet: LoadResult;
  readonly others: LoadResult;
  /** Resident memory of the gateway at its most, less what it was when the recipe began; bytes. */
  readonly grown: number;
}

/** What came of all of them. */
export interface SlowResult {
  /** Recipe by recipe, and of each as often as it was played. */
  readonly outcomes: readonly SlowOutcome[];
  /** Calls after all of it. */
  readonly afterwards: LoadResult;
}

/** The corpus of recipes. */
export const slowCorpus: Corpus = corpusOrSkip('http/slow.json');
/** How many recipes the corpus holds. */
export const slowCount = 20;

const hangMs = 120_000;

/** Names of the recipes in the corpus; none when it is absent. */
export function readSlowCorpus(): readonly string[] {
  if (!slowCorpus.isHere) return [];
  return (JSON.parse(readFileSync(slowCorpus.path, 'utf8')) as readonly { readonly name: string }[]).map(
    ({ name }) => name,
  );
}

/** Every recipe that can be played, by name. */
export const recipes: Readonly<Record<string, Recipe>> = { ...frontRecipes, ...stdioRecipes, ...httpRecipes };
/** The recipes that are ours: what servers over HTTP do. */
export const ownRecipes: readonly string[] = Object.keys(httpRecipes);

/**
 * Plays recipes one after another with a gateway of its own.
 *
 * @param names - which of them
 */
export async function runSlowPeers(
  names: readonly string[],
  { size, calls, repeats = 1 }: SlowOptions,
): Promise<SlowResult> {
  const upstream = await startTroubleServer();
  const stubborn = fileURLToPath(new URL('../fixtures/upstreams/stubborn-server.ts', import.meta.url));
  const patience = { timeout: '1s', maxTime: '3s' };
  const gateway = await startGateway({
    config: {
      admin: false,
      callers: { keys: true },
      roles: { everyone: { tools: ['*'] } },
      limits: { perAddress: '100000/s burst 100000', requestTimeout: '2s', message: '8MiB' },
      upstreams: {
        files: { url: upstream.url },
        sick: { url: upstream.url, ...patience },
        flood: { command: stubStdioCommand(), ...patience },
        stubborn: { command: [process.execPath, stubborn], timeout: '3s' },
        zombie: { command: stubStdioCommand({ ignoresTerm: true }) },
        fork: { command: stubStdioCommand({ forks: true }) },
      },
    },
  });
  const leftovers: Peer[] = [];
  const played: Played[] = [];
  try {
    const key = await createKey(gateway.dir, { name: 'slow', role: 'everyone' });
    const stage: Stage = { gateway, key, upstream, size };
    const load = {
      url: `${gateway.url}/files`,
      key: await createKey(gateway.dir, { name: 'other', role: 'everyone' }),
    };
    await makeCallsApart({ ...load, calls: 3 * calls });

    for (const name of names.flatMap((each) => Array.from({ length: repeats }, () => each))) {
      const recipe = recipes[name];
      if (recipe === undefined) throw new Error(`no recipe for ${name}`);
      const quiet = await makeCallsApart({ ...load, calls });
      const before = holdingOf(gateway).memory;
      let most = before;
      const sampler = setInterval(() => (most = Math.max(most, holdingOf(gateway).memory)), 50);
      const peers = await recipe.play(stage);
      leftovers.push(...peers);
      const others = await makeCallsApart({ ...load, calls });
      if (recipe.isHeld === true) for (const peer of peers) peer.end?.();
      // What ends with the gateway is looked at when it has.
      const endings = Promise.all(peers.map(({ outcome }) => outcome));
      if (!isAboutTheEnd(name)) await within(endings, hangMs, `the peers of ${name}`);
      clearInterval(sampler);
      played.push({ name, recipe, peers, quiet, others, grown: most - before });
    }
    const afterwards = await makeCallsApart({ ...load, calls });
    await gateway.stop();
    const outcomes: SlowOutcome[] = [];
    for (const { name, recipe, peers, quiet, others, grown } of played) {
      const endings = await within(Promise.all(peers.map(({ outcome }) => outcome)), hangMs, `the peers of ${name}`);
      const counted: Record<string, number> = {};
      for (const each of endings) counted[each] = (counted[each] ?? 0) + 1;
      const isFine = isBounded(recipe, endings, stage);
      outcomes.push({ name, what: recipe.what, endings: counted, isBounded: isFine, quiet, others, grown });
    }
    return { outcomes, afterwards };
  } finally {
    for (const peer of leftovers) peer.end?.();
    await gateway.stop();
    await upstream.close();
  }
}

interface Played {
  readonly name: string;
  readonly recipe: Recipe;
  readonly peers: readonly Peer[];
  readonly quiet: LoadResult;
  readonly others: LoadResult;
  readonly grown: number;
}

function isAboutTheEnd(name: string): boolean {
  return name === 'stdio-zombie' || name === 'stdio-fork';
}
