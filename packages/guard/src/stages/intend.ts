/** Puts on disk who is about to do what, before anything happens. No record, no action. */
import { draftRecord } from '../audit/draft.ts';
import { encodeFacts } from '../audit/record.ts';
import type { Filling, Inspected, Intended } from '../exchange.ts';
import type { Ports } from '../ports.ts';
import { refuse, type Refusal } from '../refusals.ts';

/** Writes the intent of an effectful method; at durability `interval` it does not wait for the disk. */
export function intend(exchange: Inspected, ports: Ports): Intended | Refusal | Promise<Intended | Refusal> {
  if (exchange.method?.needsIntent !== true) return exchange;
  const draft = draftRecord('intent', exchange);
  const facts = encodeFacts(draft);
  draft.facts = facts;
  const intent = ports.audit.append(draft);
  if (typeof intent !== 'number') return refuse('unrecorded', { note: intent.refused, retryAfterMs: 1000 });
  const intended = exchange as Filling<Intended>;
  if (ports.audit.durability === 'interval') return fill(intended, intent, facts);
  const durable = ports.audit.durable(intent);
  if (durable === undefined) return fill(intended, intent, facts);
  return durable.then((state) =>
    state === 'durable'
      ? fill(intended, intent, facts)
      : refuse('unrecorded', { note: 'the intent could not be written', retryAfterMs: 1000 }),
  );
}

function fill(intended: Filling<Intended>, intent: number, facts: string): Intended {
  intended.intent = intent;
  intended.facts = facts;
  return intended;
}
