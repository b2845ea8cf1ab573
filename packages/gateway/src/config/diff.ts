/** Says what a reload changes, so that only that is touched and the operator reads what took effect. */
import { file } from './keys.ts';
import { Secret } from './secret.ts';
import type { Config, UpstreamConfig } from './types.ts';

/** What differs between two configurations. Where a value stands in the file does not count. */
export interface ConfigChanges {
  /** `deny`, `roles`, `views`, `effects` or `mode`. */
  readonly policy: boolean;
  /** Whether policy is enforced or observed; `policy` is true then too. */
  readonly mode: boolean;
  readonly callers: boolean;
  readonly limits: boolean;
  /** `publicUrl`, `behindProxy`, `origins`, `refusals` or `doors`. */
  readonly door: boolean;
  /** The certificate, its key, or the authorities of client certificates. */
  readonly tls: boolean;
  /** Anything under `audit` that takes effect at once. */
  readonly audit: boolean;
  /** Where requests of our own may go; what connections are made of also changes all upstreams at a URL. */
  readonly egress: boolean;
  readonly tests: boolean;
  readonly upstreams: UpstreamChanges;
  /** Keys whose new value waits for the next start. */
  readonly needsRestart: readonly string[];
}

/** Names of upstreams. */
export interface UpstreamChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Reached or started in another way: the old connection drains. */
  readonly changed: readonly string[];
  /** Only `limit`, `concurrent`, `timeout` or `maxTime` differ: the connection stays. */
  readonly tuned: readonly string[];
}

/** Compares two configurations. */
export function diffConfig(before: Config, after: Config): ConfigChanges {
  const differs = <K extends keyof Config>(...keys: readonly K[]): boolean =>
    keys.some((key) => !isSame(before[key], after[key]));
  const { directory: _before, ...auditBefore } = before.audit;
  const { directory: _after, ...auditAfter } = after.audit;
  return {
    policy: differs('deny', 'roles', 'views', 'effects', 'mode'),
    mode: differs('mode'),
    callers: differs('callers'),
    limits: differs('limits'),
    door: differs('publicUrl', 'behindProxy', 'origins', 'refusals', 'doors'),
    tls: differs('tls'),
    audit: !isSame(auditBefore, auditAfter),
    egress: differs('egress'),
    tests: differs('tests'),
    upstreams: diffUpstreams(before.upstreams, after.upstreams, hasOtherConnections(before, after)),
    needsRestart: (file.restartKeys ?? []).filter((path) => !isSame(valueAt(before, path), valueAt(after, path))),
  };
}

/** Says whether there is anything to do or to say. */
export function isUnchanged(changes: ConfigChanges): boolean {
  const { upstreams, needsRestart, ...flags } = changes;
  const lists = [needsRestart, ...Object.values(upstreams)];
  return Object.values(flags).every((flag) => !flag) && lists.every((list) => list.length === 0);
}

/** True when connections to upstreams at a URL are made in another way. */
function hasOtherConnections({ egress: before }: Config, { egress: after }: Config): boolean {
  return !isSame(before.proxy, after.proxy) || before.ca !== after.ca;
}

function diffUpstreams(
  before: readonly UpstreamConfig[],
  after: readonly UpstreamConfig[],
  hasNewConnections: boolean,
): UpstreamChanges {
  const old = new Map(before.map((upstream) => [upstream.name, upstream]));
  const added: string[] = [];
  const changed: string[] = [];
  const tuned: string[] = [];
  for (const upstream of after) {
    const earlier = old.get(upstream.name);
    old.delete(upstream.name);
    if (earlier === undefined) added.push(upstream.name);
    else if (hasNewConnections && upstream.kind !== 'stdio') changed.push(upstream.name);
    else if (!isSame(withoutTuning(earlier), withoutTuning(upstream))) changed.push(upstream.name);
    else if (!isSame(earlier, upstream)) tuned.push(upstream.name);
  }
  return { added, removed: [...old.keys()], changed, tuned };
}

function withoutTuning(upstream: UpstreamConfig): unknown {
  const { limit: _limit, concurrent: _concurrent, timeout: _timeout, maxTime: _maxTime, ...rest } = upstream;
  return rest;
}

function valueAt(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((at, key) => (isRecord(at) ? at[key] : undefined), value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** Deep equality of plain data, maps and secrets, without `origin`. */
function isSame(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  // What is compiled from a condition is the same where its text is.
  if (typeof one === 'function' && typeof other === 'function') return true;
  if (one instanceof Secret || other instanceof Secret) {
    return one instanceof Secret && other instanceof Secret && one.equals(other);
  }
  if (one instanceof Map && other instanceof Map) return isSame([...one], [...other]);
  if (!isRecord(one) || !isRecord(other) || Array.isArray(one) !== Array.isArray(other)) return false;
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
  keys.delete('origin');
  return [...keys].every((key) => isSame(one[key], other[key]));
}
