/** What every request of the gateway works with; made once at start, its parts changed by reload. */
import type { AuditPort, Blocks, Clock, Egress, Random, Rules, Seal, Sessions } from '@sallyport/guard';
import type { ResultCache } from './cache/result-cache.ts';
import type { Catalog } from './catalog/catalog.ts';
import type { Connections } from './credentials/grants/connections.ts';
import type { Parking } from './invoke/parking.ts';
import type { Subscriptions } from './invoke/subscriptions.ts';
import type { Server } from './servers.ts';
import type { Settlement } from './settlement.ts';
import type { Timers } from './upstreams/ports.ts';

export interface World {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly seal: Seal;
  readonly audit: AuditPort;
  /** What administrators have stopped. */
  readonly blocks: Blocks;
  readonly rules: () => Rules;
  /** In the order of the configuration. */
  readonly servers: ReadonlyMap<string, Server>;
  readonly catalog: Catalog;
  /** Results of servers that allow it, kept. */
  readonly results: ResultCache;
  readonly sessions: Sessions;
  readonly subscriptions: Subscriptions;
  readonly parking: Parking;
  readonly settlement: Pick<Settlement, 'wait'>;
  /** Accounts of people at upstreams. */
  readonly connections: Pick<Connections, 'begin' | 'find' | 'wait'>;
  /** The one way out, for all that is not a conversation with a server. */
  readonly egress: Egress;
}
