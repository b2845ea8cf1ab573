/** The grants of all people in the store: sealed, each bound to its person, server and issuer. */
import {
  noteChange,
  type Clock,
  type Envelope,
  type Kysely,
  type Random,
  type Store,
  type StoreTables,
  type Transaction,
} from '@sallyport/guard';
import { decodeGrant, decodeIdentity, encodeGrant, encodeIdentity, type ClientIdentity, type Grant } from './grant.ts';
import type { GrantTables } from './grant-schema.ts';

/** A grant as it was read. */
export interface KeptGrant {
  readonly grant: Grant;
  readonly version: string;
}

/** What may be shown of a grant. */
export interface GrantInfo {
  readonly server: string;
  readonly principal: string;
  readonly issuer: string;
  readonly scopes: readonly string[];
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly version: string;
}

/** A grant to be taken back at its authorization server. */
export interface DueRevocation {
  readonly id: number;
  readonly server: string;
  readonly principal: string;
  /** `undefined` when it cannot be opened any more. */
  readonly grant: Grant | undefined;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

/** The grants of a store. */
export interface GrantStore {
  /** `undefined` also for a row that does not open: it was made under another master key, or changed by other hands. */
  find(server: string, principal: string): Promise<KeptGrant | undefined>;
  /**
   * Keeps a grant.
   *
   * @param over - the version that it follows; default: whatever is there
   * @returns false when another one is there now, or none
   */
  save(server: string, principal: string, grant: Grant, over?: string): Promise<boolean>;
  /** Forgets a grant of this version that its authorization server does not know any more. */
  drop(server: string, principal: string, version: string): Promise<void>;
  list(): Promise<readonly GrantInfo[]>;
  /**
   * Takes grants back: they are gone at once, and their authorization servers are told later.
   *
   * @param which - of this server, of this principal, or both
   * @param action - what the change is called on record
   */
  revoke(
    which: { readonly server?: string; readonly principal?: string },
    action: string,
  ): Promise<readonly GrantInfo[]>;
  dueRevocations(): Promise<readonly DueRevocation[]>;
  doneRevocation(id: number): Promise<void>;
  /** Who the gateway is at an authorization server where it registered itself. */
  findRegistration(server: string, issuer: string, redirectUri: string): Promise<ClientIdentity | undefined>;
  /** @param expiresAt - when its secret ends, milliseconds since the epoch */
  saveRegistration(
    server: string,
    issuer: string,
    redirectUri: string,
    identity: ClientIdentity,
    expiresAt: number | undefined,
  ): Promise<void>;
  dropRegistration(server: string, issuer: string, clientId: string): Promise<void>;
}

/** Opens the grants of a store that has the gateway's tables. */
export function createGrantStore(store: Store, envelope: Envelope, clock: Clock, random: Random): GrantStore {
  const database = store.database as unknown as Kysely<GrantTables>;
  const nextVersion = (): string => Buffer.from(random.bytes(12)).toString('base64url');
  const place = (server: string, principal: string, issuer: string): string[] => ['grant', principal, server, issuer];

  const select = (): ReturnType<typeof buildSelect> => buildSelect(database);

  return {
    async find(server, principal) {
      const row = await select().where('server', '=', server).where('principal', '=', principal).executeTakeFirst();
      const opened = row === undefined ? undefined : envelope.open(place(server, principal, row.issuer), row.sealed);
      const grant = opened === undefined ? undefined : decodeGrant(opened);
      if (row === undefined || grant === undefined || grant.issuer !== row.issuer) return undefined;
      return { grant, version: row.version };
    },
    async save(server, principal, grant, over) {
      const now = clock.now();
      const values = {
        issuer: grant.issuer,
        scopes: grant.scopes.join(' '),
        sealed: envelope.close(place(server, principal, grant.issuer), encodeGrant(grant)),
        version: nextVersion(),
        updated_at: now,
      };
      if (over !== undefined) {
        const result = await database
          .updateTable('gateway_grants')
          .set(values)
          .where('server', '=', server)
          .where('principal', '=', principal)
          .where('version', '=', over)
          .executeTakeFirst();
        return result.numUpdatedRows === 1n;
      }
      await database
        .insertInto('gateway_grants')
        .values({ server, principal, created_at: now, ...values })
        .onConflict((conflict) => conflict.columns(['server', 'principal']).doUpdateSet({ created_at: now, ...values }))
        .execute();
      return true;
    },
    async drop(server, principal, version) {
      await database
        .deleteFrom('gateway_grants')
        .where('server', '=', server)
        .where('principal', '=', principal)
        .where('version', '=', version)
        .execute();
    },
    async list() {
      return (await select().orderBy('server').orderBy('principal').execute()).map(infoOf);
    },
    revoke: ({ server, principal }, action) =>
      database.transaction().execute(async (transaction) => {
        const now = clock.now();
        let query = transaction.deleteFrom('gateway_grants').returningAll();
        if (server !== undefined) query = query.where('server', '=', server);
        if (principal !== undefined) query = query.where('principal', '=', principal);
        const removed = await query.execute();
        for (const row of removed) {
          await transaction
            .insertInto('gateway_revocations')
            .values({
              server: row.server,
              principal: row.principal,
              issuer: row.issuer,
              sealed: row.sealed,
              created_at: now,
            })
            .execute();
          // The core's table of changes is in the same database.
          await noteChange(transaction as unknown as Transaction<StoreTables>, {
            time: now,
            actor: store.actor,
            action,
            kind: 'connection',
            subject: `${row.server} ${row.principal}`,
          });
        }
        return removed.map(infoOf);
      }),
    async dueRevocations() {
      const rows = await database.selectFrom('gateway_revocations').selectAll().orderBy('id').limit(100).execute();
      return rows.map(({ id, server, principal, issuer, sealed, created_at }) => {
        const opened = envelope.open(place(server, principal, issuer), sealed);
        return { id, server, principal, grant: opened && decodeGrant(opened), createdAt: created_at };
      });
    },
    async doneRevocation(id) {
      await database.deleteFrom('gateway_revocations').where('id', '=', id).execute();
    },
    async findRegistration(server, issuer, redirectUri) {
      const row = await database
        .selectFrom('gateway_registrations')
        .selectAll()
        .where('server', '=', server)
        .where('issuer', '=', issuer)
        .where('redirect_uri', '=', redirectUri)
        .executeTakeFirst();
      if (row === undefined || (row.expires_at !== null && row.expires_at <= clock.now())) return undefined;
      const opened = envelope.open(['registration', server, issuer, redirectUri], row.sealed);
      return opened === undefined ? undefined : decodeIdentity(opened);
    },
    async saveRegistration(server, issuer, redirectUri, identity, expiresAt) {
      const values = {
        sealed: envelope.close(['registration', server, issuer, redirectUri], encodeIdentity(identity)),
        created_at: clock.now(),
        expires_at: expiresAt ?? null,
      };
      await database
        .insertInto('gateway_registrations')
        .values({ server, issuer, redirect_uri: redirectUri, ...values })
        .onConflict((conflict) => conflict.columns(['server', 'issuer', 'redirect_uri']).doUpdateSet(values))
        .execute();
    },
    async dropRegistration(server, issuer, clientId) {
      const rows = await database
        .selectFrom('gateway_registrations')
        .selectAll()
        .where('server', '=', server)
        .where('issuer', '=', issuer)
        .execute();
      for (const { redirect_uri, sealed } of rows) {
        const opened = envelope.open(['registration', server, issuer, redirect_uri], sealed);
        // Another one may have been made meanwhile, and is good.
        if (opened !== undefined && decodeIdentity(opened)?.id !== clientId) continue;
        await database
          .deleteFrom('gateway_registrations')
          .where('server', '=', server)
          .where('issuer', '=', issuer)
          .where('redirect_uri', '=', redirect_uri)
          .execute();
      }
    },
  };
}

function buildSelect(database: Kysely<GrantTables>) {
  return database.selectFrom('gateway_grants').selectAll();
}

function infoOf(row: Omit<GrantTables['gateway_grants'], 'sealed'>): GrantInfo {
  return {
    server: row.server,
    principal: row.principal,
    issuer: row.issuer,
    scopes: row.scopes === '' ? [] : row.scopes.split(' '),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    version: row.version,
  };
}
