/** `sallyport block` and `unblock`: stop a caller, tools or a server at once, whatever the configuration allows. */
import { compilePattern, matchesPattern, patternMayMatchServer, type BlockKind } from '@sallyport/guard';
import { controlPath, nearest, type ConfigOutline } from '@sallyport/gateway';
import { requireOutline } from '../configuration.ts';
import { askGateway } from '../control.ts';
import type { CommonOptions, Context } from '../context.ts';
import { exitCodes, Failure, usageFailure } from '../failure.ts';
import { isRecord } from '../mcp-caller.ts';
import { askServer, whyAbsent } from '../running.ts';
import { withStore } from '../store.ts';
import { plain } from '../terminal.ts';
import { readDuration } from '../time-words.ts';

/** Options of `block`. */
export interface BlockOptions extends CommonOptions {
  /** A duration. */
  readonly for?: string;
}

interface BlockTarget {
  readonly kind: BlockKind;
  readonly subject: string;
}

/** Blocks a target until it is unblocked or the time is over. */
export async function block(words: string, options: BlockOptions, context: Context): Promise<number> {
  const forMs = options.for === undefined ? undefined : readDuration(options.for, '--for');
  const config = await requireOutline(options, context);
  const target = blockTarget(words, config);
  requireIssuer(target, config);
  const made = await withStore(config, ({ blocks }) => blocks.block(target.kind, target.subject, { forMs }));
  const doubt = await findDoubt(target, config);
  const { terminal } = context;
  const until = made.expiresAt === undefined ? undefined : new Date(made.expiresAt).toISOString();
  if (options.json)
    terminal.json({ ...target, ...(until !== undefined && { until }), ...(doubt !== undefined && { warning: doubt }) });
  else {
    const end = until === undefined ? 'until unblocked' : `until ${until.slice(0, 16).replace('T', ' ')} UTC`;
    terminal.print(
      `${terminal.paint.green('✓')} blocked ${nounOf(target)} ${terminal.paint.bold(plain(target.subject))} ${end}`,
    );
    if (doubt !== undefined) terminal.note(`${terminal.paintErr.yellow('!')} ${plain(doubt)}`);
  }
  return exitCodes.fine;
}

/** Lifts a block. */
export async function unblock(words: string, options: CommonOptions, context: Context): Promise<number> {
  const config = await requireOutline(options, context);
  const target = blockTarget(words, config);
  const wasBlocked = await withStore(config, ({ blocks }) => blocks.unblock(target.kind, target.subject));
  if (!wasBlocked)
    throw new Failure(`${nounOf(target)} ${target.subject} is not blocked`, 'see the blocks:  sallyport status');
  const { terminal } = context;
  if (options.json) terminal.json(target);
  else
    terminal.print(
      `${terminal.paint.green('✓')} unblocked ${nounOf(target)} ${terminal.paint.bold(plain(target.subject))}`,
    );
  return exitCodes.fine;
}

/** How a target is called: a pattern stands for many. */
function nounOf({ kind, subject }: BlockTarget): string {
  return subject.includes('*') ? `every ${kind}` : `the ${kind}`;
}

/**
 * Tells what a word names: a caller by its principal id, a server by its name, a tool by `server.tool`, many callers of
 * one kind or many tools by a pattern. What would stop nothing is refused.
 */
export function blockTarget(words: string, config: Pick<ConfigOutline, 'upstreams'>): BlockTarget {
  if (/^(?:key|jwt|cert|local|account):./.test(words) || words === 'anonymous') {
    const pattern = compilePattern(`caller.${words}`);
    if (!words.includes('*') || pattern.kind === 'pattern') return { kind: 'caller', subject: words };
    throw usageFailure(`"${words}": ${pattern.message}`, 'write it like key:ci or key:ci-*');
  }
  const names = config.upstreams.map((upstream) => upstream.name);
  const known = names.length === 0 ? '' : `; upstreams here: ${names.join(', ')}`;
  if (words.includes('*')) {
    const pattern = compilePattern(words);
    if (pattern.kind === 'fault') throw usageFailure(`"${words}": ${pattern.message}`, 'write it like files.write_*');
    if (names.some((name) => patternMayMatchServer(pattern, name))) return { kind: 'tool', subject: words };
    throw usageFailure(`"${words}" matches no tool of any upstream`, `write it like files.write_*${known}`);
  }
  const dot = words.indexOf('.');
  const server = dot === -1 ? words : words.slice(0, dot);
  if (names.includes(server) && dot !== words.length - 1)
    return { kind: dot === -1 ? 'upstream' : 'tool', subject: words };
  throw usageFailure(
    `"${words}" names no caller, tool or upstream`,
    `write it like key:ci, files.write_file, files.write_* or files${known}`,
  );
}

/**
 * Refuses the name of a token's holder without its issuer: no caller is called so, and who believes that somebody is
 * blocked does not look again. An earlier block of that kind can still be lifted.
 */
export function requireIssuer({ kind, subject }: BlockTarget, config: Pick<ConfigOutline, 'callers'>): void {
  if (kind !== 'caller' || !subject.startsWith('jwt:') || /[|*]/.test(subject)) return;
  const issuer = issuersOf(config)[0] ?? 'https://login.example.com';
  throw usageFailure(
    `"${subject}" names nobody: holders of tokens are called jwt:ISSUER|ID`,
    `write it like 'jwt:${issuer}|${subject.slice(4)}' or 'jwt:*|${subject.slice(4)}'`,
  );
}

/** Issuers whose tokens are accepted now. */
function issuersOf({ callers: { jwt, introspection } }: Pick<ConfigOutline, 'callers'>): readonly string[] {
  const asked = introspection === undefined ? [] : [introspection.issuer ?? new URL(introspection.url).origin];
  return [...jwt.map(({ issuer }) => issuer), ...asked];
}

/** Says why a block of a token's holder stops nobody now. */
export function findIssuerDoubt(subject: string, config: Pick<ConfigOutline, 'callers'>): string | undefined {
  if (!subject.startsWith('jwt:') || subject.includes('*')) return undefined;
  const known = issuersOf(config);
  if (known.some((issuer) => subject.startsWith(`jwt:${issuer}|`))) return undefined;
  const here = known.length === 0 ? 'no tokens are accepted now' : `issuers here: ${known.join(', ')}`;
  return `no issuer of the configuration stands in ${subject}; ${here}`;
}

/** Says why a block may not be what was meant, as far as store and gateway know. It stands in any case. */
async function findDoubt({ kind, subject }: BlockTarget, config: ConfigOutline): Promise<string | undefined> {
  if (kind === 'upstream') return undefined;
  if (kind === 'caller') {
    if (!subject.startsWith('key:')) return findIssuerDoubt(subject, config);
    const name = subject.slice(4);
    const keys = await withStore(config, (store) => store.keys.list());
    if (name.includes('*')) {
      const pattern = compilePattern(`caller.${name}`);
      const isKnown = pattern.kind === 'pattern' && keys.some((key) => matchesPattern(pattern, `caller.${key.name}`));
      return isKnown ? undefined : `no key that is there now matches ${subject}`;
    }
    if (keys.some((key) => key.name === name)) return undefined;
    const close = nearest(
      name,
      keys.map((key) => key.name),
    );
    return `there is no key called "${name}" now${close === undefined ? '' : `; did you mean key:${close}?`}`;
  }
  const tools = await askGateway(controlPath(config), 'tools');
  if (!isRecord(tools)) return undefined;
  if (subject.includes('*')) return patternDoubt(subject, tools);
  const dot = subject.indexOf('.');
  const server = await askServer(config.files, subject.slice(0, dot));
  const isListed = server === undefined || server.status.state !== 'ready';
  return isListed ? undefined : whyAbsent(server, subject.slice(dot + 1));
}

function patternDoubt(subject: string, tools: Readonly<Record<string, unknown>>): string | undefined {
  const pattern = compilePattern(subject);
  if (pattern.kind === 'fault') return undefined;
  const keys = Object.entries(tools).flatMap(([server, names]) =>
    Array.isArray(names) ? names.map((name) => `${server}.${String(name)}`) : [],
  );
  return keys.some((key) => matchesPattern(pattern, key)) ? undefined : `no tool that is listed now matches ${subject}`;
}
