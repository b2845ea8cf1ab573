/** `sallyport audit tail|search|verify`: reads the trail from its files; needs no running gateway. */
import { resolve } from 'node:path';
import {
  compilePattern,
  followRecords,
  matchesPattern,
  readRecords,
  refusals,
  trailPublicKeys,
  trailSources,
  verifyTrail,
  type AuditRecord,
  type Verdict,
} from '@sallyport/guard';
import { nearest } from '@sallyport/gateway';
import { requireOutline } from '../configuration.ts';
import { shortPath, type CommonOptions, type Context } from '../context.ts';
import { exitCodes, Failure, systemCode, usageFailure } from '../failure.ts';
import { createRecordCounter, groupLines, type RecordGroup } from '../record-groups.ts';
import { recordLine } from '../record-line.ts';
import { plain } from '../terminal.ts';
import { readMoment } from '../time-words.ts';

/** Options of `audit tail`. */
export interface TailOptions extends CommonOptions {
  readonly lines: string;
  readonly follow: boolean;
}

/** Options of `audit search`. */
export interface SearchOptions extends CommonOptions {
  readonly exchange?: string;
  readonly principal?: string;
  readonly target?: string;
  readonly reason?: string;
  readonly since?: string;
  readonly until?: string;
  /** Only what passed although policy would have refused it. */
  readonly wouldRefuse?: boolean;
  /** Numbers instead of records. */
  readonly count?: boolean;
}

/** Options of `audit verify`. */
export interface VerifyCommandOptions extends CommonOptions {
  readonly head?: string;
}

/** What people look for; intents and checkpoints are there for machines, and shown as JSON. */
const shownKinds = ['outcome', 'refusal', 'auth', 'admin', 'system'] as const;

/** What has an outcome. */
const countedKinds = ['outcome', 'refusal', 'auth'] as const;

/** Shows the last records, and goes on with `follow` until interrupted. */
export async function tail(options: TailOptions, context: Context): Promise<number> {
  if (!/^\d{1,7}$/.test(options.lines))
    throw usageFailure(`-n "${options.lines}" is no number`, 'write it like -n 100');
  const count = Number(options.lines);
  const directory = await trailDirectory(options, context);
  const filter = options.json ? {} : { kinds: shownKinds };
  if (options.follow) {
    const stop = new AbortController();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
    process.stdout.once('error', () => stop.abort());
    for await (const record of followRecords(directory, { filter, backlog: count, signal: stop.signal })) {
      show(record, options, context);
    }
    return exitCodes.fine;
  }
  const newest: AuditRecord[] = [];
  for await (const record of readRecords(directory, filter, { order: 'newest', limit: count })) newest.push(record);
  for (const record of newest.toReversed()) show(record, options, context);
  return exitCodes.fine;
}

/** Shows all records that match. Exit 1 when none does. */
export async function search(options: SearchOptions, context: Context): Promise<number> {
  const now = Date.now();
  const { exchange, principal, reason } = options;
  const since = options.since === undefined ? undefined : readMoment(options.since, '--since', now);
  const until = options.until === undefined ? undefined : readMoment(options.until, '--until', now);
  const isTarget = targetMatcher(options.target);
  if (reason !== undefined) requireReason(reason);
  const directory = await trailDirectory(options, context);
  const kinds = options.json || exchange !== undefined ? undefined : shownKinds;
  // An intent would count its exchange twice.
  const wanted = options.count === true ? countedKinds : kinds;
  const counter = options.count === true ? createRecordCounter() : undefined;
  const isObserved = options.wouldRefuse === true;
  let count = 0;
  for await (const record of readRecords(directory, { exchange, principal, since, until, kinds: wanted })) {
    if (isObserved && record.decision?.effect !== 'observe') continue;
    if (!isTarget(record) || !hasReason(record, reason, isObserved)) continue;
    count += 1;
    if (counter === undefined) show(record, options, context);
    else counter.add(record);
  }
  if (counter !== undefined) showGroups(counter.groups(), options, context);
  if (count === 0 && !options.json) context.terminal.note('nothing found');
  return count === 0 ? exitCodes.refused : exitCodes.fine;
}

/** Proves the trail. Exit 1 when it is broken. */
export async function verify(
  given: string | undefined,
  options: VerifyCommandOptions,
  context: Context,
): Promise<number> {
  if (options.head !== undefined && !/^[0-9a-f]{64}$/.test(options.head)) {
    throw usageFailure('--head is no hash', 'give the 64 characters that audit verify printed');
  }
  const directory = given === undefined ? await trailDirectory(options, context) : resolve(context.host.cwd, given);
  const verdict = await reading(directory, async () =>
    verifyTrail(await trailSources(directory), await trailPublicKeys(directory), { head: options.head }),
  );
  if (options.json) context.terminal.json({ directory, ...verdict });
  else tell(verdict, directory, options.head !== undefined, context);
  return verdict.verdict === 'broken' ? exitCodes.refused : exitCodes.fine;
}

async function trailDirectory(options: CommonOptions, context: Context): Promise<string> {
  const { audit } = await requireOutline(options, context);
  await reading(audit.directory, () => trailSources(audit.directory));
  return audit.directory;
}

async function reading<T>(directory: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    const way = code === 'ENOENT' ? 'it is made when the gateway first runs' : 'check its permissions';
    throw new Failure(`cannot read the audit trail in ${directory} (${code})`, way, exitCodes.refused, {
      cause: error,
    });
  }
}

/** Says which records are about targets that a pattern matches. */
export function targetMatcher(target: string | undefined): (record: AuditRecord) => boolean {
  if (target === undefined) return () => true;
  const compiled = compilePattern(target);
  if (compiled.kind !== 'pattern')
    throw usageFailure(`--target "${target}": ${compiled.message}`, 'write it like files.* or files.write_file');
  return ({ target: found }) => {
    if (found === undefined) return false;
    if (found.name === target || matchesPattern(compiled, `${found.upstream ?? ''}.${found.name}`)) return true;
    // A name that led nowhere is recorded as it was asked for: server__tool.
    return found.upstream === undefined && matchesPattern(compiled, found.name.replace('__', '.'));
  };
}

/** A name that no refusal has would find nothing, ever. */
export function requireReason(reason: string): void {
  const names = Object.keys(refusals);
  if (names.includes(reason)) return;
  const close = nearest(reason, names);
  const hint = close === undefined ? '' : `did you mean ${close}? `;
  throw usageFailure(`--reason "${reason}" is no reason`, `${hint}reasons: ${names.toSorted().join(', ')}`);
}

function hasReason(record: AuditRecord, reason: string | undefined, isObserved: boolean): boolean {
  const found = isObserved ? record.decision?.would : record.outcome?.reason;
  return reason === undefined || found === reason || found?.startsWith(`${reason}:`) === true;
}

function showGroups(groups: readonly RecordGroup[], options: CommonOptions, { terminal }: Context): void {
  if (options.json) for (const group of groups) terminal.json(group);
  else if (groups.length > 0) for (const line of groupLines(groups, terminal.paint)) terminal.print(line);
}

function show(record: AuditRecord, options: CommonOptions, { terminal }: Context): void {
  if (options.json) return terminal.json(record);
  const utcOffset = new Date(record.time).getTimezoneOffset();
  terminal.print(recordLine(record, { paint: terminal.paint, isTerminal: terminal.out.isTerminal, utcOffset }));
}

const breaks: Readonly<Record<Extract<Verdict, { verdict: 'broken' }>['what'], string>> = {
  unreadable: 'the line is not a record',
  hash: 'the record was changed: its hash is not that of its bytes',
  prev: 'it does not follow the record before it',
  seq: 'records are missing, doubled or out of order',
  signature: "the checkpoint's signature does not hold",
  key: 'the checkpoint was signed with a key that is not beside the files',
  file: 'the file does not open with a checkpoint of its own',
  start: 'records are missing at the beginning',
  head: 'the record with the hash of --head is not there: the end was cut off or replaced',
};

function tell(verdict: Verdict, directory: string, isAnchored: boolean, { terminal, host }: Context): void {
  const { paint } = terminal;
  const place = shortPath(directory, host);
  if (verdict.verdict === 'empty') {
    terminal.print(`${paint.dim('·')} ${place}: no records yet`);
    return;
  }
  const count = `${verdict.records} record${verdict.records === 1 ? '' : 's'} in ${verdict.files} file${verdict.files === 1 ? '' : 's'}`;
  if (verdict.verdict === 'broken') {
    const line = verdict.line === 0 ? '' : `:${verdict.line}`;
    terminal.print(
      `${paint.red('✗')} ${place}: ${paint.bold(`broken at seq ${verdict.seq}`)}, ${breaks[verdict.what]}`,
    );
    if (verdict.file !== '') terminal.print(`  ${plain(verdict.file)}${line}`);
    terminal.print(`  ${paint.dim(`${count} before it hold`)}`);
    return;
  }
  terminal.print(`${paint.green('✓')} ${place}: fine, ${count}, seq ${verdict.firstSeq} to ${verdict.lastSeq}`);
  if (verdict.verdict === 'torn') {
    terminal.print(
      `  ${paint.yellow('torn last line')} in ${plain(verdict.file)}: left by a crash or being written now; the next start repairs it`,
    );
  }
  if (verdict.verdict !== 'fine' && verdict.unsealed > 0) {
    const records = `unsealed tail of ${verdict.unsealed} record${verdict.unsealed === 1 ? '' : 's'}`;
    terminal.print(`  ${paint.yellow(records)}: the next checkpoint signs ${verdict.unsealed === 1 ? 'it' : 'them'}`);
  }
  terminal.print(`  ${paint.dim('head')} ${verdict.head}`);
  if (!isAnchored)
    terminal.print(paint.dim('  keep it elsewhere; audit verify --head <hash> then proves that nothing was cut off'));
}
