/** The core's tables in the store and the steps that make them. */
import type { Generated } from 'kysely';
import type { MigrationSet } from './migrations.ts';

/** One API key generation: rotation adds a row, and the older row lives until its overlap ends. */
export interface KeyTable {
  /** The 12 characters between the underscores. */
  id: string;
  name: string;
  /** JSON array of role names. */
  roles: string;
  /** HMAC-SHA-256 over the whole key, with the pepper named by `pepper`. */
  mac: Uint8Array;
  /** Which pepper, so that keys outlive a change of the master key. */
  pepper: string;
  /** Milliseconds since the epoch. */
  created_at: number;
  expires_at: number | null;
  /** JSON array of the networks that the key may be used from; anywhere when null. */
  allowed_from: string | null;
  /** HMAC-SHA-256 over all the others, with the same pepper; a row without one is ignored. */
  seal: Uint8Array | null;
}

/** When a key was last used. Apart from the keys, whose rows are sealed. */
export interface KeyUseTable {
  /** Of the key. */
  id: string;
  /** Milliseconds since the epoch. */
  used_at: number;
}

export interface BlockTable {
  kind: string;
  subject: string;
  reason: string | null;
  /** Milliseconds since the epoch. */
  created_at: number;
  expires_at: number | null;
}

/** Changes of administrators that the audit trail does not have yet. */
export interface ChangeTable {
  id: Generated<number>;
  /** Milliseconds since the epoch. */
  time: number;
  actor: string;
  action: string;
  kind: string;
  subject: string;
}

/** Sessions that are over although their ids still open. */
export interface EndedSessionTable {
  /** Of the id. */
  digest: string;
  owner: string;
  /** Milliseconds since the epoch. */
  created_at: number;
  expires_at: number;
}

/** Points in time: the last sign of life, and until when sessions that began are over. */
export interface SessionMarkTable {
  name: string;
  /** Milliseconds since the epoch. */
  at: number;
}

export interface StoreTables {
  guard_keys: KeyTable;
  guard_key_uses: KeyUseTable;
  guard_blocks: BlockTable;
  guard_changes: ChangeTable;
  guard_ended_sessions: EndedSessionTable;
  guard_session_marks: SessionMarkTable;
}

export const GUARD_MIGRATIONS: MigrationSet = {
  prefix: 'guard_',
  migrations: [
    {
      name: '001_keys_and_blocks',
      up: async (database) => {
        await database.schema
          .createTable('guard_keys')
          .addColumn('id', 'text', (column) => column.primaryKey())
          .addColumn('name', 'text', (column) => column.notNull())
          .addColumn('roles', 'text', (column) => column.notNull())
          .addColumn('mac', 'blob', (column) => column.notNull())
          .addColumn('pepper', 'text', (column) => column.notNull())
          .addColumn('created_at', 'integer', (column) => column.notNull())
          .addColumn('expires_at', 'integer')
          .execute();
        await database.schema.createIndex('guard_keys_name').on('guard_keys').column('name').execute();
        await database.schema
          .createTable('guard_blocks')
          .addColumn('kind', 'text', (column) => column.notNull())
          .addColumn('subject', 'text', (column) => column.notNull())
          .addColumn('reason', 'text')
          .addColumn('created_at', 'integer', (column) => column.notNull())
          .addColumn('expires_at', 'integer')
          .addPrimaryKeyConstraint('guard_blocks_pk', ['kind', 'subject'])
          .execute();
      },
    },
    {
      name: '002_changes',
      up: async (database) => {
        await database.schema
          .createTable('guard_changes')
          .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
          .addColumn('time', 'integer', (column) => column.notNull())
          .addColumn('actor', 'text', (column) => column.notNull())
          .addColumn('action', 'text', (column) => column.notNull())
          .addColumn('kind', 'text', (column) => column.notNull())
          .addColumn('subject', 'text', (column) => column.notNull())
          .execute();
      },
    },
    {
      // Rows from before have no seal, and none can be made here: the pepper is not known.
      name: '003_key_seals',
      up: async (database) => {
        await database.schema.alterTable('guard_keys').addColumn('seal', 'blob').execute();
      },
    },
    {
      name: '004_ended_sessions',
      up: async (database) => {
        await database.schema
          .createTable('guard_ended_sessions')
          .addColumn('digest', 'text', (column) => column.primaryKey())
          .addColumn('owner', 'text', (column) => column.notNull())
          .addColumn('created_at', 'integer', (column) => column.notNull())
          .addColumn('expires_at', 'integer', (column) => column.notNull())
          .execute();
        await database.schema
          .createTable('guard_session_marks')
          .addColumn('name', 'text', (column) => column.primaryKey())
          .addColumn('at', 'integer', (column) => column.notNull())
          .execute();
      },
    },
    {
      name: '005_key_networks_and_uses',
      up: async (database) => {
        await database.schema.alterTable('guard_keys').addColumn('allowed_from', 'text').execute();
        await database.schema
          .createTable('guard_key_uses')
          .addColumn('id', 'text', (column) => column.primaryKey())
          .addColumn('used_at', 'integer', (column) => column.notNull())
          .execute();
      },
    },
  ],
};
