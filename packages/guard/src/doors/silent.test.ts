import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createSilent } from './silent.ts';

function from(address: string): Socket {
  const socket = new Socket();
  Object.defineProperty(socket, 'remoteAddress', { value: address });
  return socket;
}

describe('connections that have made no request', () => {
  it('[silent-connections] are bounded for each address, and the one silent longest makes room', () => {
    const silent = createSilent(2);
    const own = ['192.0.2.1', '192.0.2.1', '192.0.2.1'].map(from);
    const other = from('192.0.2.2');
    for (const socket of [other, ...own]) silent.join(socket);
    expect([other, ...own].map(({ destroyed }) => destroyed)).toEqual([false, true, false, false]);
  });

  it('are counted no longer once they spoke or closed', async () => {
    const silent = createSilent(2);
    const [first, second, third, fourth] = ['::1', '::1', '::1', '::1'].map(from);
    if (first === undefined || second === undefined || third === undefined || fourth === undefined) throw new Error();
    silent.join(first);
    silent.spoke(first);
    silent.join(second);
    silent.join(third);
    second.destroy();
    await new Promise((resolve) => second.once('close', resolve));
    silent.join(fourth);
    expect([first, third, fourth].map(({ destroyed }) => destroyed)).toEqual([false, false, false]);
  });
});
