/** Puts on disk who is about to do what, before anything happens. No record, no action. */
import { draftRecord } from '../audit/draft.ts';
import { encodeFacts } from '../audit/record.ts';
import type { Inspected, Intended } from '../exchange.ts';
import type { Ports } from '../ports.ts';
import { refuse, type Refusal } from '../refusals.ts';

/** Writes the intent of an effectful method; at durability `interval` it does not wait for the disk. */
export function intend(exchange: Inspected, ports: Ports): Intended | Refusal | Promise<Intended | Refusal> {
  if (exchange.method?.needsIntent !== true) return exchange;
  const draft = draftRecord('intent', exchange);
  const facts = encodeFacts(draft);
  const intent = ports.audit.append({ ...draft, facts });
  if (typeof intent !== 'number') return refuse('unrecorded', { note: intent.refused, retryAfterMs: 1000 });
  if (ports.audit.durability === 'interval') return Object.assign(exchange, { intent, facts });
  const durable = ports.audit.durable(intent);
  if (durable === undefined) return Object.assign(exchange, { intent, facts });
  return durable.then((state) =>
    state === 'durable'
      ? Object.assign(exchange, { intent, facts })
      : refuse('unrecorded', { note: 'the intent could not be written', retryAfterMs: 1000 }),
  );
}
