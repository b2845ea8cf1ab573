/** The programs that people have, as they are: each lists, calls, reads and asks through every door that it can reach. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDoors } from './partners/doors.ts';
import type { Doors } from './partners/doors.ts';
import { pairs, tell } from './partners/matrix.ts';

let doors: Doors;
beforeAll(async () => {
  doors = await openDoors();
});
afterAll(() => doors?.close());

describe.each(pairs)('$partner.name at $door', (pair) => {
  it('lists and calls, and is refused what it may not do', async () => {
    const seen = await tell(pair, doors);
    expect(seen.length).toBeGreaterThan(6);
    expect(seen.filter(({ failure }) => failure !== undefined)).toEqual([]);
  });
});
