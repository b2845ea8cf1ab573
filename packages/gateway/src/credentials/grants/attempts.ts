/**
 * Consents that are under way: a link that is good once and for ten minutes, the browser that opened it, and everybody
 * who waits for the end. In memory: after a restart people begin again.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Cancellation, Clock, Random } from '@sallyport/guard';
import type { Timers } from '../../upstreams/ports.ts';
import type { ClientIdentity } from './grant.ts';
import type { ResourcePlan } from './resource-plan.ts';

/** How a consent ended. */
export type ConsentEnd = { readonly kind: 'connected' } | { readonly kind: 'failed'; readonly detail: string };

/** What the browser was sent away with. */
export interface Departure {
  /** Digest of the cookie of the browser that confirmed. */
  readonly browser: string;
  readonly verifier: string;
  readonly client: ClientIdentity;
  readonly redirectUri: string;
}

/** One consent under way. */
export interface Attempt {
  /** The secret part of its link. */
  readonly id: string;
  /** Short; shown to the person in the program and on the page. */
  readonly code: string;
  readonly server: string;
  readonly principal: string;
  readonly plan: ResourcePlan;
  /** Scopes that earlier consents covered are among those of the plan; these are the new ones. */
  readonly more: readonly string[];
  /** Monotonic time of its end. */
  readonly until: number;
  /** Set once the person confirmed. */
  departure: Departure | undefined;
  /** `state` of the authorization request. */
  state: string | undefined;
  end: ConsentEnd | undefined;
}

/** Consents under way. */
export interface Attempts {
  /** Begins one, or goes on with the one that this principal has for the same thing; `undefined` when there are too many. */
  begin(wish: Pick<Attempt, 'server' | 'principal' | 'plan' | 'more'>): Attempt | undefined;
  /** One that has neither ended nor run out. */
  find(id: string): Attempt | undefined;
  /** One of this principal, ended ones too. */
  findOwn(id: string, principal: string): Attempt | undefined;
  /** Finds the one that a `state` belongs to, once. */
  takeState(state: string): Attempt | undefined;
  /** Notes that the person has confirmed; false when that has happened before. */
  depart(attempt: Attempt, departure: Departure): string | undefined;
  finish(attempt: Attempt, end: ConsentEnd): void;
  /** Ends all of this principal at this server as connected: one consent is enough. */
  connected(server: string, principal: string): void;
  /** Waits for the end; `undefined` when it does not come in time. */
  wait(attempt: Attempt, ms: number, cancellation: Cancellation): Promise<ConsentEnd | undefined>;
  /** Ends those of a server, of a principal, or of both. */
  endFor(which: { readonly server?: string; readonly principal?: string }, detail: string): void;
  /** What the form of an attempt carries, so that only the page that this browser was shown can send it. */
  formToken(attempt: Attempt, cookie: string): string;
  isFormToken(attempt: Attempt, cookie: string, token: string): boolean;
}

/** What attempts need. */
export interface AttemptsOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly timers: Timers;
  /** How long a link is good, milliseconds. Default ten minutes. */
  readonly lifeMs?: number;
  /** Of one principal. Default 8. */
  readonly perPrincipal?: number;
  /** In all. Default 1,024. */
  readonly total?: number;
}

/** How long an attempt that has ended is remembered, so that whoever waits for it finds out. */
const AFTER_MS = 120_000;
/** Attempts of one principal that are remembered after their end, so that nobody fills the table with them. */
const ENDED_KEPT = 2;
const CODE_LETTERS = 'BCDFGHJKLMNPQRSTVWXZ';

/** Makes the table of consents under way. */
export function createAttempts(options: AttemptsOptions): Attempts {
  const { clock, random, timers } = options;
  const { lifeMs = 600_000, perPrincipal = 8, total = 1024 } = options;
  const attempts = new Map<string, Attempt>();
  const states = new Map<string, Attempt>();
  const waiting = new Map<Attempt, Set<() => void>>();
  const formKey = random.bytes(32);
  const randomText = (length: number): string => Buffer.from(random.bytes(length)).toString('base64url');

  const isOpen = (attempt: Attempt): boolean => attempt.end === undefined && clock.monotonic() < attempt.until;

  function sweep(): void {
    const now = clock.monotonic();
    for (const attempt of attempts.values()) {
      if (now < attempt.until) continue;
      if (attempt.end === undefined) finish(attempt, { kind: 'failed', detail: 'nobody came back in time' });
      if (now >= attempt.until + AFTER_MS) drop(attempt);
    }
  }

  function drop(attempt: Attempt): void {
    attempts.delete(attempt.id);
    if (attempt.state !== undefined) states.delete(attempt.state);
  }

  /** Forgets those of a principal that have ended, the oldest first, but for a few: the table is everybody's. */
  function dropEnded(principal: string): void {
    const ended = [...attempts.values()].filter((one) => one.principal === principal && one.end !== undefined);
    for (const attempt of ended.slice(0, Math.max(0, ended.length + 1 - ENDED_KEPT))) drop(attempt);
  }

  function finish(attempt: Attempt, end: ConsentEnd): void {
    if (attempt.end !== undefined) return;
    attempt.end = end;
    if (attempt.state !== undefined) states.delete(attempt.state);
    for (const wake of waiting.get(attempt) ?? []) wake();
    waiting.delete(attempt);
  }

  function makeCode(): string {
    const letters = [...random.bytes(8)].map((byte) => CODE_LETTERS[byte % CODE_LETTERS.length] ?? '');
    return `${letters.slice(0, 4).join('')}-${letters.slice(4).join('')}`;
  }

  const formToken = ({ id }: Attempt, cookie: string): string =>
    createHmac('sha256', formKey).update(`${id} ${cookie}`).digest('base64url');

  return {
    begin(wish) {
      sweep();
      const scopes = wish.plan.scopes.join(' ');
      let own = 0;
      for (const attempt of attempts.values()) {
        if (attempt.principal !== wish.principal || !isOpen(attempt)) continue;
        own += 1;
        const isSame = attempt.server === wish.server && attempt.plan.scopes.join(' ') === scopes;
        // One that was confirmed belongs to a browser, which may be lost; its link cannot be opened again.
        if (isSame && attempt.departure === undefined) return attempt;
      }
      dropEnded(wish.principal);
      if (own >= perPrincipal || attempts.size >= total) return undefined;
      const attempt: Attempt = {
        id: randomText(24),
        code: makeCode(),
        ...wish,
        until: clock.monotonic() + lifeMs,
        departure: undefined,
        state: undefined,
        end: undefined,
      };
      attempts.set(attempt.id, attempt);
      timers.after(lifeMs, sweep);
      return attempt;
    },
    find(id) {
      const attempt = attempts.get(id);
      return attempt !== undefined && isOpen(attempt) ? attempt : undefined;
    },
    findOwn(id, principal) {
      sweep();
      const attempt = attempts.get(id);
      return attempt?.principal === principal ? attempt : undefined;
    },
    takeState(state) {
      const attempt = states.get(state);
      states.delete(state);
      return attempt !== undefined && isOpen(attempt) ? attempt : undefined;
    },
    depart(attempt, departure) {
      if (attempt.departure !== undefined || !isOpen(attempt)) return undefined;
      attempt.departure = departure;
      const state = randomText(24);
      attempt.state = state;
      states.set(state, attempt);
      return state;
    },
    finish,
    connected(server, principal) {
      for (const attempt of attempts.values()) {
        if (attempt.server === server && attempt.principal === principal) finish(attempt, { kind: 'connected' });
      }
    },
    wait(attempt, ms, cancellation) {
      if (attempt.end !== undefined || cancellation.isCancelled) return Promise.resolve(attempt.end);
      return new Promise((resolve) => {
        const wakes = waiting.get(attempt) ?? new Set();
        waiting.set(attempt, wakes);
        const wake = (): void => {
          wakes.delete(wake);
          timer.cancel();
          forget();
          resolve(attempt.end);
        };
        const timer = timers.after(ms, wake);
        let forget = (): void => undefined;
        wakes.add(wake);
        forget = cancellation.subscribe(wake);
      });
    },
    endFor({ server, principal }, detail) {
      for (const attempt of attempts.values()) {
        const isMeant =
          (server === undefined || attempt.server === server) &&
          (principal === undefined || attempt.principal === principal);
        if (isMeant) finish(attempt, { kind: 'failed', detail });
      }
    },
    formToken,
    isFormToken(attempt, cookie, token) {
      const [wanted, given] = [Buffer.from(formToken(attempt, cookie)), Buffer.from(token)];
      return wanted.length === given.length && timingSafeEqual(wanted, given);
    },
  };
}
