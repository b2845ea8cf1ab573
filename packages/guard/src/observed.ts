/** Keeps what policy would have refused, where it is only observed. The first refusal counts: it would have ended it all. */
import type { Received } from './exchange.ts';
import type { Refusal, StageName } from './refusals.ts';

/** Notes a refusal that is not carried out. */
export function noteObserved(exchange: Received, stage: StageName, refusal: Refusal): void {
  exchange.observed ??= { stage, refusal };
}
