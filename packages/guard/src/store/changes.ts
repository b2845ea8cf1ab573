/**
 * What administrators have changed, kept in the store with the change itself until the audit trail has it: whoever
 * writes the trail takes it from here, also when the change was made while nobody did.
 */
import type { Kysely, Transaction } from 'kysely';
import type { StoreTables } from './schema.ts';
import type { Store } from './store.ts';

/** One change. */
export interface ChangeRow {
  readonly id: number;
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** Principal id of who made it. */
  readonly actor: string;
  /** E.g. `keys.create`, `block`. */
  readonly action: string;
  /** `key`, `caller`, `tool` or `upstream`. */
  readonly kind: string;
  readonly subject: string;
}

export interface ChangeRepository {
  /** The changes that no trail has yet, oldest first; at most 1,000 at once. */
  pending(): Promise<ChangeRow[]>;
  /** Forgets the changes up to this id: the trail has them. */
  forget(upTo: number): Promise<void>;
}

/** Notes a change in the transaction that makes it. */
export async function noteChange(
  database: Kysely<StoreTables> | Transaction<StoreTables>,
  change: Omit<ChangeRow, 'id'>,
): Promise<void> {
  await database.insertInto('guard_changes').values(change).execute();
}

/** Changes of a store. */
export function createChangeRepository({ database }: Store): ChangeRepository {
  return {
    pending: () => database.selectFrom('guard_changes').selectAll().orderBy('id').limit(1000).execute(),
    forget: async (upTo) => {
      await database.deleteFrom('guard_changes').where('id', '<=', upTo).execute();
    },
  };
}
