// What client programs are known to do otherwise, sent byte for byte to a running gateway: each is answered as the table
// says and counted under its name; what is not in the table is refused.
import {
  createKey,
  open,
  post,
  startGateway,
  startRecordingUpstream,
  waitFor,
  type Gateway,
  type HttpAnswer,
  type RecordingUpstream,
} from '@sallyport/testkit';
import { quirks, type QuirkName } from '@sallyport/guard';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let rec: RecordingUpstream;
let gateway: Gateway;
let key: string;
let release: () => void = () => undefined;
const held = new Promise<void>((resolve) => {
  release = resolve;
});

const discover = {
  resultType: 'complete',
  supportedVersions: ['2026-07-28'],
  capabilities: { tools: {} },
  ttlMs: 60_000,
  cacheScope: 'public',
};

beforeAll(async () => {
  rec = await startRecordingUpstream({
    era: 'modern',
    script: async ({ method, name }) => {
      if (method === 'server/discover') return { kind: 'result', result: discover };
      if (name === 'safe') await held;
      return undefined;
    },
  });
  gateway = await startGateway({
    config: {
      callers: { keys: true },
      limits: { perAddress: '100000/s burst 100000' },
      roles: { reader: { tools: ['*'], resources: ['*'], prompts: ['*'] } },
      upstreams: { rec: { url: rec.url } },
    },
  });
  key = await createKey(gateway.dir, { name: 'ada', role: 'reader' });
  await waitFor(async () => (await initialize()).status === 200, { what: 'the key to work' });
}, 60_000);

afterAll(async () => {
  release();
  await gateway.stop();
  await rec.close();
});

interface Headers {
  readonly [name: string]: string;
}

function send(message: object, headers: Headers = {}): Promise<HttpAnswer> {
  return post(gateway.url, JSON.stringify({ jsonrpc: '2.0', ...message }), {
    headers: { authorization: `Bearer ${key}`, ...headers },
  });
}

const initialize = (headers: Headers = {}): Promise<HttpAnswer> =>
  send(
    {
      id: 0,
      method: 'initialize',
      params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'old', version: '1' } },
    },
    headers,
  );

/** The headers of a session that has been begun as the protocol says. */
async function session(): Promise<Headers> {
  const id = (await initialize()).headers['mcp-session-id'] ?? '';
  const headers = { 'mcp-session-id': id, 'mcp-protocol-version': '2025-11-25' };
  expect((await send({ method: 'notifications/initialized' }, headers)).status).toBe(202);
  return headers;
}

const call = (id: number, name: string, text: string) => ({
  id,
  method: 'tools/call',
  params: { name: `rec__${name}`, arguments: { text } },
});

async function counts(): Promise<Record<string, number>> {
  const { text } = await post(`${gateway.adminUrl}/metrics`, '', { method: 'GET' });
  return Object.fromEntries(
    [...text.matchAll(/^sallyport_client_quirks_total\{quirk="([a-z-]+)"\} (\d+)$/gm)].map(([, name = '', count]) => [
      name,
      Number(count),
    ]),
  );
}

const stories: Readonly<Record<QuirkName, () => Promise<void>>> = {
  'reused-id': async () => {
    const headers = await session();
    const slow = send(call(1, 'safe', 'the slow one'), headers);
    await waitFor(() => rec.of('tools/call').length > 0, { what: 'the slow call to be on its way' });
    const quick = await send(call(1, 'echo', 'the quick one'), headers);
    expect([quick.response?.id, quick.text.includes('the quick one')]).toEqual([1, true]);
    release();
    expect((await slow).text).toContain('the slow one');
  },
  'missing-version-header': async () => {
    const { 'mcp-session-id': id = '' } = await session();
    const answer = await send({ id: 1, method: 'tools/list' }, { 'mcp-session-id': id });
    expect(answer.response?.result?.['tools']).toHaveLength(4);
  },
  'other-version-header': async () => {
    const headers = { ...(await session()), 'mcp-protocol-version': '2025-06-18' };
    expect((await send({ id: 1, method: 'tools/list' }, headers)).response?.result).toBeDefined();
  },
  'stale-method-header': async () => {
    const answer = await initialize({ 'mcp-method': 'server/discover' });
    expect([answer.status, answer.headers['mcp-session-id']]).toEqual([200, expect.any(String)]);
  },
  'odd-accept': async () => {
    const headers = await session();
    for (const accept of ['*/*', 'application/json', 'text/event-stream', '']) {
      const answer = await send(call(1, 'echo', 'plain'), { ...headers, accept });
      expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/json']);
      expect(answer.text).toContain('plain');
    }
  },
  'early-request': async () => {
    const id = (await initialize()).headers['mcp-session-id'] ?? '';
    const headers = { 'mcp-session-id': id, 'mcp-protocol-version': '2025-11-25' };
    const before = (await counts())['early-request'] ?? 0;
    expect((await send(call(1, 'echo', 'early'), headers)).text).toContain('early');
    expect((await send({ method: 'notifications/initialized' }, headers)).status).toBe(202);
    await send(call(2, 'echo', 'later'), headers);
    expect((await counts())['early-request']).toBe(before + 1);
  },
  'unasked-list': async () => {
    const headers = await session();
    const answer = await send({ id: 1, method: 'prompts/list' }, headers);
    expect(answer.response?.result).toEqual({ prompts: [] });
  },
  'probe-discover': async () => {
    const probe = await send({ id: 1, method: 'server/discover', params: {} });
    expect([probe.status, probe.response?.error?.code]).toEqual([200, -32601]);
    expect((await initialize()).status).toBe(200);
  },
  'unknown-method': async () => {
    const answer = await send({ id: 1, method: 'resources/search' }, await session());
    expect([answer.status, answer.response?.error?.code]).toEqual([200, -32601]);
  },
  'probe-get': async () => {
    for (const method of ['GET', 'DELETE']) {
      const headers = { authorization: `Bearer ${key}`, accept: 'text/event-stream' };
      const probe = await open(gateway.url, undefined, { method, headers });
      probe.resume();
      expect([probe.statusCode, probe.headers['allow']]).toEqual([405, 'POST']);
    }
    expect((await initialize()).status).toBe(200);
  },
  'probe-oauth': async () => {
    for (const path of ['oauth-protected-resource/mcp', 'oauth-authorization-server', 'openid-configuration']) {
      const probe = await open(`http://${gateway.host}:${gateway.port}/.well-known/${path}`, undefined, {
        method: 'GET',
      });
      probe.resume();
      expect(probe.statusCode).toBe(404);
    }
  },
};

describe('a habit of client programs', () => {
  it('that is in the table has a story here', () => {
    expect(Object.keys(stories).sort()).toEqual(Object.keys(quirks).sort());
  });

  it('has a counter from the start', async () => {
    expect(Object.keys(await counts()).sort()).toEqual(Object.keys(quirks).sort());
  });

  for (const [name, story] of Object.entries(stories)) {
    it(`[client-quirks] ${name} is borne as the table says, and counted`, async () => {
      const before = await counts();
      await story();
      expect((await counts())[name]).toBeGreaterThan(before[name] ?? 0);
    }, 20_000);
  }
});

describe('a client without habits', () => {
  it('is counted nowhere', async () => {
    const before = await counts();
    const headers = await session();
    await send({ id: 1, method: 'ping' }, headers);
    await send({ id: 2, method: 'tools/list' }, headers);
    await send(call(3, 'echo', 'fine'), headers);
    expect(await counts()).toEqual(before);
  });
});

describe('what is no known habit', () => {
  it.each<[string, number, () => Promise<HttpAnswer>]>([
    ['params that are null', 200, async () => send({ id: 1, method: 'tools/list', params: null }, await session())],
    ['an id that is null', 400, async () => send({ id: null, method: 'tools/list' }, await session())],
    ['an unknown session', 404, () => send({ id: 1, method: 'tools/list' }, { 'mcp-session-id': 'x' })],
    ['a request without a session', 400, () => send({ id: 1, method: 'tools/list' })],
    [
      'a modern header on a legacy request',
      400,
      async () => send({ id: 1, method: 'tools/list' }, { ...(await session()), 'mcp-protocol-version': '2026-07-28' }),
    ],
  ])('is refused: %s', async (_, status, request) => {
    const answer = await request();
    expect([answer.status, answer.response?.error?.code]).toEqual([status, expect.any(Number)]);
  });
});
