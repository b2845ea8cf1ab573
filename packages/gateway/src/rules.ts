/** The rules in force, made from the configuration. */
import { compilePattern, compilePolicy, matchesPattern, type Policy, type Rules } from '@sallyport/guard';
import { isWildcard } from './config/address.ts';
import { toPolicyModel } from './config/policy-model.ts';
import type { Config, JwtRolesConfig } from './config/types.ts';
import { introspectedIssuer } from './tokens/introspector.ts';
import { makeResource, serverDoor, type TokenIssuer } from './tokens/resource.ts';
import { certificateRules, isSecure, proxyRules } from './transport-rules.ts';

const loopbackNames = ['localhost', '127.0.0.1', '[::1]'];

/** Makes the rules of a configuration. `port` is the one that the door really listens on. */
export function makeRules(config: Config, port: number): Rules {
  const { limits, callers } = config;
  const certificates = certificateRules(config);
  const proxy = proxyRules(config);
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
      ...(certificates === undefined ? {} : { certificates }),
    },
    hosts: new Set(ownHosts(config, port)),
    origins: new Set([...config.origins, ...ownOrigins(config, port)]),
    isSecure: isSecure(config),
    ...(proxy === undefined ? {} : { proxy }),
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
  const [own = ''] = ownOrigins(config, port);
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

type Door = Pick<Config, 'listen' | 'publicUrl' | 'tls'>;

/** Nobody calls a wildcard by its name; where it is bound, only the public URL's host is ours. */
function ownNames({ listen }: Door): string[] {
  if (isWildcard(listen.host)) return [];
  const host = (listen.host.includes(':') ? `[${listen.host}]` : listen.host).toLowerCase();
  return isLoopback(listen.host) ? [...new Set([host, ...loopbackNames])] : [host];
}

function ownHosts(door: Door, port: number): string[] {
  const usual = door.tls === undefined ? 80 : 443;
  const names = ownNames(door).flatMap((name) => (port === usual ? [name, `${name}:${port}`] : [`${name}:${port}`]));
  return door.publicUrl === undefined ? names : [...names, ...hostsOf(new URL(door.publicUrl))];
}

/** A port that nobody has to write may be written. */
function hostsOf({ host, port, protocol }: URL): string[] {
  const name = host.toLowerCase();
  return port === '' ? [name, `${name}:${protocol === 'https:' ? 443 : 80}`] : [name];
}

/** Without a public URL, a loopback door is its own; the port is part of it, so another local page is a stranger. */
function ownOrigins(door: Door, port: number): string[] {
  if (door.publicUrl !== undefined) return [new URL(door.publicUrl).origin];
  const scheme = door.tls === undefined ? 'http' : 'https';
  return ownNames(door).map((name) => new URL(`${scheme}://${name}:${port}`).origin);
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
