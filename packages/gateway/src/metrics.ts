/** Prometheus metrics of one gateway. Labels are bounded: methods of the table, configured servers, table rows. */
import { lookupMethod, SUPPORTED_REVISIONS } from '@sallyport/protocol';
import type { TrailStats } from '@sallyport/guard';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { ExchangeSummary } from './summary.ts';
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
  readonly sessions: () => number;
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
  return {
    count(summary) {
      const method = methodLabel(summary.method);
      exchanges.add([summary.door, method, summary.upstream ?? '', summary.effect]);
      waiting.push({ method, seconds: summary.ms / 1000 });
      if (waiting.length >= MOST_WAITING) observeWaiting();
      if (summary.reason !== undefined) refused.add([summary.stage ?? '', summary.reason]);
    },
    render: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

interface CountOptions {
  readonly name: string;
  readonly help: string;
  readonly labelNames: string[];
}

/** A counter whose counting is one look-up; the library learns the numbers when it is scraped. */
function countOnScrape(registry: Registry, options: CountOptions): { add(values: readonly string[]): void } {
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
    add(values) {
      // No label value has a line feed: they are ours, or names of the configuration.
      const key = values.join('\n');
      const known = counts.get(key);
      if (known === undefined) counts.set(key, { values, count: 1 });
      else known.count += 1;
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
