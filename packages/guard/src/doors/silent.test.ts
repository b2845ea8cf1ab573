import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createSilent } from './silent.ts';

function from(address: string): Socket {
  const socket = new Socket();
  Object.defineProperty(socket, 'remoteAddress', { value: address });
  return socket;
}

let now = 0;

describe('connections that have made no request', () => {
  it('[silent-connections] are bounded for each address, and the one silent longest makes room', () => {
    const silent = createSilent({ clock: { monotonic: () => now }, perAddress: 2, graceMs: 0 });
    const own = ['192.0.2.1', '192.0.2.1', '192.0.2.1'].map(from);
    const other = from('192.0.2.2');
    for (const socket of [other, ...own]) silent.join(socket);
    expect([other, ...own].map(({ destroyed }) => destroyed)).toEqual([false, true, false, false]);
  });

  it('are counted no longer once they spoke or closed', async () => {
    const silent = createSilent({ clock: { monotonic: () => now }, perAddress: 2, graceMs: 0 });
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

  it('[silent-connections] are spared while they are quite new, up to four times as many', () => {
    const silent = createSilent({ clock: { monotonic: () => now }, perAddress: 2, graceMs: 1000 });
    const sockets = Array.from({ length: 10 }, () => from('192.0.2.1'));
    for (const socket of sockets.slice(0, 8)) silent.join(socket);
    expect(sockets.filter(({ destroyed }) => destroyed)).toEqual([]);
    for (const socket of sockets.slice(8, 9)) silent.join(socket);
    expect(sockets.map(({ destroyed }) => destroyed).slice(0, 2)).toEqual([true, false]);
    now += 1000;
    for (const socket of sockets.slice(9)) silent.join(socket);
    expect(sockets.map(({ destroyed }) => destroyed).slice(0, 3)).toEqual([true, true, false]);
  });
});
