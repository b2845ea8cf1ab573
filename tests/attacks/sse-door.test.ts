// The HTTP+SSE door (2024-11-05) of a real gateway: who may open a stream, and whose address takes whose messages.
import { join } from 'node:path';
import {
  createKey,
  openSse,
  post,
  postModern,
  readAudit,
  runSallyport,
  startGateway,
  startRecordingUpstream,
  waitFor,
  type Gateway,
  type RecordingUpstream,
  type SseCaller,
} from '@sallyport/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

let upstream: RecordingUpstream;
let gateway: Gateway;
let url: string;
let key: string;
let other: string;
const open: SseCaller[] = [];

beforeAll(async () => {
  upstream = await startRecordingUpstream();
  gateway = await startGateway({
    config: {
      doors: { sse: 'on' },
      callers: { keys: true },
      roles: { reader: { tools: ['rec.*'] } },
      limits: { perAddress: '100000/s burst 100000', body: '64KiB', openPerCaller: 2 },
      upstreams: { rec: { url: upstream.url } },
    },
  });
  url = gateway.url.replace('/mcp', '/sse');
  key = await createKey(gateway.dir, { name: 'one', role: 'reader' });
  other = await createKey(gateway.dir, { name: 'two', role: 'reader' });
  await waitFor(async () => (await postModern(gateway.url, { method: 'tools/list', key: other })).status === 200, {
    what: 'the keys to work',
  });
}, 60_000);
afterEach(async () => {
  for (const caller of open.splice(0)) {
    caller.close();
    await waitFor(() => caller.isClosed);
  }
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.close();
});

async function connect(at = url, token: string | undefined = key, headers = {}): Promise<SseCaller> {
  const caller = await openSse(at, { ...(token === undefined ? {} : { key: token }), headers });
  open.push(caller);
  return caller;
}

const hello = {
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2024-11-05', capabilities: {}, clientInfo: { name: 'old', version: '1' } },
};
const echo = (id: string | number, name = 'rec__echo') => ({ id, method: 'tools/call', params: { name } });

async function greet(caller: SseCaller): Promise<void> {
  expect((await caller.say(hello)).status).toBe(202);
  expect((await caller.answerTo(0)).result).toMatchObject({ protocolVersion: '2024-11-05' });
  expect((await caller.say({ method: 'notifications/initialized' })).status).toBe(202);
}

describe('the stream', () => {
  it.each<[number, string | undefined, Readonly<Record<string, string>>]>([
    [401, undefined, {}],
    [401, ['sp', 'x'.repeat(12), 'A'.repeat(43)].join('_'), {}],
    [403, 'own', { origin: 'https://evil.example' }],
    [403, 'own', { host: 'evil.example' }],
  ])('[same-guards] is refused with %i for the key %s and %j', async (status, token, headers) => {
    const caller = await openSse(url, {
      ...(token === undefined ? {} : { key: token === 'own' ? key : token }),
      headers,
    });
    expect(caller.status).toBe(status);
  });

  it('[same-guards] is where answers go; a message is taken with 202 and has a record of its own', async () => {
    const caller = await connect();
    expect(caller.named).toMatch(/^\/messages\?sessionId=[A-Za-z0-9_-]{60,}$/);
    await greet(caller);
    expect(await caller.say(echo('a'))).toMatchObject({ status: 202, text: '' });
    expect((await caller.answerTo('a')).result).toMatchObject({ content: [{ type: 'text' }] });
    await caller.say(echo('b', 'rec__nothing'));
    expect((await caller.answerTo('b')).error?.code).toBe(-32602);
    const lines = await waitFor(async () => {
      const found = (await readAudit(join(gateway.dir, 'state', 'audit'))).filter(
        (line) => line['door'] === 'sse:/mcp' && line['method'] === 'tools/call',
      );
      return found.length === 3 ? found : undefined;
    });
    expect(lines.map((line) => line['kind']).toSorted()).toEqual(['intent', 'outcome', 'refusal']);
  });

  it('leads to one server under its own names at /sse/<server>', async () => {
    const caller = await connect(`${url}/rec`);
    expect(caller.named).toMatch(/^\/messages\/rec\?sessionId=/);
    await greet(caller);
    await caller.say(echo('a', 'echo'));
    expect((await caller.answerTo('a')).result).toBeDefined();
  });

  it('[open-connections] is refused beyond the places of a caller', async () => {
    await connect();
    await connect();
    expect((await openSse(url, { key })).status).toBe(429);
    expect((await connect(url, other)).status).toBe(200);
  });

  it('[open-connections] ends when its key is revoked', async () => {
    const doomed = await createKey(gateway.dir, { name: 'doomed', role: 'reader' });
    await waitFor(async () => (await postModern(gateway.url, { method: 'tools/list', key: doomed })).status === 200);
    const caller = await connect(url, doomed);
    await runSallyport(['keys', 'revoke', 'doomed', '-c', gateway.configPath], gateway.dir);
    await waitFor(() => caller.isClosed, { what: 'the stream to end' });
    expect((await caller.say(echo(1))).status).toBe(401);
  });
});

describe('the address of a stream', () => {
  it('[handles-sealed] takes messages of its caller and path alone, and none when the stream is gone', async () => {
    upstream.clear();
    const caller = await connect();
    await greet(caller);
    const foreign = await caller.say(echo(1), { key: other });
    const unknown = await caller.say(echo(1), { endpoint: `${caller.endpoint}A` });
    expect([foreign.status, unknown.status]).toEqual([404, 404]);
    const bare = ({ text, headers }: typeof foreign) => text.replace(headers['sallyport-exchange'] ?? '-', '');
    expect(bare(foreign).replaceAll(/"exchange":"\w+"|\(\w+\)/g, '')).toBe(
      bare(unknown).replaceAll(/"exchange":"\w+"|\(\w+\)/g, ''),
    );
    const elsewhere = caller.endpoint.replace('/messages?', '/messages/rec?');
    expect((await caller.say(echo(1), { endpoint: elsewhere })).status).toBe(404);
    expect((await caller.say(echo(1), { key: undefined })).status).toBe(401);
    caller.close();
    await waitFor(async () => (await caller.say({ method: 'notifications/initialized' })).status === 404, {
      what: 'the address to be gone',
    });
    expect(upstream.of('tools/call')).toEqual([]);
  });

  it('[handles-sealed] is no session of Streamable HTTP', async () => {
    const caller = await connect();
    const id = new URL(caller.endpoint).searchParams.get('sessionId') ?? '';
    const headers = { authorization: `Bearer ${key}`, 'mcp-session-id': id };
    const answer = await post(gateway.url, JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }), {
      headers,
    });
    expect(answer.status).toBe(404);
  });

  it('[size-limits] refuses what is too large, of another type, or not JSON with a status, unseen by any server', async () => {
    upstream.clear();
    const caller = await connect();
    await greet(caller);
    const headers = { authorization: `Bearer ${key}` };
    const send = (body: string, more = {}) => post(caller.endpoint, body, { headers: { ...headers, ...more } });
    expect((await send(' '.repeat(64 * 1024 + 1))).status).toBe(413);
    expect((await send('{}', { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await send('{"jsonrpc"')).status).toBe(400);
    expect((await send('{}', { origin: 'https://evil.example' })).status).toBe(403);
    expect((await post(caller.endpoint, '{}', { headers, method: 'PUT' })).status).toBe(404);
    expect((await post(url, '{}', { headers })).status).toBe(404);
    expect(upstream.of('tools/call')).toEqual([]);
  });

  it('takes nothing before the handshake but the handshake', async () => {
    const caller = await connect();
    const answer = await caller.say(echo(1));
    expect([answer.status, answer.response?.error?.data]).toMatchObject([400, { reason: 'session-required' }]);
  });
});
