/** A local server sees the variables that its entry lists, and PATH; the gateway's own environment stays its own. */

import { beforeAll, describe, expect, it } from 'vitest';
import { leaked, seeEnvironments } from './environment.ts';
import type { SeenEnvironments } from './environment.ts';

/** Names without the mark by which the gateway finds a server's orphans: it is random and made for this server. */
const namesOf = (seen: Readonly<Record<string, string>>): string[] =>
  Object.keys(seen)
    .filter((name) => name !== 'SALLYPORT_UPSTREAM')
    .toSorted();

let seen: SeenEnvironments;
beforeAll(async () => {
  seen = await seeEnvironments();
});

describe('the environment of a local server', () => {
  it('is PATH and nothing else when nothing is listed', () => {
    expect(namesOf(seen.bare)).toEqual(['PATH']);
    expect(leaked(seen.bare, seen.own, [])).toEqual([]);
  });

  it('has what is listed: inherited, from another variable, and as written', () => {
    const { HOME, TOKEN, LOG } = seen.listed;
    expect({ HOME, TOKEN, LOG }).toEqual({ HOME: seen.own['HOME'], TOKEN: seen.own['FILES_TOKEN'], LOG: 'info' });
    expect(namesOf(seen.listed)).toEqual(['HOME', 'LOG', 'PATH', 'TOKEN']);
    expect(leaked(seen.listed, seen.own, ['HOME', 'TOKEN', 'LOG'])).toEqual([]);
  });

  it("has its own PATH in place of the gateway's when it lists one", () => {
    expect(seen.ownPath['PATH']).toBe('/only/here');
  });
});
