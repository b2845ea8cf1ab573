/** `sallyport explain`: why an exchange ended as it did, or what policy would answer to a call. */
import {
  callerFacts,
  compilePolicy,
  explainDecision,
  readRecords,
  targetFacts,
  type AuditRecord,
  type BlockRow,
  type Explanation,
  type GrantKind,
  type Origin,
} from '@sallyport/guard';
import {
  askedOf,
  askerOf,
  indexBlocks,
  readTestCaller,
  systemClock,
  toEffects,
  toPolicyModel,
  type ConfigOutline,
  type TestCaller,
} from '@sallyport/gateway';
import { readArguments } from '../arguments.ts';
import { requireOutline } from '../configuration.ts';
import { ownCommand, shortPath, type CommonOptions, type Context } from '../context.ts';
import {
  decisionLines,
  changeLines,
  exchangeStory,
  explanationLines,
  stageVerdicts,
  targetKey,
} from '../explanation.ts';
import { exitCodes, Failure, systemCode, usageFailure } from '../failure.ts';
import { askServer, whyAbsent } from '../running.ts';
import { shellQuote } from '../shell.ts';
import { readBlocks, withStore } from '../store.ts';
import { keyOfSpoken } from '../try-out.ts';
import { outsideWords } from '../view-words.ts';

/** Options of `explain`. */
export interface ExplainOptions extends CommonOptions {
  /** A role. */
  readonly as?: string;
  /** A view. */
  readonly at?: string;
  /** A key's name. */
  readonly key?: string;
  /** What else is known of the caller, as JSON. */
  readonly caller?: string;
}

const grantKinds: Readonly<Record<string, GrantKind>> = { tool: 'tools', resource: 'resources', prompt: 'prompts' };

/** Explains an exchange (exit 0) or answers a question (exit 1 when the answer is no). */
export async function explain(words: readonly string[], options: ExplainOptions, context: Context): Promise<number> {
  const [asked = '', given] = words;
  if (options.as !== undefined && options.key !== undefined)
    throw usageFailure('--as and --key exclude each other', 'give one of them');
  const config = await requireOutline(options, context);
  // Callers read names in the form `server__tool`, and ask by what they read.
  const servers = config.upstreams.map(({ name }) => name);
  const subject = keyOfSpoken(asked, servers);
  const isQuestion = options.as !== undefined || options.key !== undefined || subject.includes('.');
  if (isQuestion) return explainQuestion(subject, given, options, config, context);
  return explainExchange(subject, options, config, context);
}

async function explainExchange(
  id: string,
  options: ExplainOptions,
  config: ConfigOutline,
  context: Context,
): Promise<number> {
  const { terminal, host } = context;
  const records = await recordsOf(id, config);
  const last = records.at(-1);
  if (last === undefined) {
    throw new Failure(`no exchange ${id} in the audit trail`, 'see the latest:  sallyport audit tail');
  }
  const isObserved = last.decision?.effect === 'observe';
  const explanation = last.kind === 'refusal' || isObserved ? explainAgain(last, config) : undefined;
  if (options.json) {
    terminal.json({
      exchange: id,
      stages: stageVerdicts(records),
      decision: last.decision,
      changes: explanation?.changes.map(({ text, origin }) => ({ text, at: origin })) ?? [],
      records,
    });
    return exitCodes.fine;
  }
  const { paint } = terminal;
  const decided = decisionLines(last, (at) => shortPath(at, host), paint);
  const lines = [...exchangeStory(records, paint), ...(decided.length === 0 ? [] : ['', ...decided])];
  if (explanation !== undefined) lines.push(...changeLines(shorten(explanation, context), paint));
  if (explanation !== undefined && hasOpenCondition(explanation)) lines.push('', paint.dim(openWords(explanation.key)));
  for (const line of lines) terminal.print(line);
  return exitCodes.fine;
}

async function recordsOf(id: string, config: ConfigOutline): Promise<AuditRecord[]> {
  const records: AuditRecord[] = [];
  try {
    for await (const record of readRecords(config.audit.directory, { exchange: id })) records.push(record);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
  return records;
}

/** Asks the rules in force now about what was refused then, for the change that would allow it. */
function explainAgain(record: AuditRecord, config: ConfigOutline): Explanation | undefined {
  const { target, principal, outcome, decision } = record;
  const isPolicy = /^(?:forbidden|denied|step-up)\b/.test(decision?.would ?? outcome?.reason ?? '');
  const kind = target && grantKinds[target.kind];
  if (!isPolicy || target === undefined || kind === undefined) return undefined;
  const policy = compilePolicy(toPolicyModel(config));
  const key = targetKey(target);
  const asker = askerOf(principal?.roles ?? [], callerOf(principal), policy);
  const known = { caller: callerFacts(asker), target: targetFacts(askedOf(kind, key, toEffects(config))) };
  // Of a resource the trail has everything that a condition can see; of a call a digest of its arguments only.
  const facts = kind === 'resources' ? { ...known, args: { uri: known.target.name } } : known;
  return explainDecision(asker.access, kind, key, facts);
}

function callerOf(principal: AuditRecord['principal']): TestCaller {
  if (principal === undefined) return {};
  const kind = callerKinds.find((known) => known === principal.kind);
  return { id: principal.id, ...(kind && { kind }), ...(principal.agent !== undefined && { agent: principal.agent }) };
}

const callerKinds = ['key', 'jwt', 'cert', 'local', 'account', 'anonymous'] as const;

function hasOpenCondition({ roles }: Explanation): boolean {
  return roles.some(({ grants }) => grants.some(({ condition }) => condition === 'unknown'));
}

function openWords(key: string): string {
  return `The trail keeps only a digest of the arguments, and no scopes or claims, so conditions on them stay open. Ask with them:  sallyport explain --as ROLE ${key} '{…}'`;
}

async function explainQuestion(
  subject: string,
  given: string | undefined,
  options: ExplainOptions,
  config: ConfigOutline,
  context: Context,
): Promise<number> {
  const { terminal, host } = context;
  const [server = ''] = subject.split('.');
  const known = config.upstreams.map((upstream) => upstream.name);
  if (!subject.includes('.') || !known.includes(server)) {
    const servers = known.length === 0 ? 'there are no upstreams yet' : `upstreams here: ${known.join(', ')}`;
    throw usageFailure(`"${subject}" is no tool of an upstream`, `write it as upstream.tool; ${servers}`);
  }
  const args = given === undefined ? undefined : await readArguments(given, host);
  const { roles, caller, from } = await askedRoles(options, config, context);
  const kind: GrantKind = subject.includes('://') ? 'resources' : 'tools';
  const asker = askerOf(roles, await readCaller(caller, options, context), compilePolicy(toPolicyModel(config)));
  const facts = { caller: callerFacts(asker), target: targetFacts(askedOf(kind, subject, toEffects(config))) };
  const looked = kind === 'resources' ? { uri: facts.target.name } : args;
  const explanation = explainDecision(
    asker.access,
    kind,
    subject,
    looked === undefined ? facts : { ...facts, args: looked },
  );
  const stop = await findBlock(subject, server, caller, config);
  const asked = kind === 'tools' ? await askServer(config.files, server) : undefined;
  const absence = asked && whyAbsent(asked, subject.slice(server.length + 1));
  const isPermitted = explanation.decision.effect === 'allow';
  const outside = options.at === undefined ? undefined : outsideWords(options.at, roles, kind, subject, config, host);
  const isAllowed = isPermitted && stop === undefined && absence === undefined && outside === undefined;
  if (options.json) {
    const { decision, changes } = explanation;
    const rule = decision.rule;
    terminal.json({
      target: subject,
      caller,
      roles,
      ...(from !== undefined && { from }),
      effect: isPermitted && (stop !== undefined || outside !== undefined) ? 'deny' : decision.effect,
      rule,
      ...(facts.target.effect !== undefined && { does: facts.target.effect }),
      ...(outside !== undefined && { outside }),
      ...(stop !== undefined && { blocked: { kind: stop.kind, subject: stop.subject } }),
      ...(absence !== undefined && { absent: absence }),
      changes: changes.map(({ text, origin }) => ({ text, at: origin })),
    });
  } else {
    const shown = (origin: Origin) => `${shortPath(origin.file, host)}:${origin.line}:${origin.column}`;
    const beside = {
      ...(stop !== undefined && { blocked: blockWords(stop, options, context) }),
      ...(absence !== undefined && { absent: absence }),
      ...(outside !== undefined && { outside }),
      ...(facts.target.effect !== undefined && { does: facts.target.effect }),
    };
    for (const line of explanationLines(shorten(explanation, context), shown, terminal.paint, beside))
      terminal.print(line);
    if (from !== undefined) {
      terminal.print();
      terminal.print(terminal.paint.dim(`${caller} is refused anywhere but at ${from.join(', ')}.`));
    }
    if (config.mode === 'observe' && !isPermitted && stop === undefined && outside === undefined) {
      const isHeld = explanation.topDenials.length > 0;
      terminal.print();
      terminal.print(terminal.paint.yellow(isHeld ? observedDenial : observedOnly));
    }
  }
  return isAllowed ? exitCodes.fine : exitCodes.refused;
}

const observedOnly = 'mode: observe lets it pass all the same, and records it.';
const observedDenial = 'mode: observe does not let it pass: the top-level deny list holds.';

/** The block that stops this call: of the caller, of the server, or of the tool. */
async function findBlock(
  subject: string,
  server: string,
  caller: string,
  config: ConfigOutline,
): Promise<BlockRow | undefined> {
  const blocks = indexBlocks(await readBlocks(config), systemClock);
  const isTool = !subject.includes('://');
  return (
    blocks.find('caller', caller) ??
    blocks.find('upstream', server) ??
    (isTool ? blocks.find('tool', subject) : undefined)
  );
}

function blockWords({ kind, subject, expiresAt }: BlockRow, options: CommonOptions, { host }: Context): string {
  const until = expiresAt === undefined ? '' : ` until ${new Date(expiresAt).toISOString().slice(0, 16)}Z`;
  const noun = subject.includes('*') ? 'every tool' : `the ${kind}`;
  return `${noun} ${subject} is blocked${until}; lift it:  ${ownCommand('unblock', shellQuote(subject), options, host)}`;
}

/** What `--caller` says of the caller, in the form of `tests:`. */
async function readCaller(id: string, { caller }: ExplainOptions, { host }: Context): Promise<TestCaller> {
  const isRole = id.startsWith('role ');
  const own: TestCaller = isRole ? {} : { id, kind: id.startsWith('local:') ? 'local' : 'key' };
  if (caller === undefined) return own;
  const told = await readArguments(caller, host);
  const read = readTestCaller(told);
  if (typeof read === 'string') {
    throw usageFailure(`--caller: ${read}`, `write it like '{"scopes": ["mcp:read"], "agent": "agent-7"}'`);
  }
  return { ...own, ...read };
}

async function askedRoles(
  options: ExplainOptions,
  config: ConfigOutline,
  context: Context,
): Promise<{ roles: readonly string[]; caller: string; from?: readonly string[] }> {
  if (options.key !== undefined) {
    const { key } = options;
    const found = await withStore(config, async (store) => (await store.keys.list()).find((one) => one.name === key));
    if (found === undefined) throw new Failure(`no key called "${key}"`, 'see them:  sallyport keys list');
    const { from, roles } = found;
    return { roles, caller: `key:${key}`, ...(from !== undefined && { from }) };
  }
  const role = options.as ?? config.callers.local;
  if (role === undefined) throw usageFailure('for whom?', 'give --as ROLE or --key NAME');
  if (!config.roles.some((one) => one.name === role)) {
    throw usageFailure(`no role called "${role}"`, `roles here: ${config.roles.map((one) => one.name).join(', ')}`);
  }
  return { roles: [role], caller: options.as === undefined ? `local:${context.host.user}` : `role ${role}` };
}

/** Writes the file names in the changes as short as everywhere else. */
function shorten(explanation: Explanation, { host }: Context): Explanation {
  const changes = explanation.changes.map((change) => {
    const file = change.origin?.file;
    return file === undefined ? change : { ...change, text: change.text.replaceAll(file, shortPath(file, host)) };
  });
  return { ...explanation, changes };
}
