/** One check of a value against a schema: where it stands, what it may still cost, and the first fault. */
import type { ArgumentFault } from '../exchange.ts';

/** The state of one check. */
export interface Run {
  /** Member names and positions from the root to the value being checked. */
  readonly path: (string | number)[];
  /** Above 0 while a fault would only mean that one of several alternatives does not fit. */
  quiet: number;
  fault: ArgumentFault | undefined;
  /** A fault that no alternative can heal. */
  stop: ArgumentFault | undefined;
  /** Steps left. */
  steps: number;
  /** Schemas entered and not left. */
  depth: number;
}

/** Which members and items the schemas that held have looked at. */
export interface Seen {
  isAllMembers: boolean;
  readonly members: Set<string>;
  /** Items before this position; `Infinity` for all. */
  items: number;
  readonly scattered: Set<number>;
}

/** Checks a value; on `false` the run holds a fault, unless it is quiet. */
export type Check = (value: unknown, run: Run, seen: Seen | undefined) => boolean;

/** Schemas that may be entered within one another, which is far above any schema over data of bounded depth. */
const DEEPEST = 1000;
const LONGEST_PATH = 256;

/** Starts a check. */
export function startRun(steps: number): Run {
  return { path: [], quiet: 0, fault: undefined, stop: undefined, steps, depth: 0 };
}

/** Starts to note what schemas look at. */
export function startSeen(): Seen {
  return { isAllMembers: false, members: new Set(), items: 0, scattered: new Set() };
}

/** Steps for noting one member, which costs more than looking at it. */
export const NOTING = 6;

/** Adds what a schema that held has looked at; false when the check has no steps left for that. */
export function mergeSeen(into: Seen, from: Seen, run: Run): boolean {
  if (!spend(run, NOTING * (from.members.size + from.scattered.size))) return false;
  into.isAllMembers ||= from.isAllMembers;
  for (const member of from.members) into.members.add(member);
  into.items = Math.max(into.items, from.items);
  for (const index of from.scattered) into.scattered.add(index);
  return true;
}

/** Characters that would break or reorder a line in which a message is shown. */
const UNFIT = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

/** Makes a text of others fit for a message: one line, in the order it is written, whole characters. */
export function clean(text: string): string {
  return text.toWellFormed().replaceAll(UNFIT, '\ufffd');
}

function faultAt(run: Run, keyword: string, message: string): ArgumentFault {
  let path = '';
  for (const token of run.path) {
    path += `/${clean(String(token).slice(0, LONGEST_PATH)).replaceAll('~', '~0').replaceAll('/', '~1')}`;
    if (path.length > LONGEST_PATH) {
      path = `${path.slice(0, LONGEST_PATH)}…`;
      break;
    }
  }
  return { path, keyword, message };
}

/** Notes a fault and returns false. */
export function fail(run: Run, keyword: string, message: string): false {
  if (run.quiet === 0) run.fault ??= faultAt(run, keyword, message);
  return false;
}

/** Ends the check with a fault that `not`, `anyOf` and the like cannot turn around, and returns false. */
export function stop(run: Run, keyword: string, message: string): false {
  run.stop ??= faultAt(run, keyword, message);
  return false;
}

/** Takes steps from what the check may cost; false, with the check stopped, when there are none left. */
export function spend(run: Run, steps: number): boolean {
  if (run.stop !== undefined) return false;
  run.steps -= steps;
  return run.steps >= 0 || stop(run, 'cost', 'takes too long to check');
}

/** Tries an alternative without keeping its faults. */
export function attempt(check: Check, value: unknown, run: Run, seen: Seen | undefined): boolean {
  run.quiet += 1;
  const holds = check(value, run, seen);
  run.quiet -= 1;
  return holds;
}

/** Checks a member or an item. Children note what they look at by themselves. */
export function descend(check: Check, value: unknown, token: string | number, run: Run): boolean {
  run.path.push(token);
  const holds = check(value, run, undefined);
  run.path.pop();
  return holds;
}

/** Puts the keywords of one schema together. */
export function allOfChecks(checks: readonly Check[], cost: number): Check {
  return (value, run, seen) => {
    if (!spend(run, cost)) return false;
    if (run.depth >= DEEPEST) return stop(run, 'cost', 'takes too long to check');
    run.depth += 1;
    for (const check of checks) {
      if (check(value, run, seen)) continue;
      run.depth -= 1;
      return false;
    }
    run.depth -= 1;
    return run.stop === undefined;
  };
}
