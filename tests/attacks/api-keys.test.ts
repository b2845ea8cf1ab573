// API keys of a real gateway, from the command line: networks, rotation under load, last use, revocation one by one.
import {
  postModern,
  runSallyport,
  startGateway,
  startRecordingUpstream,
  waitFor,
  type CommandResult,
  type Gateway,
  type HttpAnswer,
  type RecordingUpstream,
} from '@sallyport/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let upstream: RecordingUpstream;
let gateway: Gateway;
beforeAll(async () => {
  upstream = await startRecordingUpstream();
  gateway = await startGateway({
    config: {
      callers: { keys: true },
      roles: { everyone: { tools: ['*'] } },
      limits: { perAddress: '100000/s burst 100000', failedLogins: '1000/s' },
      upstreams: { rec: { url: upstream.url } },
    },
  });
}, 60_000);
afterAll(async () => {
  await gateway?.stop();
  await upstream?.close();
});

interface Listed {
  readonly id: string;
  readonly name: string;
  readonly key: string;
  readonly from?: readonly string[];
  readonly expiresAt?: string;
  readonly lastUsedAt?: string;
}

function keys(...words: string[]): Promise<CommandResult> {
  return runSallyport(['keys', ...words, '-c', gateway.configPath], gateway.dir, { isFailureFine: true });
}

async function json<T = Listed>(...words: string[]): Promise<T> {
  return JSON.parse((await keys(...words, '--json')).stdout) as T;
}

async function make(name: string, ...more: string[]): Promise<Listed> {
  return json('create', '--name', name, '--role', 'everyone', ...more);
}

async function listed(name: string): Promise<readonly Listed[]> {
  return (await json<readonly Listed[]>('list')).filter((key) => key.name === name);
}

function call(key: string): Promise<HttpAnswer> {
  return postModern(gateway.url, { method: 'tools/call', params: { name: 'rec__echo', arguments: {} }, key });
}

/** Ten times the second that is promised. */
const within = { ceilingMs: 10_000, everyMs: 20 };

describe('an API key', () => {
  it('[api-keys] that is bound to networks is refused from elsewhere, with the reason', async () => {
    const here = await make('here', '--from', '10.0.0.0/8,127.0.0.0/8', '--from', '::1');
    const away = await make('away', '--from', '10.0.0.0/8');
    expect(here.from).toEqual(['10.0.0.0/8', '127.0.0.0/8', '::1']);
    expect((await call(here.key)).status).toBe(200);
    const refused = await call(away.key);
    expect([refused.status, refused.response?.error?.message]).toEqual([
      403,
      expect.stringContaining('the key may not be used from this address'),
    ]);
    // A header that claims another address changes nothing.
    const headers = { 'x-forwarded-for': '10.0.0.1' };
    expect((await postModern(gateway.url, { method: 'tools/list', key: away.key, headers })).status).toBe(403);
    const wrong = await keys('create', '--name', 'wrong', '--role', 'everyone', '--from', '10.0.0.0/33');
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('"10.0.0.0/33" is no network') });
  });

  it('[api-keys] that has expired is refused with a clear text', async () => {
    const { key, expiresAt } = await make('short', '--expires', '2s');
    expect((await call(key)).status).toBe(200);
    await waitFor(async () => (await call(key)).status === 401, within);
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(expiresAt ?? ''));
    const refused = await call(key);
    expect(refused.response?.error?.message).toContain('the credential has expired');
    expect(refused.response?.error?.data).toMatchObject({ reason: 'expired-credential' });
  });

  it('[key-rotation] rotates under load without a request that fails, and the old one ends with the overlap', async () => {
    const first = await make('busy');
    expect((await call(first.key)).status).toBe(200);
    let current = first.key;
    const over = new AbortController();
    const statuses = new Map<number, number>();
    const load = Array.from({ length: 4 }, async () => {
      while (!over.signal.aborted) {
        const { status } = await call(current);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    });
    const rotated: string[] = [];
    for (let round = 0; round < 3; round++) {
      const { key } = await json('rotate', 'busy', '--overlap', '5m');
      // The new one works from the moment that it is shown, and so does the one before.
      expect([(await call(key)).status, (await call(current)).status]).toEqual([200, 200]);
      rotated.push(current);
      current = key;
    }
    over.abort();
    await Promise.all(load);
    expect([...statuses.keys()]).toEqual([200]);
    expect(await listed('busy')).toHaveLength(4);
    const { key: last } = await json('rotate', 'busy');
    await waitFor(async () => (await call(current)).status === 401, within);
    for (const old of rotated) expect((await call(old)).status).toBe(401);
    expect((await call(last)).status).toBe(200);
  }, 60_000);

  it('[api-keys] of several with one name ends alone by its id, and with the others by the name', async () => {
    const first = await make('several');
    const second = await json('rotate', 'several', '--overlap', '1h');
    expect(await json<object>('revoke', first.id)).toEqual({ name: 'several', revoked: 1 });
    await waitFor(async () => (await call(first.key)).status === 401, within);
    expect((await call(second.key)).status).toBe(200);
    await json('rotate', 'several', '--overlap', '1h');
    expect(await json<object>('revoke', 'several')).toEqual({ name: 'several', revoked: 2 });
    await waitFor(async () => (await call(second.key)).status === 401, within);
    expect((await keys('revoke', 'several')).code).toBe(1);
  });

  it('tells when it was last used', async () => {
    const { key } = await make('used');
    expect((await listed('used'))[0]?.lastUsedAt).toBeUndefined();
    const before = Date.now();
    for (let i = 0; i < 20; i++) expect((await call(key)).status).toBe(200);
    const [after] = await listed('used');
    expect(Date.parse(after?.lastUsedAt ?? '')).toBeGreaterThanOrEqual(before);
    expect((await keys('list')).stdout).toMatch(/used +everyone +sp_[a-z0-9]{12}_… .*used \d{4}-\d\d-\d\d \d\d:\d\d/);
  });

  it('is told of by check, doctor and list when it ends within a week', async () => {
    await make('ending', '--expires', '3d');
    const said = 'the key ending expires in 2 days';
    expect((await keys('list')).stderr).toContain(said);
    for (const command of ['check', 'doctor']) {
      const { stdout, stderr } = await runSallyport([command, '-c', gateway.configPath], gateway.dir, {
        isFailureFine: true,
      });
      expect(stdout + stderr).toContain(said);
    }
    await json('rotate', 'ending');
  });
});
