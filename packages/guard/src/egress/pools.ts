/**
 * The connections of requests, kept for the next one: a pool for each origin, trust and client certificate, so that no
 * connection is used for another name, another word or another identity than the one it was judged for.
 */
import { Pool } from 'undici';
import { createConnector } from './connector.ts';
import type { ClientCertificate } from './egress.ts';
import type { Surroundings } from './route.ts';
import { identityKey } from './secure-context.ts';
import type { EgressTarget } from './target.ts';

/** The pools of one set of settings. */
export interface Pools {
  /** Returns the pool for a target; makes it when there is none. */
  poolFor(target: EgressTarget, clientCertificate: ClientCertificate | undefined): Pool;
  /** Lets requests under way end, and takes no more. */
  retire(): void;
  /** Breaks all connections. */
  destroy(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 10_000;
const CONNECTIONS_PER_POOL = 64;
/** Others choose the origins, so their number is bounded; the one that was used longest ago gives way. */
const MAX_POOLS = 256;
const IDLE_CONNECTION_MS = 4000;

/**
 * Makes an empty set of pools.
 *
 * @param ca - PEM certificates to trust besides those of Node
 */
export function createPools(around: Surroundings, ca: string | undefined): Pools {
  const pools = new Map<string, Pool>();
  const take = (): Pool[] => {
    const all = [...pools.values()];
    pools.clear();
    return all;
  };
  return {
    poolFor({ url, trust }, clientCertificate) {
      const key = `${trust} ${url.origin} ${identityKey({ clientCertificate })}`;
      const known = pools.get(key);
      if (known !== undefined) {
        pools.delete(key);
        pools.set(key, known);
        return known;
      }
      const made = new Pool(url.origin, {
        connect: createConnector(around, { ca, clientCertificate, trust, connectTimeoutMs: CONNECT_TIMEOUT_MS }),
        connections: CONNECTIONS_PER_POOL,
        headersTimeout: 0,
        bodyTimeout: 0,
        keepAliveTimeout: IDLE_CONNECTION_MS,
        keepAliveMaxTimeout: IDLE_CONNECTION_MS,
        allowH2: false,
        pipelining: 1,
      });
      pools.set(key, made);
      const [oldest] = pools;
      if (pools.size > MAX_POOLS && oldest !== undefined) {
        pools.delete(oldest[0]);
        void oldest[1].close();
      }
      return made;
    },
    retire() {
      for (const pool of take()) void pool.close();
    },
    async destroy() {
      await Promise.all(take().map((pool) => pool.destroy()));
    },
  };
}
