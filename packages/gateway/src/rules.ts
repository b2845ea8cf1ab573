/** The rules in force, made from the configuration. */
import {
  compileEffects,
  compilePattern,
  compilePolicy,
  compileView,
  matchesPattern,
  observePolicy,
  type Policy,
  type Rate,
  type Rules,
} from '@sallyport/guard';
import { isWildcard } from './config/address.ts';
import { toPolicyModel } from './config/policy-model.ts';
import type { Config, EffectLimits } from './config/types.ts';
import { resourceRules } from './resource-rules.ts';
import { certificateRules, isSecure, proxyRules } from './transport-rules.ts';

const loopbackNames = ['localhost', '127.0.0.1', '[::1]'];

/** Makes the rules of a configuration. `port` is the one that the door really listens on. */
export function makeRules(config: Config, port: number): Rules {
  const { limits, callers } = config;
  const policy = compilePolicy(toPolicyModel(config));
  const certificates = certificateRules(config);
  const proxy = proxyRules(config);
  return {
    policy: inForce(policy, config),
    limits: {
      body: limits.body,
      message: limits.message,
      depth: limits.depth,
      requestTimeoutMs: limits.requestTimeout,
      perAddress: limits.perAddress,
      failedLogins: limits.failedLogins,
      badRequests: limits.badRequests ?? halfOf(limits.perAddress),
      ...(limits.effects === undefined ? {} : { effects: givenOf(limits.effects) }),
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
    upstreamPlaces: new Map(
      config.upstreams.flatMap(({ name, concurrent }) =>
        concurrent === undefined ? [] : [[name, concurrent] as const],
      ),
    ),
    doors: config.doors,
    servers: new Set(config.upstreams.map(({ name }) => name)),
    ...resourceRules(config, ownOrigins(config, port)[0] ?? '', policy),
    ...(config.views.length === 0
      ? {}
      : { views: new Map(config.views.map((view) => [view.name, compileView(view)])) }),
    ...(config.effects.length === 0 ? {} : { effects: compileEffects(config.effects) }),
    refusals: config.refusals,
    ...(config.mode === 'observe' ? { observes: true } : {}),
    keptArguments: makeKeptArguments(config),
  };
}

/** An observing gateway's policy lets everything pass that no top-level denial forbids. */
function inForce(policy: Policy, { mode }: Config): Policy {
  return mode === 'observe' ? observePolicy(policy) : policy;
}

function halfOf({ tokens, perMs, burst }: Rate): Rate {
  // Over twice the time, so that an odd number of tokens is halved too.
  const isEven = tokens % 2 === 0;
  const half = isEven ? { tokens: tokens / 2, perMs } : { tokens, perMs: 2 * perMs };
  return { ...half, burst: Math.ceil(burst / 2) };
}

function givenOf({ read, write, destructive }: EffectLimits): NonNullable<Rules['limits']['effects']> {
  return {
    ...(read === undefined ? {} : { read }),
    ...(write === undefined ? {} : { write }),
    ...(destructive === undefined ? {} : { destructive }),
  };
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
