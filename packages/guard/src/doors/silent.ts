/**
 * Bounds the connections of one address that have made no request yet: each costs memory, and nobody is known by it.
 * A connection that is quite new may just not have been read yet, so it is spared as long as there is room at all.
 */
import type { Socket } from 'node:net';
import type { Clock } from '../ports.ts';
import { senderOf } from '../addresses.ts';

/** How silence is bounded. */
export interface SilentOptions {
  readonly clock: Pick<Clock, 'monotonic'>;
  /** Silent connections of one address. */
  readonly perAddress: number;
  /** Milliseconds for which a connection is spared. */
  readonly graceMs: number;
}

/** How many times `perAddress` an address may have when all are new. */
const MOST_NEW = 4;

/** Connections that have not made a request. */
export interface Silent {
  /** Counts a new connection; where its address has too many, the one that has been silent longest is cut. */
  join(socket: Socket): void;
  /** The connection made a request, and is counted no longer. */
  spoke(socket: Socket): void;
}

/** Makes the table. */
export function createSilent({ clock, perAddress, graceMs }: SilentOptions): Silent {
  const addresses = new Map<string, Set<Socket>>();
  const groups = new Map<Socket, { readonly address: string; readonly silent: Set<Socket>; readonly since: number }>();

  function leave(socket: Socket): void {
    const group = groups.get(socket);
    if (group === undefined) return;
    groups.delete(socket);
    group.silent.delete(socket);
    if (group.silent.size === 0) addresses.delete(group.address);
  }

  return {
    join(socket) {
      const address = senderOf(socket.remoteAddress ?? '');
      const silent = addresses.get(address) ?? new Set();
      addresses.set(address, silent.add(socket));
      const since = clock.monotonic();
      groups.set(socket, { address, silent, since });
      socket.once('close', () => leave(socket));
      if (silent.size <= perAddress) return;
      for (const oldest of silent) {
        const isNew = since - (groups.get(oldest)?.since ?? 0) < graceMs;
        if (isNew && silent.size <= MOST_NEW * perAddress) return;
        leave(oldest);
        oldest.destroy();
        return;
      }
    },
    spoke: leave,
  };
}
