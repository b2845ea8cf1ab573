// Session ids from before a restart, in the right hands and in wrong ones.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  createKey,
  freePorts,
  LegacySession,
  open,
  post,
  runSallyport,
  startGateway,
  startRecordingUpstream,
  type Gateway,
  type RecordingUpstream,
} from '@sallyport/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const script = fileURLToPath(new URL('../fixtures/upstreams/echo-server.sh', import.meta.url));
const names = ['ada', 'eve', 'bob', 'cyd'] as const;
type Name = (typeof names)[number];

let dir: string;
let upstream: RecordingUpstream;
let gateway: Gateway;
let start: () => Promise<Gateway>;
const keys = new Map<Name, string>();
const before = new Map<string, LegacySession>();
let lastEvent = '';

const keyOf = (name: Name): string => keys.get(name) ?? '';
const idOf = (name: string): string => before.get(name)?.id ?? '';
const cli = (...args: string[]) => runSallyport([...args, '-c', join(dir, 'sallyport.yaml')], dir);

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sallyport-restart-'));
  upstream = await startRecordingUpstream({ era: 'legacy' });
  const [port = 0] = await freePorts(1);
  start = () =>
    startGateway({
      dir,
      config: {
        listen: `127.0.0.1:${port}`,
        admin: false,
        callers: { keys: true },
        roles: { everyone: { tools: ['*'] } },
        upstreams: { rec: { url: upstream.url }, kept: { command: ['/bin/sh', script], share: 'session' } },
      },
    });
  gateway = await start();
  for (const name of names) keys.set(name, await createKey(dir, { name, role: 'everyone' }));
  const begin = async (label: string, name: Name, path = ''): Promise<LegacySession> => {
    const session = await LegacySession.open(gateway.url + path, { key: keyOf(name) });
    before.set(label, session);
    return session;
  };
  for (const label of ['ada', 'other', 'streaming']) await begin(label, 'ada');
  await begin('at rec', 'ada', '/rec');
  await begin('to kept', 'ada');
  await begin('unused', 'ada');
  await begin('bob', 'bob');
  await begin('cyd', 'cyd');
  const deleted = await begin('deleted', 'ada');
  if ((await deleted.close()) !== 204) throw new Error('the session did not end');
  const stream = await open(gateway.url, undefined, {
    method: 'GET',
    headers: { ...before.get('streaming')?.headers(), accept: 'text/event-stream' },
  });
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    lastEvent = /^id: ?(.+)$/m.exec(chunk.toString())?.[1] ?? '';
    if (lastEvent !== '') break;
  }
  stream.destroy();
  const kept = await before.get('to kept')?.request('tools/call', who('kept'));
  if (kept?.status !== 200) throw new Error('the server of share: session did not answer');
  await gateway.kill9();
  // While nobody watches: one loses its key and gets another of that name, one is blocked for a moment.
  await cli('keys', 'revoke', 'bob');
  keys.set('bob', await createKey(dir, { name: 'bob', role: 'everyone' }));
  await cli('block', 'key:cyd');
  await cli('unblock', 'key:cyd');
  gateway = await start();
}, 120_000);
afterAll(async () => {
  await gateway?.stop();
  await upstream?.close();
  await rm(dir, { recursive: true, force: true });
});

const who = (mark: string) => ({ name: 'kept__who', arguments: { mark } });

function call(name: Name, id: string, { path = '', mark = 'm' } = {}) {
  const tool = path === '' ? 'rec__echo' : 'echo';
  const body = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool, arguments: { mark } } };
  return post(gateway.url + path, JSON.stringify(body), {
    headers: {
      authorization: `Bearer ${keyOf(name)}`,
      'mcp-session-id': id,
      'mcp-protocol-version': '2025-11-25',
    },
  });
}

describe('a session id from before a restart', () => {
  it('[restart] goes on for its caller without a new handshake', async () => {
    const answer = await call('ada', idOf('ada'), { mark: 'mine' });
    expect([answer.status, answer.text.includes('mine')]).toEqual([200, true]);
    expect((await call('ada', idOf('at rec'), { path: '/rec' })).status).toBe(200);
  });

  it('[restart] is 404 for another caller, at another path, and with another letter, and no server hears of it', async () => {
    upstream.clear();
    const id = idOf('other');
    const changed = (at: number): string => id.slice(0, at) + (id.charAt(at) === 'A' ? 'B' : 'A') + id.slice(at + 1);
    const tries = [
      call('eve', id),
      call('ada', id, { path: '/rec' }),
      call('ada', idOf('at rec')),
      ...[0, 3, 20, Math.floor(id.length / 2), id.length - 1].map((at) => call('ada', changed(at))),
      call('ada', `${id}A`),
      call('ada', 'x'.repeat(8000)),
    ];
    const statuses = (await Promise.all(tries)).map(({ status }) => status);
    expect(statuses).toEqual(statuses.map(() => 404));
    expect(upstream.of('tools/call')).toEqual([]);
    // None of it has taken it from its caller.
    expect((await call('ada', id)).status).toBe(200);
  });

  it('[restart] is 404 when its caller had ended it', async () => {
    expect((await call('ada', idOf('deleted'))).status).toBe(404);
  });

  it('[restart] is 404 when its key was revoked meanwhile, also for a new key of that name', async () => {
    expect((await call('bob', idOf('bob'))).status).toBe(404);
    const anew = await LegacySession.open(gateway.url, { key: keyOf('bob') });
    expect((await call('bob', anew.id ?? '')).status).toBe(200);
  });

  it('[restart] is 404 when its caller was blocked meanwhile, however shortly', async () => {
    expect((await call('cyd', idOf('cyd'))).status).toBe(404);
  });

  it('[restart] goes on until it needs the conversation that a server had with it, and is over then', async () => {
    const session = before.get('to kept');
    expect((await session?.request('tools/call', { name: 'rec__echo', arguments: {} }))?.status).toBe(200);
    const answer = await session?.request('tools/call', who('another-mark'));
    expect([answer?.status, answer?.text.includes('another-mark')]).toEqual([404, false]);
    expect((await session?.request('tools/list'))?.status).toBe(404);
  });

  it('[restart] opens its stream anew; an event id of the old one is unknown', async () => {
    const session = before.get('streaming');
    const headers = { ...session?.headers(), accept: 'text/event-stream' };
    expect(lastEvent).not.toBe('');
    const stale = await post(gateway.url, '', { method: 'GET', headers: { ...headers, 'last-event-id': lastEvent } });
    expect(stale.status).toBe(400);
    const stream = await open(gateway.url, undefined, { method: 'GET', headers });
    expect(stream.statusCode).toBe(200);
    stream.destroy();
  });

  it('[restart] can be ended by its caller before anything else, and stays so', async () => {
    const session = before.get('unused');
    expect(await session?.close()).toBe(204);
    await gateway.kill9();
    gateway = await start();
    expect((await call('ada', idOf('unused'))).status).toBe(404);
    expect((await call('ada', idOf('ada'))).status).toBe(200);
  }, 60_000);
});
