/** The rules in force, made from the configuration. */
import { compilePattern, compilePolicy, matchesPattern, type Policy, type Rules } from '@sallyport/guard';
import { toPolicyModel } from './config/policy-model.ts';
import type { Address, Config, JwtRolesConfig } from './config/types.ts';
import { introspectedIssuer } from './tokens/introspector.ts';
import { makeResource, serverDoor, type TokenIssuer } from './tokens/resource.ts';

const loopbackNames = ['localhost', '127.0.0.1', '[::1]'];

/** Makes the rules of a configuration. `port` is the one that the door really listens on. */
export function makeRules(config: Config, port: number): Rules {
  const { limits, callers } = config;
  const policy = compilePolicy(toPolicyModel(config));
  return {
    policy,
    limits: {
      body: limits.body,
      message: limits.message,
      depth: limits.depth,
      requestTimeoutMs: limits.requestTimeout,
      perAddress: limits.perAddress,
      failedLogins: limits.failedLogins,
      concurrentPerCaller: limits.concurrentPerCaller,
      openPerCaller: limits.openPerCaller,
      openPerAddress: limits.openPerAddress,
    },
    callers: {
      keys: callers.keys,
      ...(callers.local === undefined ? {} : { local: callers.local }),
      ...(callers.anonymous === undefined ? {} : { anonymous: callers.anonymous }),
    },
    hosts: new Set(ownHosts(config.listen, port, config.publicUrl)),
    origins: new Set([...config.origins, ...ownOrigins(config.listen, port, config.publicUrl)]),
    upstreamLimits: new Map(
      config.upstreams.flatMap(({ name, limit }) => (limit === undefined ? [] : [[name, limit] as const])),
    ),
    doors: config.doors,
    servers: new Set(config.upstreams.map(({ name }) => name)),
    ...resourceOf(config, port, policy),
    refusals: config.refusals,
    keptArguments: makeKeptArguments(config),
  };
}

/** What the gateway is as a resource server: its name is the public URL, or on loopback the address itself. */
function resourceOf(config: Config, port: number, policy: Policy): Pick<Rules, 'resource'> {
  const [own = ''] = ownOrigins(config.listen, port, config.publicUrl);
  const doors = config.upstreams.map(({ name }) => serverDoor(name, policy));
  const resource = makeResource(own, tokenIssuers(config.callers), doors, policy);
  return resource === undefined ? {} : { resource };
}

/** Everybody whose tokens are accepted, as clients have to know them. */
function tokenIssuers({ jwt, introspection }: Config['callers']): TokenIssuer[] {
  const rolesOf = (roles: JwtRolesConfig | undefined): readonly string[] =>
    (roles?.map ?? []).flatMap((mapping) => mapping.roles);
  const asked = introspection === undefined ? [] : [{ ...introspection, issuer: introspectedIssuer(introspection) }];
  return [...jwt, ...asked].map(({ issuer, roles, scopePrefix }) => ({ issuer, roles: rolesOf(roles), scopePrefix }));
}

/** True for addresses that only this machine reaches. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

function ownNames(listen: Address): string[] {
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host;
  return isLoopback(listen.host) ? [...new Set([host, ...loopbackNames])] : [host];
}

function ownHosts(listen: Address, port: number, publicUrl: string | undefined): string[] {
  const names = ownNames(listen).flatMap((name) => (port === 80 ? [name, `${name}:80`] : [`${name}:${port}`]));
  return publicUrl === undefined ? names : [...names, new URL(publicUrl).host.toLowerCase()];
}

/** Without a public URL, a loopback door is its own; the port is part of it, so another local page is a stranger. */
function ownOrigins(listen: Address, port: number, publicUrl: string | undefined): string[] {
  if (publicUrl !== undefined) return [new URL(publicUrl).origin];
  return ownNames(listen).map((name) => new URL(`http://${name}:${port}`).origin);
}

/** Patterns of the file, asked once for each target. */
function makeKeptArguments(config: Config): Rules['keptArguments'] {
  const rows = config.audit.arguments.flatMap(({ pattern, names }) => {
    const compiled = compilePattern(pattern);
    return compiled.kind === 'pattern' ? [{ pattern: compiled, names }] : [];
  });
  if (rows.length === 0) return () => undefined;
  const known = new Map<string, readonly string[] | undefined>();
  return (key) => {
    if (known.has(key)) return known.get(key);
    const names = rows.filter(({ pattern }) => matchesPattern(pattern, key)).flatMap((row) => row.names);
    const kept = names.length === 0 ? undefined : names;
    if (known.size < 10_000) known.set(key, kept);
    return kept;
  };
}
