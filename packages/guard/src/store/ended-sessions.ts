/**
 * Which sessions are over, remembered beyond a restart: their ids still open, so it takes a memory that they may not be
 * taken up again. Bounded; where there are too many to name, all of a caller (or of everybody) that began before the last
 * of them count as over.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../ports.ts';
import type { Store } from './store.ts';

/** One session that is over. */
export interface EndedSession {
  readonly id: string;
  /** Principal id. */
  readonly owner: string;
  /** Wall time, milliseconds. */
  readonly created: number;
  /** When the id stops to open by itself; wall time, milliseconds. */
  readonly expires: number;
}

/** The memory of ended sessions. */
export interface EndedSessions {
  /** Wall time of the last sign of life of the process before this one, milliseconds; undefined before the first. */
  readonly lastSign: number | undefined;
  /** True for a session that may not be taken up again. */
  has(session: Omit<EndedSession, 'expires'>): boolean;
  /** Remembers that a session is over, at once; resolves to true once that survives a crash, to false when it cannot. */
  add(session: EndedSession): Promise<boolean>;
  /** All sessions of a caller that began up to this time are over. */
  addCaller(owner: string, upTo: number): Promise<boolean>;
  /** Notes a sign of life. `over`: everybody's sessions that began up to this time are over. */
  sign(over: number | undefined): Promise<boolean>;
  /** Waits for what is being written. */
  settle(): Promise<void>;
}

export interface EndedSessionsOptions {
  readonly clock: Clock;
  /** Sessions of one caller that are named. Default 1,000. */
  readonly perCaller?: number;
  /** Of all callers. Default 20,000. */
  readonly total?: number;
  /** How long what is to be written waits for more, milliseconds. Default 20. */
  readonly gatherMs?: number;
  /** Told when something could not be written. */
  readonly onError?: (cause: unknown) => void;
}

const SIGN = 'sign';
const EVERYBODY = 'over';
const CALLER = 'over:';

/** Loads what a store remembers. */
export async function openEndedSessions(store: Store, options: EndedSessionsOptions): Promise<EndedSessions> {
  const { clock } = options;
  const { database } = store;
  const perCaller = options.perCaller ?? 1000;
  const total = options.total ?? 20_000;
  const named = new Map<string, Omit<EndedSession, 'id'>>();
  const counts = new Map<string, number>();
  const marks = new Map<string, number>();

  await database.deleteFrom('guard_ended_sessions').where('expires_at', '<=', clock.now()).execute();
  for (const row of await database.selectFrom('guard_ended_sessions').selectAll().orderBy('created_at').execute()) {
    name(row.digest, { owner: row.owner, created: row.created_at, expires: row.expires_at });
  }
  for (const { name: mark, at } of await database.selectFrom('guard_session_marks').selectAll().execute()) {
    marks.set(mark, at);
  }
  const lastSign = marks.get(SIGN);

  /** What is not written yet. */
  const fresh = new Map<string, Omit<EndedSession, 'id'>>();
  const raised = new Set<string>();
  let gathering: Promise<boolean> | undefined;
  let last: Promise<boolean> = Promise.resolve(true);

  function name(digest: string, row: Omit<EndedSession, 'id'>): void {
    if (named.has(digest)) return;
    named.set(digest, row);
    counts.set(row.owner, (counts.get(row.owner) ?? 0) + 1);
  }

  function forget(digest: string, { owner }: Omit<EndedSession, 'id'>): void {
    named.delete(digest);
    fresh.delete(digest);
    const left = (counts.get(owner) ?? 1) - 1;
    if (left === 0) counts.delete(owner);
    else counts.set(owner, left);
  }

  /** True when the mark was lower. Sessions that it covers need no name any more. */
  function raise(mark: string, at: number): boolean {
    if (at <= (marks.get(mark) ?? Number.NEGATIVE_INFINITY)) return false;
    marks.set(mark, at);
    raised.add(mark);
    if (mark === SIGN) return true;
    for (const [digest, row] of named) {
      if (row.created <= at && (mark === EVERYBODY || row.owner === mark.slice(CALLER.length))) forget(digest, row);
    }
    return true;
  }

  /** Makes one mark of the older half of the names. */
  function fold(mark: string, isOne: (row: Omit<EndedSession, 'id'>) => boolean): void {
    const begun = [...named.values()].filter(isOne).map(({ created }) => created);
    const middle = begun.toSorted((one, other) => one - other)[Math.floor(begun.length / 2)];
    if (middle !== undefined) raise(mark, middle);
  }

  function isCovered(owner: string, created: number): boolean {
    const everybody = marks.get(EVERYBODY) ?? Number.NEGATIVE_INFINITY;
    return created <= everybody || created <= (marks.get(CALLER + owner) ?? Number.NEGATIVE_INFINITY);
  }

  /** One transaction takes all that came meanwhile. */
  function write(): Promise<boolean> {
    gathering ??= new Promise<void>((resolve) => {
      setTimeout(resolve, options.gatherMs ?? 20);
    }).then(async () => {
      gathering = undefined;
      const rows = [...fresh].map(([digest, { owner, created, expires }]) => ({
        digest,
        owner,
        created_at: created,
        expires_at: expires,
      }));
      const changed = [...raised].map((mark) => ({ name: mark, at: marks.get(mark) ?? 0 }));
      fresh.clear();
      raised.clear();
      try {
        await database.transaction().execute(async (transaction) => {
          for (const row of rows) {
            await transaction
              .insertInto('guard_ended_sessions')
              .values(row)
              .onConflict((same) => same.doNothing())
              .execute();
          }
          for (const { name: mark, at } of changed) {
            await transaction
              .insertInto('guard_session_marks')
              .values({ name: mark, at })
              .onConflict((same) => same.column('name').doUpdateSet({ at }))
              .execute();
            if (mark === SIGN) continue;
            const covered = transaction.deleteFrom('guard_ended_sessions').where('created_at', '<=', at);
            await (mark === EVERYBODY ? covered : covered.where('owner', '=', mark.slice(CALLER.length))).execute();
          }
        });
        return true;
      } catch (cause) {
        // The next write takes it along.
        for (const { digest, owner, created_at, expires_at } of rows) {
          if (named.has(digest)) fresh.set(digest, { owner, created: created_at, expires: expires_at });
        }
        for (const { name: mark } of changed) raised.add(mark);
        options.onError?.(cause);
        return false;
      }
    });
    last = gathering;
    return gathering;
  }

  return {
    lastSign,
    has: ({ id, owner, created }) => isCovered(owner, created) || named.has(digestOf(id)),
    add({ id, ...row }) {
      const digest = digestOf(id);
      if (!isCovered(row.owner, row.created) && !named.has(digest)) {
        name(digest, row);
        fresh.set(digest, row);
        if ((counts.get(row.owner) ?? 0) > perCaller) fold(CALLER + row.owner, ({ owner }) => owner === row.owner);
        if (named.size > total) fold(EVERYBODY, () => true);
      }
      return write();
    },
    addCaller: (owner, upTo) => (raise(CALLER + owner, upTo) ? write() : Promise.resolve(true)),
    sign(over) {
      raise(SIGN, clock.now());
      if (over !== undefined) raise(EVERYBODY, over);
      return write();
    },
    async settle() {
      for (let seen: unknown; seen !== last; await last) seen = last;
    },
  };
}

/** Names a session in the store without being of use to whoever reads it. */
function digestOf(id: string): string {
  return createHash('sha256').update(id).digest('base64url').slice(0, 22);
}
