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
import { toPolicyModel } from './config/policy-model.ts';
import type { Address, Config, EffectLimits } from './config/types.ts';

const loopbackNames = ['localhost', '127.0.0.1', '[::1]'];

/** Makes the rules of a configuration. `port` is the one that the door really listens on. */
export function makeRules(config: Config, port: number): Rules {
  const { limits, callers } = config;
  return {
    policy: makePolicy(config),
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
    },
    hosts: new Set(ownHosts(config.listen, port, config.publicUrl)),
    origins: new Set([...config.origins, ...ownOrigins(config.listen, port, config.publicUrl)]),
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
function makePolicy(config: Config): Policy {
  const policy = compilePolicy(toPolicyModel(config));
  return config.mode === 'observe' ? observePolicy(policy) : policy;
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
