/** A configured server as requests use it: its upstream, and what the configuration says about it. */
import { dirname } from 'node:path';
import type { ClientCertificate, DoorPath, Intended, Rules, Session } from '@sallyport/guard';
import { hasSecretName, hasTokenShape } from './config/secret-shapes.ts';
import type { Secret } from './config/secret.ts';
import type { Config, StdioUpstreamConfig, UpstreamConfig, UrlUpstreamCommon } from './config/types.ts';
import { controlPath } from './control.ts';
import { declaredBy } from './invoke/declared.ts';
import type { AskKind } from './upstreams/link.ts';
import type { UpstreamDefinition } from './upstreams/options.ts';
import type { StdioOptions } from './upstreams/stdio/options.ts';
import type { CredentialSource, CredentialSubject } from './credentials/source.ts';
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
  /** Where the credentials of each caller come from; `undefined` where all callers have the gateway's. */
  readonly credentials?: CredentialSource | undefined;
}

/** Joins an upstream with its configuration. */
export function makeServer(config: UpstreamConfig, upstream: Upstream, credentials?: CredentialSource): Server {
  return {
    name: config.name,
    upstream,
    share: config.share,
    ask: config.ask,
    timeoutMs: config.timeout,
    maxTimeMs: config.maxTime,
    credentials,
  };
}

/** What stands around the servers and is none of theirs. */
export interface Surroundings {
  /** What no server behind walls sees: the store, keys, secrets, the trail, the control socket. */
  readonly hide: readonly string[];
  /** What no server behind walls changes: the configuration. */
  readonly protect: readonly string[];
}

/** Lists what a configuration keeps from servers behind walls. */
export function surroundingsOf(
  config: Pick<Config, 'store' | 'master' | 'audit' | 'secretFiles' | 'files' | 'folders'>,
): Surroundings {
  const { store, master, audit, secretFiles, files, folders } = config;
  const beside = ['', '-wal', '-shm', '-journal'].map((ending) => store.path + ending);
  const state = dirname(store.path);
  // Where the state lies among other files, its own files are hidden one by one.
  const isApart = !files.some((file) => file.startsWith(`${state}/`));
  return {
    hide: [
      ...new Set([
        ...(isApart ? [state] : []),
        dirname(controlPath(config)),
        audit.directory,
        ...beside,
        ...(master.kind === 'file' ? [master.path] : []),
        ...secretFiles,
      ]),
    ],
    protect: [...new Set([...files, ...folders])],
  };
}

/** What the upstream manager needs to know, with secrets revealed: they go nowhere else. */
export function defineUpstream(
  config: UpstreamConfig,
  message: { readonly bytes: number; readonly depth: number },
  surroundings: Surroundings,
  credentials?: CredentialSource,
): UpstreamDefinition {
  const transport =
    config.kind === 'stdio'
      ? defineStdio(config, surroundings)
      : {
          kind: config.kind,
          url: config.url,
          headers: Object.fromEntries(config.credentials.map(({ name, value }) => [name, value.reveal()])),
          ...certificateOf(config),
        };
  return {
    name: config.name,
    transport,
    share: config.share,
    ask: config.ask,
    tuning: { messageBytes: message.bytes, messageDepth: message.depth },
    ...(credentials === undefined ? {} : { credentials }),
  };
}

function certificateOf({ certificate }: UrlUpstreamCommon): { clientCertificate?: ClientCertificate } {
  if (certificate === undefined) return {};
  return { clientCertificate: { cert: certificate.cert, key: certificate.key.reveal() } };
}

/** What starts a local server. */
export function defineStdio(config: StdioUpstreamConfig, { hide, protect }: Surroundings): StdioOptions {
  const { command, env, cwd, limits, sandbox, secretArguments } = config;
  const secrets = [...env].flatMap(([name, secret]) => (isSecret(name, secret) ? [secret] : []));
  return {
    kind: 'stdio',
    command,
    env: Object.fromEntries([...env].map(([name, secret]) => [name, secret.reveal()])),
    cwd,
    limits,
    sandbox: sandbox === undefined ? undefined : { ...sandbox, hide, protect },
    secrets: [...secrets, ...secretArguments].map((secret) => secret.reveal()),
  };
}

/** What was written in clear is none; what was inherited is one when it looks like one. */
function isSecret(name: string, secret: Secret): boolean {
  if (secret.source === 'literal') return false;
  return secret.source !== 'inherit' || hasSecretName(name) || hasTokenShape(secret.reveal());
}

/** Whose conversation with a server a caller uses, as its `share` has it; '' is the gateway's own. */
export function scopeOf(server: Server, principal: string, session: Session | undefined): string {
  if (server.share === 'all') return '';
  return server.share === 'session' && session !== undefined ? session.id : principal;
}

/**
 * The conversation with a server that an exchange's requests go through.
 *
 * @param isTaken - true for one in which the exchange could not be asked anything now; default: none is
 */
export function acquireFor(
  exchange: Intended,
  server: Server,
  isTaken?: AcquireWish['isTaken'],
): ReturnType<Upstream['acquire']> {
  const wish = wishOf(exchange, server);
  return server.upstream.acquire(isTaken === undefined ? wish : { ...wish, isTaken });
}

/** Says whose conversation an exchange's requests go through; one that is a session's ends with it. */
export function wishOf(exchange: Intended, server: Server): AcquireWish {
  const holder = (exchange.era === 'legacy' ? sessionOf(exchange) : undefined) ?? connectionOf(exchange);
  const scope = scopeOf(server, exchange.principal.id, holder) || sharedScope;
  const { credentials } = server;
  const common = {
    era: exchange.era,
    scope,
    owner: exchange.principal.id,
    clientCapabilities: declaredBy(exchange),
  };
  const wish: AcquireWish =
    credentials === undefined || credentials.shared !== undefined
      ? common
      : { ...common, credential: credentials.of(subjectOf(exchange)) };
  if (holder === undefined || scope !== holder.id) return wish;
  endWith(holder, server.upstream);
  return { ...wish, isOver: () => holder.isClosed };
}

/**
 * Says for whom a credential is. Only a token that an authorization server issued is one that another may be made from:
 * API keys are ours alone.
 */
function subjectOf({ principal, head }: Pick<Intended, 'principal' | 'head'>): CredentialSubject {
  const { id, kind } = principal;
  const given = kind === 'jwt' ? head?.headers['authorization'] : undefined;
  const token = given === undefined ? undefined : /^bearer +([A-Za-z0-9\-._~+/]+=*)$/i.exec(given)?.[1];
  return { principal: id, kind, token };
}

/** Conversations that end with a session or connection. */
const endings = new WeakMap<Session, Set<Upstream>>();

function endWith(session: Session, upstream: Upstream): void {
  const bound = endings.get(session) ?? new Set();
  if (bound.has(upstream) || session.isClosed) return;
  endings.set(session, bound.add(upstream));
  session.onClose(() => upstream.release(session.id, 'the session of the caller is over'));
}

/** A modern caller has no session, but over streams its connection keeps it apart from others. */
function connectionOf({ connection }: Pick<Intended, 'connection'>): Session | undefined {
  return connection as Session | undefined;
}

/** Callers of a shared server are not the gateway itself, so they may still need a conversation in their era. */
const sharedScope = 'all';

/** The conversation that a request belongs to. */
export function sessionOf(exchange: Pick<Intended, 'session' | 'connection'>): Session | undefined {
  return (exchange.session ?? exchange.connection) as Session | undefined;
}

/** True when a door path leads to this server. */
export function leadsTo(path: DoorPath, server: string, { views }: Pick<Rules, 'views'>): boolean {
  if (path.kind === 'view') return views?.get(path.view)?.mayHold(server) === true;
  return path.kind === 'all' || path.server === server;
}
