/** A configured server as requests use it: its upstream, and what the configuration says about it. */
import type { DoorPath, Intended, Session } from '@sallyport/guard';
import type { UpstreamConfig } from './config/types.ts';
import { declaredBy } from './invoke/declared.ts';
import type { AskKind } from './upstreams/link.ts';
import type { UpstreamDefinition } from './upstreams/options.ts';
import type { AcquireWish, Upstream } from './upstreams/upstream.ts';

export interface Server {
  readonly name: string;
  readonly upstream: Upstream;
  readonly share: 'all' | 'caller' | 'session';
  readonly ask: readonly AskKind[];
  /** Milliseconds without a sign of life. */
  readonly timeoutMs: number;
  /** Milliseconds in all. */
  readonly maxTimeMs: number;
}

/** Joins an upstream with its configuration. */
export function makeServer(config: UpstreamConfig, upstream: Upstream): Server {
  return {
    name: config.name,
    upstream,
    share: config.share,
    ask: config.ask,
    timeoutMs: config.timeout,
    maxTimeMs: config.maxTime,
  };
}

/** What the upstream manager needs to know, with secrets revealed: they go nowhere else. */
export function defineUpstream(
  config: UpstreamConfig,
  message: { readonly bytes: number; readonly depth: number },
): UpstreamDefinition {
  const transport =
    config.kind === 'stdio'
      ? {
          kind: 'stdio' as const,
          command: config.command,
          env: Object.fromEntries([...config.env].map(([name, secret]) => [name, secret.reveal()])),
          cwd: config.cwd,
        }
      : {
          kind: 'http' as const,
          url: config.url,
          headers: Object.fromEntries(config.credentials.map(({ name, value }) => [name, value.reveal()])),
        };
  return {
    name: config.name,
    transport,
    share: config.share,
    ask: config.ask,
    tuning: { messageBytes: message.bytes, messageDepth: message.depth },
  };
}

/** Whose conversation with a server a caller uses, as its `share` has it; '' is the gateway's own. */
export function scopeOf(server: Server, principal: string, session: Session | undefined): string {
  if (server.share === 'all') return '';
  return server.share === 'session' && session !== undefined ? session.id : principal;
}

/** The conversation with a server that an exchange's requests go through. */
export function acquireFor(exchange: Intended, server: Server): ReturnType<Upstream['acquire']> {
  return server.upstream.acquire(wishOf(exchange, server));
}

/** Says whose conversation an exchange's requests go through. */
export function wishOf(exchange: Intended, server: Server): AcquireWish {
  const session = exchange.era === 'legacy' ? sessionOf(exchange) : undefined;
  return {
    era: exchange.era,
    scope: scopeOf(server, exchange.principal.id, session) || sharedScope,
    owner: exchange.principal.id,
    clientCapabilities: declaredBy(exchange),
  };
}

/** Callers of a shared server are not the gateway itself, so they may still need a conversation in their era. */
const sharedScope = 'all';

/** The conversation that a request belongs to. */
export function sessionOf(exchange: Pick<Intended, 'session' | 'connection'>): Session | undefined {
  return (exchange.session ?? exchange.connection) as Session | undefined;
}

/** True when a door path leads to this server. */
export function leadsTo(path: DoorPath, server: string): boolean {
  return path.kind === 'all' || path.server === server;
}
