/** Writes how it ended. Every exchange passes here, refused or answered. */
import { draftRecord, round, stageTimes } from '../audit/draft.ts';
import type { RecordOutcome } from '../audit/record.ts';
import type { Ended, Filling, Recorded } from '../exchange.ts';
import { senderOf } from '../addresses.ts';
import type { Ports } from '../ports.ts';
import { refusals, type RefusalRow } from '../refusals.ts';

/** Refusals of callers without a name: how many of one address and reason are recorded one by one. */
const nameless = { tokens: 10, perMs: 1000, burst: 10 };

/** Records the outcome. The caller's place is given back by the door, once the answer is out. */
export function record(exchange: Ended, ports: Ports): Recorded | Promise<Recorded> {
  untrack(exchange);
  if (exchange.message?.kind === 'notification' || exchange.message?.kind === 'response') {
    if (!('refusal' in exchange)) return exchange;
  }
  if ('refusal' in exchange && exchange.principal === undefined && !isOneByOne(exchange, ports)) return exchange;
  const kind = 'refusal' in exchange ? 'refusal' : 'outcome';
  const draft = draftRecord(kind, exchange);
  draft.outcome = describeOutcome(exchange, ports);
  draft.isOwed = exchange.intent !== undefined;
  const outcome = ports.audit.append(draft);
  if (typeof outcome !== 'number') return exchange;
  const recorded = exchange as Filling<Recorded>;
  recorded.outcome = outcome;
  if (ports.audit.durability !== 'full' || exchange.intent === undefined) return recorded;
  const durable = ports.audit.durable(outcome);
  return durable === undefined ? recorded : durable.then(() => recorded);
}

function untrack(exchange: Ended): void {
  const id = exchange.message?.id;
  if (exchange.message?.kind !== 'request' || id === undefined || id === null) return;
  (exchange.connection ?? exchange.session)?.untrack(id, exchange.cancellation);
}

function describeOutcome(exchange: Ended, ports: Ports): RecordOutcome {
  const ms = round(ports.clock.monotonic() - exchange.started);
  const stages = stageTimes(exchange);
  if ('refusal' in exchange) {
    const row: RefusalRow = refusals[exchange.refusal.name];
    const note = exchange.refusal.note;
    return {
      status: String(row.status),
      reason: note === undefined ? exchange.refusal.name : `${exchange.refusal.name}: ${note}`,
      ms,
      stages,
    };
  }
  const { screened } = exchange;
  return { status: statusOf(screened), bytes: screened.body.length, ms, stages };
}

function statusOf(answer: {
  readonly kind: 'result' | 'error';
  readonly code?: number;
  readonly isToolError: boolean;
}) {
  if (answer.kind === 'error') return `error ${answer.code ?? ''}`.trimEnd();
  return answer.isToolError ? 'tool error' : 'ok';
}

/**
 * Bounds what nameless callers can make us write: ten records a second for each address and reason, then one a
 * second with the number of those left out.
 */
function isOneByOne(exchange: Ended & { readonly refusal: { readonly name: string } }, ports: Ports): boolean {
  const bucket = `refusals:${senderOf(exchange.address)}:${exchange.refusal.name}`;
  if (ports.buckets.take(bucket, nameless).isAllowed) return true;
  ports.unrecorded.count(exchange.address, exchange.refusal.name);
  return false;
}
