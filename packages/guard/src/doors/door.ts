/** What every door needs to turn bytes into exchanges. */
import type { Ports } from '../ports.ts';
import type { Rules } from '../rules.ts';
import type { Sessions } from './session.ts';

export interface DoorContext {
  readonly ports: Ports;
  /** The rules in force now. */
  readonly rules: () => Rules;
  /** The next exchange id. */
  readonly nextId: () => string;
  readonly sessions: Sessions;
}
