/** One line for one audit record, as `audit tail` and `audit search` show it. Pure. */
import { refusals, type AuditRecord, type RefusalName } from '@sallyport/guard';
import { exchangeLine, type ExchangeLineStyle, type ShownExchange } from './exchange-line.ts';

/** Writes a record as a line: its day, then what `run` shows while exchanges pass. */
export function recordLine(record: AuditRecord, style: ExchangeLineStyle): string {
  const day = new Date(Date.parse(record.time) - style.utcOffset * 60_000).toISOString().slice(0, 10);
  return `${style.paint.dim(day)} ${exchangeLine(summaryOf(record), style)}`;
}

/** What a record says about its exchange. */
export function summaryOf(record: AuditRecord): ShownExchange {
  const { outcome, target } = record;
  const key = target?.upstream === undefined ? target?.name : `${target.upstream}.${target.name}`;
  const isExchange = record.kind === 'outcome' || record.kind === 'refusal';
  return {
    time: Date.parse(record.time),
    id: record.exchange ?? `#${record.seq}`,
    principal: record.principal?.id ?? (isExchange ? undefined : record.kind),
    method: record.method ?? record.kind,
    target: key,
    effect: effectOf(record),
    text: textOf(record),
    ms: outcome?.ms ?? 0,
  };
}

function textOf(record: AuditRecord): string | undefined {
  if (record.kind === 'intent') return 'about to happen';
  const would = wouldWords(record);
  if (would !== undefined && record.kind === 'outcome') return would;
  if (record.kind === 'admin') return [record.method, reasonWords(record)].filter(Boolean).join(', ');
  return record.outcome?.status === 'ok' && record.kind === 'outcome' ? undefined : reasonWords(record);
}

function effectOf(record: AuditRecord): ShownExchange['effect'] {
  if (record.kind === 'refusal') return 'refused';
  if (record.kind !== 'outcome') return 'ok';
  if (isFailure(record.outcome?.status)) return 'error';
  return record.decision?.effect === 'observe' ? 'observed' : 'ok';
}

/** Streams and sessions end with what happened to them, which is no failure. */
function isFailure(status: string | undefined): boolean {
  return status !== undefined && (status === 'tool error' || status === 'error' || status.startsWith('error '));
}

/** What policy would have refused, in a few words, where it was only observed. */
export function wouldWords(record: AuditRecord): string | undefined {
  const would = record.decision?.would;
  return would === undefined ? undefined : `would refuse: ${wordsFor(would, record)}`;
}

/** Why an exchange ended as it did, in a few words. */
export function reasonWords(record: AuditRecord): string | undefined {
  const reason = record.outcome?.reason;
  return reason === undefined ? record.outcome?.status : wordsFor(reason, record);
}

function wordsFor(reason: string, record: AuditRecord): string {
  const name = reasonName(reason);
  if (name === undefined) return reason;
  if (name === 'forbidden' || name === 'denied') {
    const rule = record.decision?.rule;
    // A denial of the whole file has nothing to do with the caller's roles.
    const what = name === 'denied' ? 'not allowed with these arguments' : 'not allowed';
    return `${what}: ${rule?.startsWith('deny: ') === true ? rule : rolesWords(record)}`;
  }
  // The case's own facts are for the caller; the note behind the name is for operators.
  const note = reason.slice(name.length).replace(/^: /, '');
  return note === '' ? name : `${name}: ${note}`;
}

/** The refusal that a record's reason names. */
export function reasonName(reason: string): RefusalName | undefined {
  const [name = ''] = reason.split(':');
  return isRefusalName(name) ? name : undefined;
}

function isRefusalName(name: string): name is RefusalName {
  return Object.hasOwn(refusals, name);
}

function rolesWords(record: AuditRecord): string {
  const roles = record.principal?.roles ?? [];
  if (roles.length === 0) return 'no role';
  return `${roles.length === 1 ? 'role' : 'roles'} ${roles.join(', ')}`;
}
