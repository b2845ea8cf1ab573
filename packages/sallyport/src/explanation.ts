/** What `sallyport explain` says: an exchange stage by stage out of its records, or what policy answers. Pure. */
import {
  refusals,
  stageNames,
  type AuditRecord,
  type Explanation,
  type Origin,
  type PartOutcome,
  type StageName,
} from '@sallyport/guard';
import { duration } from './exchange-line.ts';
import { operatorAdvice } from './operator-advice.ts';
import { reasonName, reasonWords, wouldWords } from './record-line.ts';
import { plain, table, type Paint } from './terminal.ts';

/** How one stage went. */
export interface StageVerdict {
  readonly stage: string;
  readonly verdict: 'passed' | 'refused' | 'not reached';
  readonly ms?: number;
  /** What it found out or why it refused. */
  readonly note?: string;
}

/** Returns each stage's verdict. The records are those of one exchange, oldest first. */
export function stageVerdicts(records: readonly AuditRecord[]): StageVerdict[] {
  const ending = records.findLast((record) => record.kind === 'outcome' || record.kind === 'refusal');
  const last = ending ?? records.at(-1);
  if (last === undefined) return [];
  const times = ending?.outcome?.stages ?? {};
  const refusedAt = ending?.kind === 'refusal' ? Object.keys(times).at(-1) : undefined;
  return stageNames.map((stage, index) => {
    const ms = times[stage];
    if (stage === refusedAt) return { stage, verdict: 'refused', ...time(ms), note: reasonWords(last) ?? '' };
    if (!isPassed(stage, index, ms, ending)) return { stage, verdict: 'not reached' };
    const note = stageNote(stage, last, records);
    return { stage, verdict: 'passed', ...time(ms), ...(note !== undefined && { note }) };
  });
}

function isPassed(stage: StageName, index: number, ms: number | undefined, ending: AuditRecord | undefined): boolean {
  // An intent without an ending was written by the stage before invoke.
  if (ending === undefined) return index < stageNames.indexOf('invoke');
  // Recording and replying end every exchange, refused or not.
  return ms !== undefined || stage === 'record' || stage === 'reply';
}

function time(ms: number | undefined): { ms?: number } {
  return ms === undefined ? {} : { ms };
}

function stageNote(stage: string, last: AuditRecord, records: readonly AuditRecord[]): string | undefined {
  const { principal, target, decision, args, outcome } = last;
  switch (stage) {
    case 'receive':
      return [last.door, last.address].filter((text) => text !== undefined).join(' from ');
    case 'identify':
      return (
        principal &&
        `${principal.id}${principal.roles.length === 0 ? ', no role' : ` as ${principal.roles.join(', ')}`}`
      );
    case 'parse':
      return [last.method, last.era].filter((text) => text !== undefined).join(', ');
    case 'resolve':
      return target && `${target.kind} ${targetKey(target)}${target.effect === undefined ? '' : `, ${target.effect}`}`;
    case 'authorize':
      return decision === undefined ? undefined : decisionWords(decision, last);
    case 'inspect':
      return args?.bytes === undefined ? undefined : `arguments of ${args.bytes} bytes`;
    case 'intend': {
      const intent = records.find((record) => record.kind === 'intent');
      return intent === undefined ? undefined : `record ${intent.seq}`;
    }
    case 'invoke':
      return outcome?.status;
    case 'screen':
      return outcome?.bytes === undefined ? undefined : `answer of ${outcome.bytes} bytes`;
    case 'record':
      return `record ${last.seq}`;
    default:
      return undefined;
  }
}

function decisionWords({ effect, rule }: NonNullable<AuditRecord['decision']>, record: AuditRecord): string {
  const would = wouldWords(record);
  if (would !== undefined) return `only observed, ${would}${rule === undefined ? '' : ` (${rule})`}`;
  return rule === undefined ? effect : `${effect} by ${rule}`;
}

/** `server.name`, or the name alone. */
export function targetKey(target: NonNullable<AuditRecord['target']>): string {
  return target.upstream === undefined ? target.name : `${target.upstream}.${target.name}`;
}

/** Writes the story of an exchange. */
export function exchangeStory(records: readonly AuditRecord[], paint: Paint): string[] {
  const last = records.at(-1);
  if (last === undefined) return [];
  const what = [last.method, last.target && targetKey(last.target)].filter((text) => text !== undefined).join(' ');
  const rows = stageVerdicts(records).map(({ stage, verdict, ms, note }) => {
    if (verdict === 'not reached') return [paint.dim('·'), paint.dim(stage), paint.dim('not reached')];
    const isRefused = verdict === 'refused';
    const mark = isRefused ? paint.red('✗') : paint.green('✓');
    const text = plain(note ?? '');
    return [mark, stage, paint.dim(ms === undefined ? '' : duration(ms)), isRefused ? paint.red(text) : text];
  });
  const client =
    last.client === undefined ? [] : ['', paint.dim(`the caller's program calls itself "${plain(last.client)}"`)];
  const isOpen = !records.some((record) => record.kind === 'outcome' || record.kind === 'refusal');
  const open = isOpen
    ? ['', paint.yellow('No outcome is recorded: it is still running, or the gateway was stopped in the middle of it.')]
    : [];
  return [
    `${paint.bold(plain(last.exchange ?? ''))}  ${last.time}  ${plain(what)}`,
    '',
    ...table(rows, 2),
    ...open,
    ...client,
  ];
}

const policyReasons: ReadonlySet<string> = new Set(['forbidden', 'denied', 'step-up']);

/** Writes what decided an exchange, and what the table of refusals advises. */
export function decisionLines(record: AuditRecord, shown: (at: string) => string, paint: Paint): string[] {
  const lines: string[] = [];
  const { decision, outcome } = record;
  const name = outcome?.reason === undefined ? undefined : reasonName(outcome.reason);
  // What was refused for another reason than policy was not decided by the rule that allowed it.
  const isByRule = name === undefined || policyReasons.has(name);
  if (decision?.at !== undefined && isByRule)
    lines.push(`${paint.dim('Decided by')}  ${paint.bold(shown(decision.at))}  ${plain(decision.rule ?? '')}`);
  if (name === undefined) return lines;
  const { text, advice } = refusals[name];
  // Rows with places to fill speak of one case, whose facts only its caller was told.
  if (name !== 'forbidden' && name !== 'denied') {
    if (!text.includes('{')) lines.push(`${paint.dim('Meaning')}     ${text}`);
    const way = operatorAdvice(record) ?? (advice.includes('{') ? '' : advice);
    if (way !== '') lines.push(`${paint.dim('Way out')}     ${plain(way)}`);
  }
  return lines;
}

/** What stops a call that the rules allow, in words. */
export interface Hindrance {
  /** An operator has blocked it. */
  readonly blocked?: string;
  /** It is not there to be called. */
  readonly absent?: string;
  /** The view asked about does not hold it, or is not for the caller. */
  readonly outside?: string;
  /** The effect that an administrator has assigned; it stops nothing by itself. */
  readonly does?: string;
}

/**
 * Writes what would happen and why, with the smallest change that would turn a no of the rules into a yes.
 *
 * @param hindrance what else stops the call. Default: nothing
 */
export function explanationLines(
  explanation: Explanation,
  shown: (origin: Origin) => string,
  paint: Paint,
  { blocked, absent, outside, does }: Hindrance = {},
): string[] {
  const { decision } = explanation;
  const isAllowed = decision.effect === 'allow';
  const isOpen =
    decision.effect === 'deny' &&
    decision.because === 'condition' &&
    explanation.roles.some(({ grants }) => grants.some(({ condition }) => condition === 'unknown'));
  const head = !isAllowed
    ? isOpen
      ? paint.yellow('? depends on the arguments')
      : paint.red('✗ not allowed')
    : blocked !== undefined
      ? paint.red('✗ blocked')
      : outside !== undefined
        ? paint.red('✗ not at this view')
        : absent !== undefined
          ? paint.yellow('! allowed, but not there')
          : paint.green('✓ allowed');
  const lines = [
    `${head}  ${paint.bold(plain(explanation.key))}${does === undefined ? '' : `, ${does}`}`,
    ...[blocked, outside, absent].flatMap((text) => (text === undefined ? [] : [`  ${paint.red('✗')} ${plain(text)}`])),
    '',
  ];
  const rows: string[][] = [];
  /** Lines below a row, which are as long as they are and widen no column. */
  const below = new Map<number, readonly string[]>();
  for (const rule of explanation.topDenials)
    rows.push([paint.red('✗'), 'deny', plain(rule.pattern), paint.bold(shown(rule.origin))]);
  for (const role of explanation.roles) {
    const name = `role ${role.role}`;
    for (const { rule, condition, source, parts } of role.grants) {
      const isHeld = condition === 'none' || condition === 'holds';
      const when = source === undefined ? '' : `  when ${oneLine(source)}: ${condition}`;
      const isUsed = isHeld && role.missing.length === 0;
      const mark = isUsed ? paint.green('✓') : condition === 'unknown' ? paint.yellow('?') : paint.red('✗');
      rows.push([mark, name, plain(rule.pattern) + when, paint.bold(shown(rule.origin))]);
      if (parts !== undefined && (parts.length > 1 || !isHeld)) {
        below.set(rows.length - 1, parts.map(partWords));
      }
    }
    if (role.missing.length > 0) {
      rows.push([paint.red('✗'), name, `the token lacks ${plain(role.missing.join(' '))}`, '']);
    }
    for (const rule of role.subtractions)
      rows.push([paint.red('✗'), name, `!${plain(rule.pattern)}`, paint.bold(shown(rule.origin))]);
    for (const rule of role.denials)
      rows.push([paint.red('✗'), `${name} deny`, plain(rule.pattern), paint.bold(shown(rule.origin))]);
    if (role.verdict === 'silent') rows.push([paint.dim('·'), name, paint.dim('no line names it')]);
  }
  if (rows.length === 0) rows.push([paint.dim('·'), paint.dim('the caller has no role that the configuration knows')]);
  table(rows, 2).forEach((line, index) => {
    lines.push(line, ...(below.get(index) ?? []).map((part) => paint.dim(`       ${part}`)));
  });
  const rule = decision.effect === 'allow' ? decision.rule : decision.rule;
  if (rule !== undefined)
    lines.push('', `${paint.dim('Decided by')}  ${paint.bold(shown(rule.origin))}  ${plain(rule.pattern)}`);
  lines.push(...changeLines(explanation, paint));
  return lines;
}

/** One part of a condition: how it came out, and what it looked at. */
function partWords({ text, outcome, fault, values }: PartOutcome): string {
  const looked = values.map(({ name, value }) => `${name} = ${shortJson(value)}`);
  const facts = [...looked, ...(fault === undefined ? [] : [fault])];
  const mark = outcome === 'holds' ? '✓' : '✗';
  return plain(`${mark} ${oneLine(text)}${facts.length === 0 ? '' : `   (${facts.join(', ')})`}`);
}

function oneLine(text: string): string {
  return plain(text.replace(/\s+/g, ' ').trim());
}

function shortJson(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length <= 80 ? text : `${text.slice(0, 80)}…`;
}

/** Writes the smallest change that would allow. */
export function changeLines(explanation: Explanation, paint: Paint): string[] {
  const [first, ...others] = explanation.changes;
  if (first === undefined) return [];
  return [
    '',
    `${paint.dim('To allow it')} ${plain(first.text)}`,
    ...others.map((change) => `        ${paint.dim('and')} ${plain(change.text)}`),
  ];
}
