/** What `sallyport run` says when the gate is open: the servers, where to call, and what to try. Pure. */
import type { ServerStatus } from '@sallyport/gateway';
import { clip, plain, table, type Paint } from './terminal.ts';

/** What is shown of one server behind the gate. */
export type ShownServer = Pick<
  ServerStatus,
  'name' | 'state' | 'transport' | 'era' | 'revision' | 'tools' | 'quarantined' | 'lastError'
>;

/** Something to try, and what to expect of it. */
export interface Try {
  readonly about: string;
  /** One or more lines for a shell. */
  readonly command: string;
}

/** What the banner tells. */
export interface BannerFacts {
  readonly version: string;
  readonly servers: readonly ShownServer[];
  /** URL of the data plane: `http://127.0.0.1:8848/mcp`. */
  readonly endpoint: string;
  /** What callers write in place of it, where `publicUrl` says so. */
  readonly publicEndpoint?: string | undefined;
  /** URL of metrics and health; absent when turned off. */
  readonly admin?: string | undefined;
  /** True while policy is only observed. */
  readonly isObserving: boolean;
  /** Folder of the audit trail, as shown. */
  readonly audit: string;
  /** A key that was just made, shown this once. */
  readonly key?: { readonly text: string; readonly role: string } | undefined;
  /** Empty without a key, and while no server is there to call. */
  readonly tries: readonly Try[];
}

/** How the banner is written. */
export interface BannerStyle {
  readonly paint: Paint;
  readonly isTerminal: boolean;
}

const marks = { ready: '✓', starting: '…', sick: '✗', stopped: '✗' } as const;

/** Writes the lines of the banner. */
export function banner(facts: BannerFacts, style: BannerStyle): string[] {
  const { paint } = style;
  const lines = [`${paint.bold('Sallyport')} ${paint.dim(facts.version)}`, ''];
  if (facts.servers.length === 0) lines.push(`  ${paint.yellow('no servers yet')}: add one under upstreams`);
  lines.push(...serverLines(facts.servers, style), '');
  if (facts.isObserving) lines.push(...observingLines(paint), '');
  const places = [
    ...endpointRows(facts, paint),
    ...(facts.admin === undefined ? [] : [[paint.dim('Metrics'), `${facts.admin}/metrics`]]),
    [paint.dim('Audit'), facts.audit],
  ];
  if (facts.key !== undefined) {
    places.splice(facts.publicEndpoint === undefined ? 1 : 2, 0, [
      paint.dim('Key'),
      `${paint.bold(facts.key.text)}  ${paint.dim(`role ${facts.key.role}, shown once`)}`,
    ]);
  }
  lines.push(...table(places, 2));
  if (facts.tries.length > 0) lines.push(...tryLines(facts.tries, paint));
  else if (facts.key !== undefined) lines.push('', `  ${paint.yellow('calls to try follow when a server is ready')}`);
  lines.push('', paint.bold('Calls appear below; Ctrl-C stops.'), '');
  return lines;
}

/** Where callers come: the address that they are told, and the one that the door listens on. */
export function endpointRows(
  { endpoint, publicEndpoint }: { readonly endpoint: string | undefined } & Pick<BannerFacts, 'publicEndpoint'>,
  paint: Paint,
): string[][] {
  if (endpoint === undefined) return [];
  if (publicEndpoint === undefined) return [[paint.dim('Endpoint'), paint.cyan(endpoint)]];
  return [
    [paint.dim('Endpoint'), paint.cyan(publicEndpoint)],
    [paint.dim('Listens'), endpoint],
  ];
}

/** Says that the gateway watches and does not protect. */
export function observingLines(paint: Paint): string[] {
  return [
    `  ${paint.yellow(paint.bold('OBSERVING'))}  policy refuses nothing but what the top-level deny list forbids`,
    `             ${paint.dim('what it would refuse:')}  sallyport audit search --would-refuse --count`,
  ];
}

/** Writes what to try: each after an empty line, ready to be copied. */
export function tryLines(tries: readonly Try[], paint: Paint): string[] {
  return tries.flatMap(({ about, command }) => [
    '',
    `  ${paint.dim(about)}`,
    ...command.split('\n').map((line) => `  ${line}`),
  ]);
}

/** Writes one line a server: state, name, tools, transport, era. */
export function serverLines(servers: readonly ShownServer[], style: BannerStyle): string[] {
  const { paint } = style;
  const colours = { ready: paint.green, starting: paint.yellow, sick: paint.red, stopped: paint.red } as const;
  const rows = servers.map((server) => {
    const colour = colours[server.state];
    const mark = colour(style.isTerminal ? marks[server.state] : server.state);
    const name = paint.bold(server.name);
    const held = server.quarantined.length === 0 ? '' : paint.yellow(`, ${server.quarantined.length} held back`);
    const era = paint.dim([server.era, server.revision].filter((text) => text !== undefined).join(' '));
    const transport = paint.dim(server.transport);
    if (server.state === 'ready') return [mark, name, count(server.tools, 'tool') + held, transport, era];
    const why =
      server.lastError === undefined ? '' : `: ${clip(plain(withoutName(server.name, server.lastError)), 120)}`;
    // Beside a word for the state it need not be said again.
    const text = style.isTerminal ? `${server.state}${why}` : why.replace(/^: /, '');
    return [mark, name, colour(text)];
  });
  return table(rows, 2);
}

/** Returns what is said of a server without its name, where the name stands beside it. */
export function withoutName(name: string, text: string): string {
  return text.startsWith(`${name} `) ? text.slice(name.length + 1) : text;
}

/** Writes how many of something there are. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
