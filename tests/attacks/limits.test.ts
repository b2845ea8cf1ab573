// Limits against callers that try to get round them: ever new identities, and everything else that a caller can choose.
import { setTimeout as delay } from 'node:timers/promises';
import {
  createKey,
  LegacySession,
  open,
  openRawWebSocket,
  openSse,
  post,
  postModern,
  startGateway,
  startRecordingUpstream,
  waitFor,
  type Gateway,
  type HttpAnswer,
  type RecordingUpstream,
  type WireMessage,
} from '@sallyport/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runStrangers, type StrangersResult } from './strangers.ts';

describe('20,000 callers and addresses that nobody has seen', () => {
  let result: StrangersResult;
  beforeAll(async () => {
    result = await runStrangers(20_000);
  }, 120_000);

  it('[limits-truthful] leave every limit at burst plus rate times time, give or take one', () => {
    const names = ['address', 'caller', 'grant', 'effect', 'upstream', 'login', 'bad-requests'];
    expect(result.watched.map(({ name }) => name)).toEqual(names);
    expect(result.seconds).toBeGreaterThan(10);
    for (const { name, allowed, expected } of result.watched) {
      expect([name, Math.abs(allowed - expected) <= 1, allowed, expected]).toEqual([name, true, allowed, expected]);
    }
  });

  it('[limits-truthful] change nothing about the time that a refusal promises', () => {
    expect(result.watched.filter(({ isPromiseKept }) => !isPromiseKept)).toEqual([]);
  });

  it('give nobody back what it had used', () => {
    expect(result.refilled).toBe(0);
  });

  it('are kept in bounded memory', () => {
    expect(Object.values(result.ends).reduce((sum, count) => sum + count, 0)).toBe(20_000);
    expect(result.grown).toBeLessThan(60 * 1024 * 1024);
  });
});

const ample = '100000/s burst 100000';

/** How often each way is tried. */
const tries = 25;

/** What a caller may do: so little refill that the test's own time does not count. */
const allowance = 6;

let upstream: RecordingUpstream;
beforeAll(async () => {
  upstream = await startRecordingUpstream();
});
afterAll(async () => {
  await upstream?.close();
});

/** `reason` of a refusal, however it is told; `undefined` for an answer. */
function reasonOf(message: WireMessage | undefined): string | undefined {
  const meta = message?.result?.['_meta'] as Record<string, { reason?: string }> | undefined;
  const data = message?.error?.data as { reason?: string } | undefined;
  return meta?.['io.sallyport/refusal']?.reason ?? data?.reason;
}

const echo = { method: 'tools/call', params: { name: 'rec__echo', arguments: {} } };
const legacyHead = { 'mcp-protocol-version': '2025-11-25' };

interface Way {
  readonly what: string;
  /** Tries once; the answers' messages, `undefined` where there was none. */
  readonly attempt: (gateway: Gateway, key: string, index: number) => Promise<WireMessage | undefined>;
}

function bearer(key: string): { readonly authorization: string } {
  return { authorization: `Bearer ${key}` };
}

async function message(answer: Promise<HttpAnswer>): Promise<WireMessage | undefined> {
  const { response, messages, status } = await answer;
  return response ?? messages[0] ?? { result: { status } };
}

function initialize(index: number): object {
  const params = {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: `client-${index}`, version: String(index) },
  };
  return { jsonrpc: '2.0', id: index, method: 'initialize', params };
}

/** Everything that a caller can choose, where the limit that it meets is that of its key. */
const ways: readonly Way[] = [
  {
    what: 'initialize with a new client name each time',
    attempt: ({ url }, key, index) => message(post(url, JSON.stringify(initialize(index)), { headers: bearer(key) })),
  },
  {
    what: 'headers that name another address, program or session each time',
    attempt: ({ url }, key, index) =>
      message(
        postModern(url, {
          ...echo,
          key,
          id: `id-${index}`,
          headers: {
            'x-forwarded-for': `203.0.113.${index}`,
            forwarded: `for=203.0.113.${index}`,
            'x-real-ip': `203.0.113.${index}`,
            'true-client-ip': `203.0.113.${index}`,
            'x-client-id': `client-${index}`,
            'x-api-key': `key-${index}`,
            'user-agent': `agent/${index}`,
            cookie: `session=${index}`,
          },
        }),
      ),
  },
  {
    what: 'session ids that were never given',
    attempt: ({ url }, key, index) =>
      message(
        post(url, JSON.stringify({ jsonrpc: '2.0', id: 1, ...echo }), {
          headers: { ...bearer(key), ...legacyHead, 'mcp-session-id': `session-${index}` },
        }),
      ),
  },
  {
    what: 'batches of one call',
    attempt: ({ url }, key) =>
      message(post(url, JSON.stringify([{ jsonrpc: '2.0', id: 1, ...echo }]), { headers: bearer(key) })),
  },
  {
    what: 'capabilities and client information that differ',
    attempt: ({ url }, key, index) =>
      message(
        postModern(url, {
          ...echo,
          key,
          capabilities: { [`x${index}`]: {} },
          meta: { 'io.modelcontextprotocol/clientInfo': { name: `client-${index}`, version: '1' } },
        }),
      ),
  },
  {
    what: 'all paths and methods in turn',
    attempt: ({ url }, key, index) => {
      const local = { method: 'tools/call', params: { name: 'echo', arguments: {} } };
      const methods = [{ method: 'tools/list' }, { method: 'server/discover' }, { method: 'prompts/list' }, echo];
      if (index % 5 === 4) return message(postModern(`${url}/rec`, { ...local, key }));
      return message(postModern(url, { ...(methods[index % 5] ?? echo), key }));
    },
  },
  {
    what: 'a view, and the tools of one that is searched',
    attempt: ({ url }, key, index) => {
      const tool = { name: 'rec__echo', arguments: {} };
      const meta = [
        { name: 'search_tools', arguments: { query: `echo ${index}` } },
        { name: 'describe_tool', arguments: { name: 'rec__echo' } },
        { name: 'call_tool', arguments: tool },
      ][index % 4];
      if (meta === undefined) return message(postModern(`${url}/part`, { ...echo, key }));
      return message(postModern(`${url}/find`, { method: 'tools/call', params: meta, key }));
    },
  },
  {
    what: 'tools that there are not',
    attempt: ({ url }, key, index) =>
      message(postModern(url, { method: 'tools/call', params: { name: `rec__x${index}`, arguments: {} }, key })),
  },
  {
    what: 'a connection for each call',
    attempt: ({ url }, key) => message(postModern(url, { ...echo, key, headers: { connection: 'close' } })),
  },
  {
    what: 'a WebSocket for each message',
    attempt: async ({ url }, key, index) => {
      const socket = await openRawWebSocket(url, { key, headers: { 'Mcp-Client': `c${index}` } });
      try {
        socket.send(initialize(index));
        await waitFor(() => socket.messages().length > 0, { everyMs: 2, what: 'an answer' });
        return socket.messages()[0];
      } finally {
        socket.destroy();
        await socket.closed;
      }
    },
  },
  {
    what: 'an SSE connection for each message',
    attempt: async ({ url }, key, index) => {
      const caller = await openSse(url.replace(/mcp$/, 'sse'), { key });
      try {
        const said = await caller.say(initialize(index));
        return said.response ?? (await caller.answerTo(index));
      } finally {
        caller.close();
      }
    },
  },
];

describe('a caller that', () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await startGateway({
      config: {
        callers: { keys: true },
        doors: { websocket: true, sse: true },
        roles: { bounded: { tools: ['rec.*'], limit: `1/d burst ${allowance}` } },
        limits: { perAddress: ample, badRequests: ample, openPerCaller: 1000 },
        views: { part: { tools: ['rec.*'] }, find: { tools: ['rec.*'], mode: 'search' } },
        upstreams: { rec: { url: upstream.url } },
      },
    });
  }, 60_000);
  afterAll(() => gateway?.stop());

  it.each(ways.map((way, index) => ({ ...way, index })))(
    '[limits-truthful] tries $what gets no more than its key may have',
    async ({ attempt, index }) => {
      const key = await createKey(gateway.dir, { name: `way${index}`, role: 'bounded' });
      const reasons: (string | undefined)[] = [];
      for (let i = 0; i < tries; i++) reasons.push(reasonOf(await attempt(gateway, key, i)));
      expect(reasons.filter((reason) => reason !== 'limited')).toHaveLength(allowance);
      // Whatever way it goes next, it meets the same bucket.
      expect(reasonOf((await postModern(gateway.url, { ...echo, key })).response)).toBe('limited');
    },
    60_000,
  );

  it('[limits-truthful] sends many messages on one WebSocket gets no more than its key may have', async () => {
    const key = await createKey(gateway.dir, { name: 'socket', role: 'bounded' });
    const socket = await openRawWebSocket(gateway.url, { key });
    socket.send(initialize(0));
    await waitFor(() => socket.messages().length === 1, { what: 'the handshake' });
    socket.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
    for (let id = 1; id <= tries; id++) socket.send({ jsonrpc: '2.0', id, ...echo });
    await waitFor(() => socket.messages().filter(({ id }) => id !== undefined).length === tries + 1, {
      what: 'all answers',
    });
    const answers = socket.messages().filter(({ id }) => id !== undefined);
    expect(answers.filter((answer) => reasonOf(answer) !== 'limited')).toHaveLength(allowance);
    socket.destroy();
    await socket.closed;
  });

  it('[limits-truthful] begins a session for each call gets no more than its key may have', async () => {
    const key = await createKey(gateway.dir, { name: 'sessions', role: 'bounded' });
    let calls = 0;
    for (let i = 0; i < tries; i++) {
      const session = await LegacySession.open(gateway.url, { key }).catch(() => undefined);
      const answer = await session?.request('tools/call', { name: 'rec__echo', arguments: {} });
      if (answer !== undefined && reasonOf(answer.response) !== 'limited') calls += 1;
    }
    expect(calls).toBe(allowance / 2);
  });
});

describe('calls that have an effect', () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await startGateway({
      config: {
        callers: { keys: true },
        effects: { 'rec.echo': 'destructive', 'rec.tool': 'write', '*': 'read' },
        roles: { everyone: { tools: ['rec.*'] } },
        limits: { perAddress: ample, effects: { destructive: '1/d burst 3', write: '1/d burst 4' } },
        views: { find: { tools: ['rec.*'], mode: 'search' } },
        upstreams: { rec: { url: upstream.url } },
      },
    });
  }, 60_000);
  afterAll(() => gateway?.stop());

  it('[limits-truthful] are counted for each caller, whichever way they come', async () => {
    const [one, two] = [
      await createKey(gateway.dir, { name: 'one', role: 'everyone' }),
      await createKey(gateway.dir, { name: 'two', role: 'everyone' }),
    ];
    const ask = async (key: string, path: string, params: Record<string, unknown>) =>
      reasonOf((await postModern(`${gateway.url}${path}`, { method: 'tools/call', params, key })).response);
    const reasons = [];
    for (let i = 0; i < 3; i++) {
      reasons.push(await ask(one, '', { name: 'rec__echo', arguments: {} }));
      reasons.push(await ask(one, '/rec', { name: 'echo', arguments: {} }));
      reasons.push(await ask(one, '/find', { name: 'call_tool', arguments: { name: 'rec__echo', arguments: {} } }));
    }
    expect(reasons.map((reason) => reason === 'limited')).toEqual([false, false, false, ...Array(6).fill(true)]);
    expect(await ask(one, '', { name: 'rec__safe', arguments: {} })).toBeUndefined();
    expect(await ask(two, '', { name: 'rec__echo', arguments: {} })).toBeUndefined();
  });
});

describe('an address that', () => {
  let gateway: Gateway;
  const burst = 20;
  beforeAll(async () => {
    gateway = await startGateway({
      config: {
        callers: { keys: true, anonymous: 'everyone' },
        doors: { websocket: true, sse: true },
        roles: { everyone: { tools: ['rec.*'] } },
        limits: { perAddress: `1/m burst ${burst}`, badRequests: ample },
        upstreams: { rec: { url: upstream.url } },
      },
    });
  }, 60_000);
  afterAll(() => gateway?.stop());

  it('[limits-truthful] forges where it comes from, changes door, method and key is one address', async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 60; i++) {
      const headers = { 'x-forwarded-for': `203.0.113.${i}`, forwarded: `for="[2001:db8:${i}::1]"` };
      const secret = ['sp', `k${i}`.padEnd(12, 'x'), 'A'.repeat(43)].join('_');
      const request = [
        () => postModern(gateway.url, { ...echo, headers }),
        () => postModern(gateway.url, { ...echo, headers, key: secret }),
        () => post(gateway.url, JSON.stringify(initialize(i)), { headers }),
        () => post(gateway.url, '{', { headers }),
        async () => {
          const response = await open(gateway.url, undefined, { method: 'GET', headers });
          response.resume();
          return { status: response.statusCode ?? 0 };
        },
        async () => {
          const socket = await openRawWebSocket(gateway.url, { headers });
          socket.destroy();
          return { status: socket.status };
        },
      ][i % 6];
      statuses.push((await request?.())?.status ?? 0);
    }
    expect(statuses.slice(0, burst).filter((status) => status === 429)).toEqual([]);
    expect(statuses.slice(burst).filter((status) => status !== 429).length).toBeLessThanOrEqual(1);
  });
});

describe('what an answer tells of limits', () => {
  let gateway: Gateway;
  let key: string;
  beforeAll(async () => {
    gateway = await startGateway({
      config: {
        callers: { keys: true },
        refusals: 'status',
        roles: {
          bounded: { tools: ['rec.safe', { tool: 'rec.echo', limit: '2/s burst 4' }] },
          held: { tools: [{ tool: 'rec.echo', limit: '5/s' }], limit: '3/s' },
        },
        limits: { perAddress: ample },
        upstreams: { rec: { url: upstream.url } },
      },
    });
    key = await createKey(gateway.dir, { name: 'one', role: 'bounded' });
  }, 60_000);
  afterAll(() => gateway?.stop());

  const fieldsOf = ({ headers }: HttpAnswer) => [
    headers['ratelimit-policy'],
    headers['ratelimit'],
    headers['retry-after'],
  ];

  it('[limits-truthful] is as many calls as pass at once, and when the next one does', async () => {
    const first = await postModern(gateway.url, { ...echo, key });
    const [policy, left] = fieldsOf(first);
    expect(policy).toBe('"grant";q=4;w=2');
    const remaining = Number(/^"grant";r=(\d+);t=1$/.exec(left ?? '')?.[1]);
    expect(remaining).toBe(3);
    const more = [];
    for (let i = 0; i < remaining; i++) more.push(await postModern(gateway.url, { ...echo, key }));
    expect(more.map(({ status }) => status)).toEqual(more.map(() => 200));
    let refused = await postModern(gateway.url, { ...echo, key });
    await waitFor(
      async () => refused.status === 429 || ((refused = await postModern(gateway.url, { ...echo, key })), false),
      {
        everyMs: 1,
        what: 'a refusal',
      },
    );
    expect(fieldsOf(refused)).toEqual(['"grant";q=4;w=2', '"grant";r=0;t=2', '1']);
    await delay(1001);
    expect((await postModern(gateway.url, { ...echo, key })).status).toBe(200);
  });

  it('is nothing where the caller has no limit', async () => {
    const free = { method: 'tools/call', params: { name: 'rec__safe', arguments: {} } };
    expect(fieldsOf(await postModern(gateway.url, { ...free, key }))).toEqual([undefined, undefined, undefined]);
  });

  it('is the limit that ends first, where there are several', async () => {
    const held = await createKey(gateway.dir, { name: 'held', role: 'held' });
    expect(fieldsOf(await postModern(gateway.url, { ...echo, key: held }))[0]).toBe('"caller";q=3;w=1');
  });
});
