/** The corpus groups about handles and what is kept for callers: request states, caches, subscriptions, tasks. */

import { join } from 'node:path';
import { corpusOrSkip, readJsonl } from '@sallyport/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cacheStories } from './handles/cache.stories.ts';
import { stateStories } from './handles/state.stories.ts';
import { subscriptionStories } from './handles/subscription.stories.ts';
import { openStage } from './handles/stage.ts';
import type { Stage } from './handles/stage.ts';

interface StoryCase {
  readonly group: string;
  readonly name: string;
}

const corpus = corpusOrSkip('jsonrpc');
const cases = corpus.isHere ? readJsonl<StoryCase>(join(corpus.path, 'mcp-2026-07-28.jsonl')) : [];
const groups = { 'mrtr-state': stateStories, cache: cacheStories, 'subscriptions-tasks': subscriptionStories };

let stage: Stage;

beforeAll(async () => {
  stage = await openStage();
}, 60_000);

afterAll(async () => {
  await stage?.close();
}, 60_000);

it.skipIf(!corpus.isHere)('are 44 cases', () => {
  expect(cases.filter(({ group }) => Object.hasOwn(groups, group))).toHaveLength(44);
});

describe.skipIf(!corpus.isHere).each(Object.entries(groups))('the corpus group %s', (group, stories) => {
  const names = cases.filter((each) => each.group === group).map(({ name }) => name);

  it('has a story for each of its cases', () => {
    expect(names.toSorted()).toEqual(Object.keys(stories).toSorted());
  });

  it.each(names)('[handles-sealed] %s', async (name) => {
    const story = stories[name];
    if (story === undefined) throw new Error('no story');
    await story(stage);
  });
});
