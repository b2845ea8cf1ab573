/** What conditions may look at: plain data about one call. */
import type { Principal, Target } from '../exchange.ts';

/** The caller as conditions see it. */
export interface CallerFacts {
  readonly id: string;
  readonly kind: string;
  readonly roles: readonly string[];
  /** Absent where no program acts for the person. */
  readonly agent?: string;
  /** Absent for credentials that know no scopes. */
  readonly scopes?: readonly string[];
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** The target as conditions see it. */
export interface TargetFacts {
  readonly server: string;
  /** The upstream's own name: tool, prompt or URI. */
  readonly name: string;
  /** `server.name`. */
  readonly key: string;
  readonly kind: string;
  /** Absent where the administrator assigned none. */
  readonly effect?: string;
}

/** Everything that a condition may look at. */
export interface CallFacts {
  readonly args: unknown;
  readonly caller: CallerFacts;
  readonly target: TargetFacts;
}

/** The same before the arguments are known. */
export type KnownFacts = Omit<CallFacts, 'args'>;

type Caller = Pick<Principal, 'id' | 'kind' | 'roles' | 'agent' | 'scopes' | 'claims'>;

const callers = new WeakMap<Caller, CallerFacts>();

/** Returns the facts about a caller, made once. */
export function callerFacts(principal: Caller): CallerFacts {
  let facts = callers.get(principal);
  if (facts === undefined) {
    const { id, kind, roles, agent, scopes, claims } = principal;
    facts = {
      id,
      kind,
      roles,
      ...(agent === undefined ? {} : { agent }),
      ...(scopes === undefined ? {} : { scopes }),
      ...(claims === undefined ? {} : { claims }),
    };
    callers.set(principal, facts);
  }
  return facts;
}

/** Returns the facts about a target. */
export function targetFacts(target: Pick<Target, 'kind' | 'name' | 'key' | 'upstream' | 'effect'>): TargetFacts {
  const { kind, name, key, upstream, effect } = target;
  return { server: upstream ?? '', name, key, kind, ...(effect === undefined ? {} : { effect }) };
}
