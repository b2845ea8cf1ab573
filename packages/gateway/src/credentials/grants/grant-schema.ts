/** The gateway's own tables in the store, under the prefix `gateway_`. */
import type { Generated, MigrationSet } from '@sallyport/guard';

/** Tokens of one person at one upstream. */
export interface GrantTable {
  server: string;
  /** Principal id. */
  principal: string;
  issuer: string;
  /** Scopes, separated by spaces; for people. */
  scopes: string;
  /** A `Grant`, sealed to the columns above but `scopes`. */
  sealed: Uint8Array;
  /** Changes with each write, so that nobody writes over what they have not seen. */
  version: string;
  /** Milliseconds since the epoch. */
  created_at: number;
  updated_at: number;
}

/** Who the gateway is at authorization servers where it registered itself. */
export interface RegistrationTable {
  server: string;
  issuer: string;
  redirect_uri: string;
  /** A `ClientIdentity`, sealed to the columns above. */
  sealed: Uint8Array;
  /** Milliseconds since the epoch. */
  created_at: number;
  expires_at: number | null;
}

/** Grants that were taken back here and are still to be taken back at their authorization servers. */
export interface RevocationTable {
  id: Generated<number>;
  server: string;
  principal: string;
  issuer: string;
  sealed: Uint8Array;
  /** Milliseconds since the epoch. */
  created_at: number;
}

/** The tables by name. */
export interface GrantTables {
  gateway_grants: GrantTable;
  gateway_registrations: RegistrationTable;
  gateway_revocations: RevocationTable;
}

/** The steps that make them. */
export const GATEWAY_MIGRATIONS: MigrationSet = {
  prefix: 'gateway_',
  migrations: [
    {
      name: '001_grants',
      up: async (database) => {
        await database.schema
          .createTable('gateway_grants')
          .addColumn('server', 'text', (column) => column.notNull())
          .addColumn('principal', 'text', (column) => column.notNull())
          .addColumn('issuer', 'text', (column) => column.notNull())
          .addColumn('scopes', 'text', (column) => column.notNull())
          .addColumn('sealed', 'blob', (column) => column.notNull())
          .addColumn('version', 'text', (column) => column.notNull())
          .addColumn('created_at', 'integer', (column) => column.notNull())
          .addColumn('updated_at', 'integer', (column) => column.notNull())
          .addPrimaryKeyConstraint('gateway_grants_pk', ['server', 'principal'])
          .execute();
        await database.schema
          .createTable('gateway_registrations')
          .addColumn('server', 'text', (column) => column.notNull())
          .addColumn('issuer', 'text', (column) => column.notNull())
          .addColumn('redirect_uri', 'text', (column) => column.notNull())
          .addColumn('sealed', 'blob', (column) => column.notNull())
          .addColumn('created_at', 'integer', (column) => column.notNull())
          .addColumn('expires_at', 'integer')
          .addPrimaryKeyConstraint('gateway_registrations_pk', ['server', 'issuer', 'redirect_uri'])
          .execute();
        await database.schema
          .createTable('gateway_revocations')
          .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
          .addColumn('server', 'text', (column) => column.notNull())
          .addColumn('principal', 'text', (column) => column.notNull())
          .addColumn('issuer', 'text', (column) => column.notNull())
          .addColumn('sealed', 'blob', (column) => column.notNull())
          .addColumn('created_at', 'integer', (column) => column.notNull())
          .execute();
      },
    },
  ],
};
