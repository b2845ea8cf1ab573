/** Accounts of people at servers, among the other parts of a running gateway: who is told, and what is made ready. */
import type { AuditPort, EgressClient } from '@sallyport/guard';
import type { ResultCache } from './cache/result-cache.ts';
import type { Catalog } from './catalog/catalog.ts';
import type { UpstreamConfig } from './config/types.ts';
import { createConnections, type Connections } from './credentials/grants/connections.ts';
import type { GrantStore } from './credentials/grants/grant-store.ts';
import { makeSource } from './credentials/make-source.ts';
import { createDirectory } from './credentials/server-metadata.ts';
import type { CredentialSource } from './credentials/source.ts';
import type { ConnectLink } from './running.ts';
import type { Server } from './servers.ts';
import { systemClock, systemRandom } from './state.ts';
import { realTimers } from './upstreams/ports.ts';
import { within } from './waiting.ts';

/** Accounts, and the credentials of servers that come from them or from elsewhere. */
export interface Accounts {
  readonly connections: Connections;
  /** Where the credentials for a server come from; `undefined` where fixed headers are all. */
  credentialsFor(upstream: UpstreamConfig): CredentialSource | undefined;
  /** Begins a consent for somebody whose client program cannot open a page. */
  connect(server: string, principal: string): Promise<ConnectLink>;
  /** Takes over what was taken back, here or by another process. */
  follow(): void;
}

/** The parts that accounts touch. */
export interface AccountsOptions {
  readonly egress: EgressClient;
  readonly grants: GrantStore;
  readonly audit: Pick<AuditPort, 'append'>;
  readonly servers: ReadonlyMap<string, Server>;
  readonly catalog: Catalog;
  readonly results: ResultCache;
  /** Where browsers reach the pages; `undefined` while no door is open. */
  readonly base: () => string | undefined;
  readonly warn: (text: string, server?: string) => void;
}

/** How long somebody who has just connected waits for what their server publishes, milliseconds. */
const connectedMs = 10_000;

/** Makes the accounts of a gateway. */
export function createAccounts(options: AccountsOptions): Accounts {
  const { egress, servers, results, warn } = options;
  const context = { clock: systemClock, egress, directory: createDirectory(systemClock) };
  const connections = createConnections({
    ...context,
    random: systemRandom,
    timers: realTimers,
    grants: options.grants,
    audit: options.audit,
    base: options.base,
    log: warn,
    onConnected: (server, principal) => serveConnected(server, principal, options),
    onDisconnected: (server, principal) => {
      const reason = 'the account of the caller is not connected any more';
      servers.get(server)?.upstream.releaseOwners((owner) => owner !== principal, reason);
      results.drop(server);
    },
  });
  return {
    connections,
    credentialsFor: (upstream) => makeSource(upstream, context, connections),
    async connect(server, principal) {
      const begun = await connections.begin({ server, principal, scopes: [] });
      if ('reason' in begun) return { error: begun.detail ?? begun.text };
      return { url: begun.url, code: begun.code, server, principal };
    },
    follow: () => {
      connections.refresh().catch((cause: unknown) => warn(`connected accounts could not be read: ${String(cause)}`));
    },
  };
}

/** Has ready what somebody who has just connected will call for: a conversation, and what the server publishes. */
async function serveConnected(
  name: string,
  principal: string,
  { servers, catalog }: Pick<AccountsOptions, 'servers' | 'catalog'>,
): Promise<void> {
  const server = servers.get(name);
  const credential = server?.credentials?.of({ principal, kind: principal.split(':')[0] ?? '', token: undefined });
  if (server === undefined || credential === undefined) return;
  if (catalog.server(name)?.isLocked !== true) return;
  const wish = { era: 'modern', scope: principal, owner: principal, clientCapabilities: {}, credential } as const;
  const serving = (async (): Promise<void> => {
    const opened = await server.upstream.acquire(wish);
    if (opened.kind === 'open') await catalog.refresh(name);
  })();
  await within(serving, connectedMs);
}
