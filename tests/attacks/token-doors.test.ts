// Tokens at every door of a real gateway: what they open, when that ends, and where else they must not appear.
import { createHmac, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createKey,
  LegacySession,
  openRawWebSocket,
  openSse,
  post,
  postModern,
  readAudit,
  runSallyport,
  sendRaw,
  startGateway,
  startRecordingUpstream,
  waitFor,
  within,
  type Gateway,
  type RecordingUpstream,
} from '@sallyport/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startIssuer, type Issuer } from '../fixtures/issuer.ts';

const publicUrl = 'https://mcp.example.com';
const partner = 'partner-service';
const secret = randomBytes(40).toString('base64url');

let upstream: RecordingUpstream;
let issuer: Issuer;
let gateway: Gateway;
let key: string;

const rolesOf = (roles: object): object => ({ claim: 'groups', map: roles });

beforeAll(async () => {
  upstream = await startRecordingUpstream();
  issuer = await startIssuer();
  gateway = await startGateway({
    config: {
      publicUrl,
      doors: { websocket: 'on', sse: 'on' },
      callers: {
        jwt: [
          { issuer: issuer.url, clockSkew: '0s', roles: rolesOf({ 'team.*': 'reader', 'all staff': 'reader' }) },
          { issuer: partner, secret: 'env:PARTNER_SECRET', roles: { claim: 'sub', map: { '*': 'reader' } } },
        ],
      },
      roles: { reader: { tools: ['*'], resources: ['*'], prompts: ['*'] } },
      limits: { perAddress: '100000/s burst 100000', failedLogins: '5/h' },
      upstreams: { rec: { url: upstream.url }, other: { url: upstream.url } },
    },
    env: { PARTNER_SECRET: secret },
  });
  key = await createKey(gateway.dir, { name: 'steady', role: 'reader' });
}, 60_000);

afterAll(async () => {
  await gateway?.stop();
  await issuer?.close();
  await upstream?.close();
}, 60_000);

const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds;
const token = (claims: object = {}): string => issuer.token({ aud: `${publicUrl}/mcp`, groups: ['team.a'], ...claims });

function partnerToken(claims: object = {}): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const all = { iss: partner, aud: `${publicUrl}/mcp`, sub: 'robot', exp: inSeconds(60), ...claims };
  const input = `${part({ alg: 'HS256', typ: 'at+jwt' })}.${part(all)}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

const call = (bearer: string, path = '') =>
  postModern(`${gateway.url}${path}`, {
    method: 'tools/call',
    params: { name: path === '' ? 'rec__echo' : 'echo', arguments: {} },
    key: bearer,
  });

const names = async (bearer: string): Promise<readonly string[]> => {
  const answer = await postModern(gateway.url, { method: 'tools/list', key: bearer });
  return ((answer.response?.result?.['tools'] ?? []) as { name: string }[]).map(({ name }) => name);
};

describe('a token', () => {
  it('[jwt] opens what its roles open, and nothing where none of them fits', async () => {
    expect((await call(token())).response?.result?.['isError'] ?? false).toBe(false);
    expect((await names(token())).length).toBeGreaterThan(0);
    expect((await names(token({ groups: ['all staff'] }))).length).toBeGreaterThan(0);
    for (const groups of [undefined, [], ['Team.a'], 'all staff', ['steam.a']]) {
      expect(await names(token({ groups })), JSON.stringify(groups)).toEqual([]);
    }
  });

  it('[jwt] may be signed with a secret that both sides hold', async () => {
    expect((await call(partnerToken())).status).toBe(200);
    expect((await call(`${partnerToken().slice(0, -2)}AA`)).status).toBe(401);
    expect((await call(partnerToken({ iss: issuer.url }))).status).toBe(401);
  });

  it('[jwt] for one server is good at its path only', async () => {
    const forOne = token({ aud: `${publicUrl}/mcp/rec` });
    expect((await call(forOne, '/rec')).status).toBe(200);
    expect((await call(forOne)).status).toBe(401);
    expect((await call(forOne, '/other')).status).toBe(401);
    expect((await call(token(), '/other')).status).toBe(200);
  });

  it('[jwt] never travels on to a server', () => {
    expect(upstream.requests.length).toBeGreaterThan(0);
    for (const { headers, body } of upstream.requests) {
      expect(headers['authorization']).toBeUndefined();
      expect(body.toString()).not.toContain('eyJ');
    }
  });

  it('[jwt] of a caller that was blocked is of no use, and a good one is never locked out by bad ones', async () => {
    const config = ['-c', gateway.configPath];
    const doomed = `jwt:${issuer.url}|doomed`;
    expect((await call(token({ sub: 'doomed' }))).response?.result?.['isError'] ?? false).toBe(false);
    await runSallyport(['block', doomed, ...config], gateway.dir);
    await waitFor(async () => (await call(token({ sub: 'doomed' }))).text.includes('blocked by an administrator'), {
      ceilingMs: 10_000,
      everyMs: 50,
      what: 'the block',
    });
    expect((await call(token({ sub: 'ada' }))).response?.result?.['isError'] ?? false).toBe(false);
    await runSallyport(['unblock', doomed, ...config], gateway.dir);
    const bad = token({ exp: inSeconds(-10) });
    const statuses = [];
    for (let i = 0; i < 8; i++) statuses.push((await call(bad)).status);
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429, 429]);
    expect((await call(token({ sub: 'doomed' }))).status).toBe(200);
  });
});

describe('a token in the wrong place', () => {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' });

  it.each(['access_token', 'token', 'ACCESS_TOKEN', 'api_key'])(
    '[jwt] is refused in the query, as %s, and is not written down',
    async (name) => {
      const bearer = token();
      for (const url of [`${gateway.url}?${name}=${bearer}`, `${gateway.url}/rec?a=b&${name}=${bearer}`]) {
        const answer = await post(url, body, { headers: { authorization: `Bearer ${bearer}` } });
        expect(answer.status).toBe(400);
        expect(answer.text).toContain('a credential stands in the URL');
      }
      const records = await readAudit(join(gateway.dir, 'state', 'audit'));
      const written = `${JSON.stringify(records)}${gateway.stdout()}${gateway.stderr()}`;
      expect(written).not.toContain(bearer.slice(-40));
    },
  );

  it('[jwt] is no credential in a cookie, in a form or behind another scheme', async () => {
    const bearer = token();
    for (const headers of [
      { cookie: `access_token=${bearer}; Authorization=Bearer ${bearer}` },
      { authorization: bearer },
      { authorization: `Basic ${bearer}` },
      { authorization: `DPoP ${bearer}` },
      { authorization: `Bearer  ${bearer}` },
      { authorization: `Bearer ${bearer}, Bearer ${bearer}` },
      { 'x-authorization': `Bearer ${bearer}` },
      { 'proxy-authorization': `Bearer ${bearer}` },
    ]) {
      const answer = await post(gateway.url, body, { headers });
      expect(answer.status, JSON.stringify(Object.keys(headers))).toBe(401);
      expect(answer.headers['www-authenticate']).toMatch(/^Bearer /);
    }
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    expect((await post(gateway.url, `access_token=${bearer}`, { headers: form })).status).toBe(415);
  });

  it('[jwt] is refused when there are two', async () => {
    const line = `Authorization: Bearer ${token()}\r\n`;
    const head = `POST /mcp HTTP/1.1\r\nHost: ${gateway.host}:${gateway.port}\r\nContent-Type: application/json\r\n`;
    const bytes = `${head}${line}${line}Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
    expect((await sendRaw(gateway.host, gateway.port, bytes)).responses.map(({ status }) => status)).toEqual([400]);
  });
});

describe('what a token has opened', () => {
  it.concurrent('[open-connections] ends with it: a WebSocket', async () => {
    const bearer = token({ exp: inSeconds(3) });
    const socket = await openRawWebSocket(gateway.url, { key: bearer });
    expect(socket.status).toBe(101);
    expect(await within(socket.closed, 15_000, 'the socket to close')).toBe(1008);
  }, 30_000);

  it.concurrent('[open-connections] ends with it: an SSE connection', async () => {
    const caller = await openSse(gateway.url.replace(/mcp$/, 'sse'), { key: token({ exp: inSeconds(3) }) });
    expect(caller.status).toBe(200);
    expect(caller.isClosed).toBe(false);
    await waitFor(() => caller.isClosed, { ceilingMs: 15_000, everyMs: 50, what: 'the connection to end' });
  }, 30_000);

  it.concurrent('[open-connections] ends with it: listening', async () => {
    const started = performance.now();
    const answer = await postModern(gateway.url, {
      method: 'subscriptions/listen',
      params: { notifications: { toolsListChanged: true } },
      key: token({ exp: inSeconds(3) }),
    });
    expect(answer.status).toBe(200);
    expect(performance.now() - started).toBeGreaterThan(1500);
  }, 30_000);

  it.concurrent('[open-connections] ends with it: the stream of a session, which goes on with the next token of its caller', async () => {
    const first = token({ sub: 'wanderer', exp: inSeconds(3) });
    const session = await LegacySession.open(gateway.url, { key: first });
    const stream = await session.stream();
    const started = performance.now();
    expect((await within(stream.messages.next(), 15_000, 'the stream to end')).done).toBe(true);
    expect(performance.now() - started).toBeGreaterThan(1500);
    expect((await session.request('ping')).status).toBe(401);
    const resume = (bearer: string) =>
      post(gateway.url, JSON.stringify({ jsonrpc: '2.0', id: 9, method: 'ping' }), {
        headers: { ...session.headers(), authorization: `Bearer ${bearer}` },
      });
    expect((await resume(token({ sub: 'wanderer' }))).status).toBe(200);
    // Sessions belong to a caller, whoever else has a good token.
    expect((await resume(token({ sub: 'stranger' }))).status).toBe(404);
    expect((await resume(key)).status).toBe(404);
  }, 30_000);
});

describe('a key that its issuer takes away', () => {
  it('[open-connections] takes with it what its tokens have opened', async () => {
    const old = token({ sub: 'leaked' });
    const steady = await LegacySession.open(gateway.url, { key });
    const staying = await steady.stream();
    const session = await LegacySession.open(gateway.url, { key: old });
    const stream = await session.stream();
    const socket = await openRawWebSocket(gateway.url, { key: old });
    const listening = postModern(gateway.url, {
      method: 'subscriptions/listen',
      params: { notifications: { toolsListChanged: true } },
      key: old,
    });
    issuer.use(issuer.publish());
    issuer.retire();
    expect((await call(token())).status).toBe(200);
    expect((await call(old)).status).toBe(401);
    expect(await within(socket.closed, 15_000, 'the socket to close')).toBe(1008);
    expect((await within(listening, 15_000, 'the listening to end')).status).toBe(200);
    expect((await within(stream.messages.next(), 15_000, 'the stream to end')).done).toBe(true);
    const next = staying.messages.next().then(({ done }) => done);
    expect(await Promise.race([next, call(key).then(() => 'open')])).toBe('open');
    await steady.close();
  }, 60_000);
});

describe('a reload', () => {
  it('[config-reload] changes what tokens mean, and shows those out whose issuer is gone, within a second', async () => {
    const text = await readFile(gateway.configPath, 'utf8');
    const bearer = token();
    const socket = await openRawWebSocket(gateway.url, { key: bearer });
    const staying = await openRawWebSocket(gateway.url, { key });
    expect((await names(bearer)).length).toBeGreaterThan(0);
    const took = async (probe: () => Promise<boolean>, what: string): Promise<number> => {
      const started = performance.now();
      await waitFor(probe, { ceilingMs: 10_000, everyMs: 20, what });
      return performance.now() - started;
    };
    await writeFile(gateway.configPath, text.replace('team.*', 'crew.*'));
    await took(async () => (await names(bearer)).length === 0, 'roles to change');
    expect(socket.isClosed).toBe(false);
    await writeFile(gateway.configPath, text.replace(issuer.url, 'https://other.example'));
    await took(async () => (await call(bearer)).status === 401, 'the issuer to be gone');
    expect(await within(socket.closed, 10_000, 'the socket to close')).toBe(1008);
    expect(staying.isClosed).toBe(false);
    await writeFile(gateway.configPath, text);
    await took(async () => (await call(bearer)).status === 200, 'the issuer to be back');
    staying.destroy();
  }, 60_000);

  it('[config-reload] of something else neither reads keys again nor fails a call', async () => {
    const text = await readFile(gateway.configPath, 'utf8');
    await call(token());
    const before = issuer.keyRequests;
    await writeFile(gateway.configPath, text.replace('"5/h"', '"6/h"'));
    const statuses = new Set<number>();
    const until = performance.now() + 1500;
    while (performance.now() < until) statuses.add((await call(token())).status);
    expect([...statuses]).toEqual([200]);
    expect(issuer.keyRequests).toBe(before);
  }, 60_000);
});
