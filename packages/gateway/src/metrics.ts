/** Prometheus metrics of one gateway. Labels are bounded: methods of the table, configured servers, table rows. */
import { lookupMethod, SUPPORTED_REVISIONS } from '@sallyport/protocol';
import { quirks, type IntrospectionCounts, type JwtCounts, type TrailStats } from '@sallyport/guard';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { CacheStats } from './cache/result-cache.ts';
import type { ExchangeSummary } from './summary.ts';
import type { IssuerStatus } from './tokens/issuers.ts';
import type { UpstreamStatus } from './upstreams/upstream.ts';

/** The gateway's metrics. */
export interface Metrics {
  count(summary: ExchangeSummary): void;
  /** Text in the Prometheus exposition format. */
  render(): Promise<string>;
  readonly contentType: string;
}

/** What gauges read when they are scraped. */
export interface MetricsSources {
  readonly upstreams: () => readonly UpstreamStatus[];
  readonly audit: () => TrailStats;
  readonly issuers: () => readonly IssuerStatus[];
  readonly introspection: () => IntrospectionCounts;
  readonly tokens: () => JwtCounts;
  readonly sessions: () => number;
  /** True while policy is only observed. */
  readonly isObserving: () => boolean;
  readonly results: () => CacheStats;
  /** Open connections by door. */
  readonly connections: () => Readonly<Record<string, number>>;
}

/** Durations that wait to be put into the histogram. */
const MOST_WAITING = 256;

/** Makes the metrics; gauges ask their sources when they are scraped. */
export function createMetrics(sources: MetricsSources): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const exchanges = countOnScrape(registry, {
    name: 'sallyport_exchanges_total',
    help: 'Exchanges by door, MCP method, server and how they ended.',
    labelNames: ['door', 'method', 'server', 'effect'],
  });
  const refused = countOnScrape(registry, {
    name: 'sallyport_refusals_total',
    help: 'Refused exchanges by stage and refusal.',
    labelNames: ['stage', 'reason'],
  });
  const observed = countOnScrape(registry, {
    name: 'sallyport_would_refuse_total',
    help: 'Exchanges that passed because policy is only observed, by the stage and refusal that would have ended them.',
    labelNames: ['stage', 'reason', 'server'],
  });
  new Gauge({
    name: 'sallyport_observing',
    help: '1 while policy is only observed and refuses nothing (mode: observe), 0 while it is enforced.',
    registers,
    collect() {
      this.set(sources.isObserving() ? 1 : 0);
    },
  });
  const habits = countOnScrape(registry, {
    name: 'sallyport_client_quirks_total',
    help: 'Exchanges that show a known habit of client programs (docs/quirks.md).',
    labelNames: ['quirk'],
  });
  // All of them are there from the start, so that a first one shows as a change.
  for (const name of Object.keys(quirks)) habits.add([name], 0);
  const duration = new Histogram({
    name: 'sallyport_exchange_duration_seconds',
    help: 'From the head of a request to its reply.',
    labelNames: ['method'],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
    registers,
    collect: () => observeWaiting(),
  });
  // Handed to the library many in a row, which costs a third of as many one by one.
  const waiting: { readonly method: string; readonly seconds: number }[] = [];
  const observeWaiting = (): void => {
    for (const { method, seconds } of waiting.splice(0)) duration.observe({ method }, seconds);
  };
  new Gauge({
    name: 'sallyport_upstream_ready',
    help: '1 when the server is ready, 0 otherwise.',
    labelNames: ['server', 'transport'],
    registers,
    collect() {
      this.reset();
      for (const { name, transport, state } of sources.upstreams())
        this.set({ server: name, transport }, state === 'ready' ? 1 : 0);
    },
  });
  upstreamMetrics(sources, registers);
  tokenMetrics(sources, registers);
  new Gauge({
    name: 'sallyport_sessions',
    help: 'Open legacy sessions.',
    registers,
    collect() {
      this.set(sources.sessions());
    },
  });
  new Gauge({
    name: 'sallyport_connections',
    help: 'Open connections at the stdio, WebSocket and SSE doors.',
    labelNames: ['door'],
    registers,
    collect() {
      for (const [door, count] of Object.entries(sources.connections())) this.set({ door }, count);
    },
  });
  new Gauge({
    name: 'sallyport_audit_queued_records',
    help: 'Audit records that wait for the disk.',
    registers,
    collect() {
      this.set(sources.audit().queued);
    },
  });
  new Gauge({
    name: 'sallyport_audit_healthy',
    help: '1 when audit records can be written, 0 otherwise.',
    registers,
    collect() {
      this.set(sources.audit().state === 'healthy' ? 1 : 0);
    },
  });
  new Counter({
    name: 'sallyport_cache_answers_total',
    help: 'Cacheable results by where they came from: memory, a request shared with others, or a request of their own.',
    labelNames: ['source'],
    registers,
    collect() {
      this.reset();
      const { kept, shared, own } = sources.results();
      for (const [source, count] of Object.entries({ kept, shared, own })) this.inc({ source }, count);
    },
  });
  new Gauge({
    name: 'sallyport_cache_bytes',
    help: 'Memory that kept results take, by estimate.',
    registers,
    collect() {
      this.set(sources.results().bytes);
    },
  });
  return {
    count(summary) {
      const method = methodLabel(summary.method);
      exchanges.add([summary.door, method, summary.upstream ?? '', summary.effect]);
      waiting.push({ method, seconds: summary.ms / 1000 });
      if (waiting.length >= MOST_WAITING) observeWaiting();
      for (const name of summary.quirks) habits.add([name]);
      if (summary.would !== undefined) {
        const { stage, reason } = summary.would;
        observed.add([stage, reason, summary.upstream ?? '']);
      }
      if (summary.reason !== undefined) refused.add([summary.stage ?? '', summary.reason]);
    },
    render: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

/** What the breakers, conversations and processes of servers did. */
function upstreamMetrics({ upstreams }: MetricsSources, registers: Registry[]): void {
  new Gauge({
    name: 'sallyport_upstream_breaker',
    help: '0 while calls of a server pass, 1 while none does, 0.5 while it is asked whether it is well.',
    labelNames: ['server'],
    registers,
    collect() {
      this.reset();
      const levels = { closed: 0, 'half-open': 0.5, open: 1 } as const;
      for (const { name, breaker } of upstreams()) this.set({ server: name }, levels[breaker]);
    },
  });
  new Gauge({
    name: 'sallyport_upstream_retry_seconds',
    help: 'Seconds until a server that is not well is tried again; absent while no try is planned.',
    labelNames: ['server'],
    registers,
    collect() {
      this.reset();
      const now = Date.now();
      for (const { name, nextTry } of upstreams()) {
        if (nextTry !== undefined) this.set({ server: name }, Math.max(0, (nextTry - now) / 1000));
      }
    },
  });
  new Gauge({
    name: 'sallyport_upstream_conversations',
    help: 'Processes of a server, or conversations with it, that are open or opening.',
    labelNames: ['server'],
    registers,
    collect() {
      this.reset();
      for (const { name, links } of upstreams()) this.set({ server: name }, links);
    },
  });
  new Counter({
    name: 'sallyport_upstream_events_total',
    help: 'What happened to servers: conversations opened, failures, restarts, limits exceeded, calls turned away.',
    labelNames: ['server', 'event'],
    registers,
    collect() {
      this.reset();
      for (const { name, restarts, counters } of upstreams()) {
        for (const [event, count] of Object.entries({ ...counters, restarts }))
          this.inc({ server: name, event }, count);
      }
    },
  });
}

/** How signed tokens were judged, and how the keys for it are. */
function tokenMetrics({ issuers, tokens, introspection }: MetricsSources, registers: Registry[]): void {
  new Counter({
    name: 'sallyport_introspection_total',
    help: 'Opaque tokens by result; kept are those answered from memory, asked are requests to the server.',
    labelNames: ['result'],
    registers,
    collect() {
      this.reset();
      for (const [result, count] of Object.entries(introspection())) this.inc({ result }, count);
    },
  });
  new Counter({
    name: 'sallyport_tokens_total',
    help: 'Signed tokens by result; kept are those found good before, which take no cryptography.',
    labelNames: ['result'],
    registers,
    collect() {
      this.reset();
      for (const [result, count] of Object.entries(tokens())) this.inc({ result }, count);
    },
  });
  new Gauge({
    name: 'sallyport_issuer_keys',
    help: 'Keys of an issuer that count; 0 while it has none or they are too old.',
    labelNames: ['issuer'],
    registers,
    collect() {
      this.reset();
      for (const { issuer, keys, state } of issuers()) this.set({ issuer }, state === 'lost' ? 0 : keys);
    },
  });
  new Counter({
    name: 'sallyport_issuer_key_readings_total',
    help: 'Readings of the keys of an issuer.',
    labelNames: ['issuer', 'result'],
    registers,
    collect() {
      this.reset();
      for (const { issuer, readings, failures } of issuers()) {
        this.inc({ issuer, result: 'read' }, readings - failures);
        this.inc({ issuer, result: 'failed' }, failures);
      }
    },
  });
}

interface CountOptions {
  readonly name: string;
  readonly help: string;
  readonly labelNames: string[];
}

/** A counter whose counting is one look-up; the library learns the numbers when it is scraped. */
function countOnScrape(
  registry: Registry,
  options: CountOptions,
): { add(values: readonly string[], count?: number): void } {
  const counts = new Map<string, { readonly values: readonly string[]; count: number }>();
  new Counter({
    ...options,
    registers: [registry],
    collect() {
      this.reset();
      for (const { values, count } of counts.values()) {
        this.inc(Object.fromEntries(options.labelNames.map((name, i) => [name, values[i] ?? ''])), count);
      }
    },
  });
  return {
    add(values, count = 1) {
      // No label value has a line feed: they are ours, or names of the configuration.
      const key = values.join('\n');
      const known = counts.get(key);
      if (known === undefined) counts.set(key, { values, count });
      else known.count += count;
    },
  };
}

const labels = new Map<string, string>();

/** A method of the protocol, or `other`: callers cannot make up label values. */
function methodLabel(method: string | undefined): string {
  if (method === undefined) return 'other';
  const known = labels.get(method);
  if (known !== undefined) return known;
  if (!SUPPORTED_REVISIONS.some((revision) => lookupMethod(revision, method) !== undefined)) return 'other';
  labels.set(method, method);
  return method;
}
