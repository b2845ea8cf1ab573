import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createChangeRepository, createEnvelope, openStore, type Store } from '@sallyport/guard';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { frozenClock } from '../../exchange.fixture.ts';
import type { Grant } from './grant.ts';
import { GATEWAY_MIGRATIONS } from './grant-schema.ts';
import { createGrantStore, type GrantStore } from './grant-store.ts';

const random = { bytes: (length: number) => randomBytes(length) };
const text = (): string => randomBytes(24).toString('base64url');

let folder: string;
let store: Store;
let grants: GrantStore;
const clock = frozenClock();
const key = randomBytes(32);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-grants-'));
  const opened = await openStore(`sqlite:${join(folder, 'a.db')}`, {
    clock,
    actor: 'local:ada',
    migrations: [GATEWAY_MIGRATIONS],
  });
  if ('fault' in opened) throw new Error(opened.message);
  store = opened;
  grants = createGrantStore(store, createEnvelope([key], random), clock, random);
});

afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

function makeGrant(more: Partial<Grant> = {}): Grant {
  return {
    issuer: 'https://login.example.com',
    client: { id: 'gateway', secret: text(), auth: 'basic' },
    accessToken: text(),
    expiresAt: 1000,
    refreshToken: text(),
    requested: ['a', 'b'],
    scopes: ['a'],
    resource: 'https://api.example.com/mcp',
    ...more,
  };
}

describe('grants in the store', () => {
  it('come back as they were kept, and lie there with nothing to read', async () => {
    const grant = makeGrant();
    await grants.save('desk', 'key:ada', grant);
    await grants.saveRegistration('desk', grant.issuer, 'http://127.0.0.1/cb', grant.client, undefined);
    expect((await grants.find('desk', 'key:ada'))?.grant).toEqual(grant);
    expect(await grants.findRegistration('desk', grant.issuer, 'http://127.0.0.1/cb')).toEqual(grant.client);
    const files = await Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name))));
    const written = Buffer.concat(files);
    expect(written.indexOf('key:ada')).toBeGreaterThan(-1);
    for (const secret of [grant.accessToken, grant.refreshToken ?? '', grant.client.secret ?? '']) {
      expect(written.indexOf(secret)).toBe(-1);
    }
  });

  it('open for nobody else: not for another person, server or issuer, and not under another master key', async () => {
    await grants.save('desk', 'key:ada', makeGrant());
    await grants.save('desk', 'key:bob', makeGrant());
    const database = store.database as never as {
      updateTable(name: string): { set(values: object): { where(...of: unknown[]): { execute(): Promise<unknown> } } };
      selectFrom(name: string): { selectAll(): { execute(): Promise<{ principal: string; sealed: Uint8Array }[]> } };
    };
    const rows = await database.selectFrom('gateway_grants').selectAll().execute();
    const adas = rows.find(({ principal }) => principal === 'key:ada')?.sealed;
    await database.updateTable('gateway_grants').set({ sealed: adas }).where('principal', '=', 'key:bob').execute();
    expect(await grants.find('desk', 'key:bob')).toBeUndefined();
    expect(await grants.find('desk', 'key:ada')).toBeDefined();
    await database
      .updateTable('gateway_grants')
      .set({ issuer: 'https://evil.example' })
      .where('principal', '=', 'key:ada')
      .execute();
    expect(await grants.find('desk', 'key:ada')).toBeUndefined();
    await grants.save('desk', 'key:ada', makeGrant());
    const other = createGrantStore(store, createEnvelope([randomBytes(32)], random), clock, random);
    expect(await other.find('desk', 'key:ada')).toBeUndefined();
    const next = createGrantStore(store, createEnvelope([randomBytes(32), key], random), clock, random);
    expect(await next.find('desk', 'key:ada')).toBeDefined();
  });

  it('are not written over by whoever has not seen them, and do not come back once taken back', async () => {
    await grants.save('desk', 'key:ada', makeGrant());
    const { version } = (await grants.find('desk', 'key:ada')) ?? { version: '' };
    const renewed = makeGrant();
    expect(await grants.save('desk', 'key:ada', renewed, version)).toBe(true);
    expect(await grants.save('desk', 'key:ada', makeGrant(), version)).toBe(false);
    expect((await grants.find('desk', 'key:ada'))?.grant).toEqual(renewed);
    const seen = (await grants.find('desk', 'key:ada'))?.version ?? '';
    await grants.revoke({ server: 'desk', principal: 'key:ada' }, 'connections.revoke');
    expect(await grants.save('desk', 'key:ada', makeGrant(), seen)).toBe(false);
    expect(await grants.find('desk', 'key:ada')).toBeUndefined();
  });

  it('are taken back for one caller, one server, or both, with a change on record and a grant to revoke', async () => {
    const kept = new Map<string, Grant>();
    for (const [server, principal] of [
      ['desk', 'key:ada'],
      ['desk', 'key:bob'],
      ['shop', 'key:ada'],
    ] as const) {
      kept.set(`${server} ${principal}`, makeGrant());
      await grants.save(server, principal, kept.get(`${server} ${principal}`) ?? makeGrant());
    }
    const removed = await grants.revoke({ principal: 'key:ada' }, 'connections.revoke');
    expect(removed.map(({ server, principal }) => `${server} ${principal}`).toSorted()).toEqual([
      'desk key:ada',
      'shop key:ada',
    ]);
    expect((await grants.list()).map(({ principal }) => principal)).toEqual(['key:bob']);
    const due = await grants.dueRevocations();
    for (const { server, principal, grant } of due) expect(grant).toEqual(kept.get(`${server} ${principal}`));
    expect(due).toHaveLength(2);
    for (const { id } of due) await grants.doneRevocation(id);
    expect(await grants.dueRevocations()).toEqual([]);
    const changes = await createChangeRepository(store).pending();
    expect(changes.map(({ action, kind, subject, actor }) => [action, kind, subject, actor])).toEqual([
      ['connections.revoke', 'connection', 'desk key:ada', 'local:ada'],
      ['connections.revoke', 'connection', 'shop key:ada', 'local:ada'],
    ]);
    expect(await grants.revoke({ server: 'none' }, 'connections.revoke')).toEqual([]);
  });

  it('forget a registration whose secret has ended, or that the server does not know any more', async () => {
    const client = { id: 'one', secret: text(), auth: 'post' } as const;
    await grants.saveRegistration('desk', 'https://i', 'cb', client, clock.now() + 10);
    expect(await grants.findRegistration('desk', 'https://i', 'cb')).toEqual(client);
    await grants.dropRegistration('desk', 'https://i', 'another');
    expect(await grants.findRegistration('desk', 'https://i', 'cb')).toEqual(client);
    clock.advance(11);
    expect(await grants.findRegistration('desk', 'https://i', 'cb')).toBeUndefined();
    await grants.saveRegistration('desk', 'https://i', 'cb', client, undefined);
    await grants.dropRegistration('desk', 'https://i', 'one');
    expect(await grants.findRegistration('desk', 'https://i', 'cb')).toBeUndefined();
  });
});
