/** What `sallyport run` says when the gate is open: the servers, where to call, and what to try. Pure. */
import { clip, plain, table, type Paint } from './terminal.ts';

/** How one server behind the gate is. */
export interface UpstreamSummary {
  readonly name: string;
  /** `starting`: not heard from yet. `down`: not to be reached; tried again. */
  readonly state: 'ready' | 'starting' | 'down';
  readonly transport: 'stdio' | 'http';
  readonly era?: 'modern' | 'legacy' | undefined;
  /** Protocol revision, like `2025-11-25`. */
  readonly revision?: string | undefined;
  readonly tools: number;
  readonly resources: number;
  readonly prompts: number;
  /** Definitions that were not accepted. */
  readonly quarantined: number;
  /** Why it is down, fit for an operator. */
  readonly reason?: string | undefined;
}

/** What the banner tells. */
export interface BannerFacts {
  readonly version: string;
  readonly upstreams: readonly UpstreamSummary[];
  /** URL of the data plane: `http://127.0.0.1:8848/mcp`. */
  readonly endpoint: string;
  /** URL of metrics and health; absent when turned off. */
  readonly admin?: string | undefined;
  /** Folder of the audit trail, as shown. */
  readonly audit: string;
  /** A key that was just made, shown this once. */
  readonly key?: { readonly text: string; readonly role: string } | undefined;
  /** Things to try, each with what to expect. */
  readonly tries: readonly { readonly about: string; readonly command: string }[];
}

/** How the banner is written. */
export interface BannerStyle {
  readonly paint: Paint;
  readonly isTerminal: boolean;
}

const marks = { ready: '✓', starting: '…', down: '✗' } as const;

/** Writes the lines of the banner. */
export function banner(facts: BannerFacts, style: BannerStyle): string[] {
  const { paint } = style;
  const lines = [`${paint.bold('Sallyport')} ${paint.dim(facts.version)}`, ''];
  if (facts.upstreams.length === 0) lines.push(`  ${paint.yellow('no servers yet')}: add one under upstreams`);
  lines.push(...upstreamLines(facts.upstreams, style), '');
  const places = [
    [paint.dim('Endpoint'), paint.cyan(facts.endpoint)],
    ...(facts.admin === undefined ? [] : [[paint.dim('Metrics'), `${facts.admin}/metrics`]]),
    [paint.dim('Audit'), facts.audit],
  ];
  if (facts.key !== undefined) {
    places.splice(1, 0, [paint.dim('Key'), `${paint.bold(facts.key.text)}  ${paint.dim(`role ${facts.key.role}, shown once`)}`]);
  }
  lines.push(...table(places, 2));
  for (const { about, command } of facts.tries) {
    lines.push('', `  ${paint.dim(about)}`, ...command.split('\n').map((line) => `  ${line}`));
  }
  return lines;
}

/** Writes one line a server: state, name, tools, transport, era. */
export function upstreamLines(upstreams: readonly UpstreamSummary[], style: BannerStyle): string[] {
  const { paint } = style;
  return table(
    upstreams.map((upstream) => {
      const colour = { ready: paint.green, starting: paint.yellow, down: paint.red }[upstream.state];
      const mark = colour(style.isTerminal ? marks[upstream.state] : upstream.state);
      if (upstream.state !== 'ready') {
        const told = upstream.state === 'down' ? clip(plain(upstream.reason ?? 'not to be reached'), 90) : 'starting';
        return [mark, paint.bold(upstream.name), colour(told)];
      }
      const held = upstream.quarantined === 0 ? '' : paint.yellow(`, ${upstream.quarantined} held back`);
      return [
        mark,
        paint.bold(upstream.name),
        count(upstream.tools, 'tool') + held,
        paint.dim(upstream.transport),
        paint.dim([upstream.era, upstream.revision].filter((text) => text !== undefined).join(' ')),
      ];
    }),
    2,
  );
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
