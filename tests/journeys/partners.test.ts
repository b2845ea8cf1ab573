/** The programs that people have, as they are: each lists, calls, reads and asks through every door that it can reach. */

import { startStdioPeer } from '@sallyport/testkit';
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
  it('[any-client] lists and calls, and is refused what it may not do', async () => {
    const seen = await tell(pair, doors, 'short');
    expect(seen.length).toBeGreaterThanOrEqual(3);
    expect(seen.filter(({ failure }) => failure !== undefined)).toEqual([]);
  });
});

describe.each(['run --stdio, joining', 'run --stdio, alone', 'wrap'])('a call at %s', (name) => {
  it('has its progress in order and before its result', async () => {
    const door = doors.doors.find((each) => each.name === name);
    if (door?.reach.kind !== 'stdio') throw new Error(`${name} is no stdio door`);
    const peer = startStdioPeer([door.reach.command, ...door.reach.args], doors.gateway.dir);
    try {
      const clientInfo = { name: 'raw', version: '1' };
      const opening = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo };
      await peer.request({ jsonrpc: '2.0', id: 'open', method: 'initialize', params: opening });
      peer.write('{"jsonrpc":"2.0","method":"notifications/initialized"}\n');
      const tool = `${door.isAggregated ? 'everything__' : ''}trigger-long-running-operation`;
      const params = { name: tool, arguments: { duration: 0.03, steps: 3 }, _meta: { progressToken: 'mine' } };
      await peer.request({ jsonrpc: '2.0', id: 'call', method: 'tools/call', params });
      const own = peer.messages.filter(({ id, method }) => id === 'call' || method === 'notifications/progress');
      expect(own).toMatchObject([
        { params: { progressToken: 'mine', progress: 1 } },
        { params: { progressToken: 'mine', progress: 2 } },
        { params: { progressToken: 'mine', progress: 3 } },
        { id: 'call', result: {} },
      ]);
      expect(peer.noise).toEqual([]);
    } finally {
      expect((await peer.stop()).code).toBe(0);
    }
  });
});
