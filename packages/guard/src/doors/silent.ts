/** Bounds the connections of one address that have made no request yet: each costs memory, and nobody is known by it. */
import type { Socket } from 'node:net';
import { addressKey } from './request.ts';

/** Connections that have not made a request. */
export interface Silent {
  /** Counts a new connection; where its address has too many, the one that has been silent longest is cut. */
  join(socket: Socket): void;
  /** The connection made a request, and is counted no longer. */
  spoke(socket: Socket): void;
}

/**
 * Makes the table.
 *
 * @param perAddress - silent connections of one address
 */
export function createSilent(perAddress: number): Silent {
  const addresses = new Map<string, Set<Socket>>();
  const groups = new Map<Socket, { readonly address: string; readonly silent: Set<Socket> }>();

  function leave(socket: Socket): void {
    const group = groups.get(socket);
    if (group === undefined) return;
    groups.delete(socket);
    group.silent.delete(socket);
    if (group.silent.size === 0) addresses.delete(group.address);
  }

  return {
    join(socket) {
      const address = addressKey(socket.remoteAddress ?? '');
      const silent = addresses.get(address) ?? new Set();
      addresses.set(address, silent.add(socket));
      groups.set(socket, { address, silent });
      socket.once('close', () => leave(socket));
      if (silent.size <= perAddress) return;
      for (const oldest of silent) {
        leave(oldest);
        oldest.destroy();
        return;
      }
    },
    spoke: leave,
  };
}
