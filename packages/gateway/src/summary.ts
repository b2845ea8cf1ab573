/** One finished exchange in a few words, for the live view and for metrics. */
import {
  describeRefusal,
  refusals,
  type QuirkName,
  type Recorded,
  type Refusal,
  type RefusalRow,
} from '@sallyport/guard';

/** What the terminal shows of an exchange. */
export interface ExchangeSummary {
  /** Wall time of arrival, milliseconds. */
  readonly time: number;
  readonly id: string;
  readonly principal: string | undefined;
  readonly door: string;
  readonly era: string | undefined;
  readonly method: string | undefined;
  /** `server.name` for a tool, prompt or resource. */
  readonly target: string | undefined;
  readonly upstream: string | undefined;
  /** `observed` is what passed although policy would have refused it. */
  readonly effect: 'ok' | 'refused' | 'error' | 'observed';
  /** Name of the refusal's row. */
  readonly reason: string | undefined;
  /** The stage that refused. */
  readonly stage: string | undefined;
  /** What policy would have refused, where it is only observed; `undefined` elsewhere. */
  readonly would: { readonly stage: string; readonly reason: string } | undefined;
  /** Why, for the operator: more than the caller is told. */
  readonly text: string | undefined;
  readonly ms: number;
  /** Known habits of client programs that it showed. */
  readonly quirks: readonly QuirkName[];
}

const noQuirks: readonly QuirkName[] = [];

/** Sums up an exchange that has been recorded; `ended` is monotonic time. */
export function summarize(exchange: Recorded, ended: number): ExchangeSummary {
  const { target, observed } = exchange;
  const isRefused = 'refusal' in exchange;
  return {
    time: exchange.time,
    id: exchange.id,
    principal: exchange.principal?.id,
    door: exchange.door,
    era: exchange.era,
    method: exchange.message === undefined ? exchange.head?.method : (exchange.message.method ?? 'response'),
    target: target === undefined || target.kind === 'list' || target.kind === 'protocol' ? undefined : target.key,
    upstream: target?.upstream,
    effect: isRefused
      ? 'refused'
      : exchange.screened.kind === 'error' || exchange.screened.isToolError
        ? 'error'
        : observed === undefined
          ? 'ok'
          : 'observed',
    reason: isRefused ? exchange.refusal.name : undefined,
    stage: isRefused ? exchange.refusedAt : undefined,
    would: observed && { stage: observed.stage, reason: observed.refusal.name },
    text: isRefused
      ? explainShortly(exchange.refusal, exchange)
      : observed && `would refuse: ${explainShortly(observed.refusal, exchange)}`,
    ms: ended - exchange.started,
    quirks: exchange.quirks ?? noQuirks,
  };
}

function explainShortly(refusal: Refusal, exchange: Recorded): string {
  const { principal, decision } = exchange;
  if (refusal.name === 'forbidden') {
    const rule = decision?.rule;
    // A denial of the whole file has nothing to do with the caller's roles.
    if (rule?.view !== undefined) return `not in view ${rule.view}`;
    if (rule !== undefined && rule.role === undefined) return `not allowed: deny: ${rule.pattern}`;
    const roles = principal?.roles.join(', ') ?? '';
    return `not allowed: role ${roles}${rule === undefined ? '' : `, ${rule.pattern}`}`;
  }
  if (refusal.name === 'denied') {
    const where = decision?.rule === undefined ? '' : `, ${decision.rule.pattern}`;
    return `not allowed with these arguments: role ${principal?.roles.join(', ') ?? ''}${where}`;
  }
  const row: RefusalRow = refusals[refusal.name];
  if (row.shows === 'unknown') return describeRefusal(refusal, undefined, exchange.id).replace(/^U/, 'u');
  const text = describeRefusal(refusal, undefined, '')
    .replace('Sallyport refused: ', '')
    .replace(/\. .*$/s, '');
  const { note } = refusal;
  return note === undefined || text.endsWith(note) ? text : `${text} (${note})`;
}
