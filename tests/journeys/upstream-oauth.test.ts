/** Two people, one server that belongs to neither of them alone: each connects an account, and nothing crosses. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readAudit, runSallyport, waitFor } from '@sallyport/testkit';
import { interleave } from './accounts/interleave.ts';
import { connect } from './accounts/person.ts';
import { everythingWritten, startSetting, type Setting } from './accounts/setting.ts';

let setting: Setting;

beforeAll(async () => {
  setting = await startSetting(['alice', 'bob', 'carol', 'dave', 'erin', 'frank']);
}, 90_000);

afterAll(() => setting?.stop());

/** The tokens that the server took as this person's, in their order. */
const tokensOf = (name: string): string[] => {
  const taken = setting.upstream.presented.filter(({ subject }) => subject === name);
  return [...new Set(taken.flatMap(({ authorization }) => authorization ?? []))];
};

describe('an account at a server', () => {
  it('[accounts] shows one tool, and refuses clearly, before anybody has one', async () => {
    const caller = await setting.caller('frank', 'modern', 'headless');
    expect(await caller.tools()).toEqual(['connect']);
    for (const tool of ['connect', 'whoami', 'anything']) {
      expect(await caller.call(tool)).toContain('your account at the server is not connected');
    }
    await caller.close();
  });

  it.each([
    ['modern', 'alice'],
    ['legacy', 'bob'],
  ] as const)('[accounts] is connected in the middle of the first call of a %s caller', async (era, name) => {
    const caller = await setting.caller(name, era);
    const before = setting.visits.length;
    expect(await caller.call('whoami', { note: 'hello' })).toBe(`${name} hello`);
    expect(setting.visits.length - before).toBe(1);
    const visit = await setting.visits.at(-1);
    expect(visit?.status).toBe(200);
    const code = /code ([A-Z]{4}-[A-Z]{4})/.exec(setting.messages.at(-1) ?? '')?.[1] ?? 'none';
    for (const shown of [`key:${name}`, 'desk', code, new URL(setting.idp.issuer).host])
      expect(visit?.page).toContain(shown);
    const asked = visit?.asked?.searchParams;
    expect(asked?.get('code_challenge_method')).toBe('S256');
    expect(asked?.get('resource')).toBe(setting.upstream.url);
    expect(asked?.get('redirect_uri')).toBe(`http://127.0.0.1:${setting.gateway.port}/oauth/callback`);
    // From now on nobody is asked, and the lists are there.
    expect(await caller.call('whoami')).toBe(name);
    expect(await caller.tools()).toContain('whoami');
    expect(setting.visits.length - before).toBe(1);
    await caller.close();
  });

  it('[accounts] can be connected by a tool for that alone', async () => {
    const caller = await setting.caller('frank', 'modern');
    const before = setting.visits.length;
    expect(await caller.call('connect')).toContain('is connected');
    expect(setting.visits.length - before).toBe(1);
    expect((await caller.tools()).toSorted()).toEqual(['administer', 'whoami']);
    expect(await caller.call('connect')).toContain('is connected');
    expect(await caller.call('whoami')).toBe('frank');
    expect(setting.visits.length - before).toBe(1);
    await caller.close();
  });

  it('[accounts] is asked for more where a tool takes more, once', async () => {
    const caller = await setting.caller('alice', 'modern');
    const before = setting.visits.length;
    expect(await caller.call('administer')).toBe('administered by alice');
    expect(setting.visits.length - before).toBe(1);
    expect((await setting.visits.at(-1))?.asked?.searchParams.get('scope')?.split(' ').toSorted()).toEqual(
      expect.arrayContaining(['admin', 'use']) as unknown,
    );
    expect(await caller.call('administer')).toBe('administered by alice');
    expect(await caller.call('whoami')).toBe('alice');
    expect(setting.visits.length - before).toBe(1);
    await caller.close();
  });

  it('[accounts] has its token renewed once, however many calls find it refused', async () => {
    const caller = await setting.caller('alice', 'modern');
    await caller.call('whoami');
    const [token = ''] = tokensOf('alice').slice(-1);
    const before = await setting.tokenRequests();
    setting.upstream.refuse(token.replace('Bearer ', ''));
    const said = await Promise.all(Array.from({ length: 50 }, (_, at) => caller.call('whoami', { note: String(at) })));
    expect(said).toEqual(Array.from({ length: 50 }, (_, at) => `alice ${at}`));
    expect((await setting.tokenRequests()) - before).toBe(1);
    await caller.close();
  });

  it('[accounts] is never used for somebody else, whatever is interleaved', async () => {
    const found = await interleave(setting, ['alice', 'bob'], 200, 80);
    expect(found).toMatchObject({ calls: 200, crossed: 0, failed: 0, renewals: found.refused });
    expect(found.refused).toBeGreaterThan(2);
  });

  it('[accounts] is refused clearly to a caller that cannot be sent to a page, and opened for it by an operator', async () => {
    const caller = await setting.caller('carol', 'modern', 'headless');
    const refused = await caller.call('whoami');
    expect(refused).toContain('refused: Sallyport refused desk.whoami: your account at the server is not connected');
    expect(refused).toContain('sallyport connections open desk --caller key:carol');
    const { dir } = setting.gateway;
    const opened = await runSallyport(['connections', 'open', 'desk', '--caller', 'key:carol', '--json'], dir);
    const { url } = JSON.parse(opened.stdout) as { url: string };
    expect((await connect(url, { idp: setting.idp, account: 'carol' })).status).toBe(200);
    expect(await caller.call('whoami')).toBe('carol');
    await caller.close();
  });

  it('[accounts] is not connected by somebody who says no, at either place', async () => {
    for (const no of ['refuses', 'cancels'] as const) {
      const caller = await setting.caller('dave', 'modern', async (url) => {
        await connect(url, { idp: setting.idp, account: 'dave', [no]: true });
        return 'accept';
      });
      expect(await caller.call('whoami')).toContain(
        'refused: Sallyport refused desk.whoami: your account at the server was not',
      );
      await caller.close();
    }
    const caller = await setting.caller('dave', 'legacy', () => Promise.resolve('decline'));
    expect(await caller.call('whoami')).toContain('you did not agree');
    await caller.close();
  });

  it('[accounts] is taken back within a second, here and at the authorization server', async () => {
    const caller = await setting.caller('erin', 'modern');
    expect(await caller.call('whoami')).toBe('erin');
    const { dir } = setting.gateway;
    const listed = await runSallyport(['connections', 'list', '--json'], dir);
    const rows = JSON.parse(listed.stdout) as { caller: string; server: string; issuer: string }[];
    expect(rows).toContainEqual(
      expect.objectContaining({ server: 'desk', caller: 'key:erin', issuer: setting.idp.issuer }),
    );
    const revoked = await runSallyport(['connections', 'revoke', 'desk', '--caller', 'key:erin'], dir);
    expect(revoked.code).toBe(0);
    const before = setting.visits.length;
    await waitFor(async () => ((await setting.idp.requests())['POST /token/revocation'] ?? 0) >= 2, {
      what: 'the authorization server to be told',
    });
    const [token = ''] = tokensOf('erin').slice(-1);
    const used = setting.upstream.presented.filter(({ authorization }) => authorization === token).length;
    expect(await caller.call('whoami')).toBe('erin');
    expect(setting.visits.length - before).toBe(1);
    expect(setting.upstream.presented.filter(({ authorization }) => authorization === token)).toHaveLength(used);
    await caller.close();
  });

  it('[accounts] [no-passthrough] leaves no token in clear, and passes no key on', async () => {
    const written = await everythingWritten(setting);
    const tokens = setting.upstream.presented.flatMap(
      ({ authorization }) => authorization?.replace('Bearer ', '') ?? [],
    );
    expect(new Set(tokens).size).toBeGreaterThan(4);
    for (const token of new Set(tokens)) expect(written.includes(token)).toBe(false);
    for (const key of setting.keys) expect(tokens).not.toContain(key);
    const records = await readAudit(join(setting.gateway.dir, 'state', 'audit'));
    const methods = records.filter(({ kind }) => kind === 'auth').map(({ method }) => method);
    expect(methods).toContain('connections.grant');
    expect(records.filter(({ method }) => method === 'connections.revoke')).toHaveLength(1);
  });

  it('[accounts] is still there after a restart, for those who have one', async () => {
    const before = setting.visits.length;
    await setting.restart();
    const caller = await setting.caller('alice', 'modern');
    expect((await caller.tools()).toSorted()).toEqual(['administer', 'whoami']);
    expect(await caller.call('whoami')).toBe('alice');
    await caller.close();
    await setting.restart();
    const other = await setting.caller('bob', 'legacy');
    expect(await other.call('whoami', { wrong: 1 })).toContain('the arguments do not fit the input schema');
    expect(await other.call('whoami')).toBe('bob');
    expect(setting.visits.length).toBe(before);
    await other.close();
  });
});
