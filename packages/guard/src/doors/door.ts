/** What every door needs to turn bytes into exchanges. */
import { draftRecord, round } from '../audit/draft.ts';
import type { Received } from '../exchange.ts';
import type { Ports } from '../ports.ts';
import type { Rules } from '../rules.ts';
import type { Conversations } from './conversations.ts';
import type { Pages } from './pages.ts';
import type { Sessions } from './session.ts';

export interface DoorContext {
  readonly ports: Ports;
  /** The rules in force now. */
  readonly rules: () => Rules;
  /** The next exchange id. */
  readonly nextId: () => string;
  readonly sessions: Sessions;
  readonly conversations: Conversations;
  /** Web pages of the product beside the doors; none by default. */
  readonly pages?: Pages;
}

/** Writes the record of something that has no message: a stream that opened, a session that ended. */
export function noteStatus(exchange: Received, status: string, { ports }: Pick<DoorContext, 'ports'>): void {
  const ms = round(ports.clock.monotonic() - exchange.started);
  ports.audit.append({ ...draftRecord('outcome', exchange), outcome: { status, ms } });
}
