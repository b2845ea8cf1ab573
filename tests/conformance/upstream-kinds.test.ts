/** Callers of both eras at the running gateway, and behind it one server after another of every kind: the same answers. */

import {
  LegacySession,
  postModern,
  progressOf,
  startGateway,
  startRecordingSocket,
  startRecordingSse,
  startRecordingUpstream,
  waitFor,
} from '@sallyport/testkit';
import type { Gateway, Recording, RecordingOptions, WireMessage } from '@sallyport/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const kinds = ['modern', 'legacy', 'socket', 'oldsocket', 'older'] as const;
const eras = ['modern', 'legacy'] as const;
type Kind = (typeof kinds)[number];
type Json = Readonly<Record<string, unknown>>;

const big = 'x'.repeat(1024 * 1024);

const script: RecordingOptions['script'] = (call) => {
  if (call.method !== 'tools/call') return undefined;
  const hints = call.era === 'modern' ? { resultType: 'complete' } : {};
  const content = [{ type: 'text', text: JSON.stringify(call.params['arguments'] ?? {}) }];
  switch (call.name) {
    case 'admin':
      return { kind: 'result', result: { content: [{ type: 'text', text: big }], ...hints } };
    case 'safe':
      return { kind: 'result', result: { content, ...hints }, stream: [progressOf(call, 1), progressOf(call, 2), 20] };
    case 't':
      return { kind: 'hang' };
    default:
      return undefined;
  }
};

let gateway: Gateway;
let servers: Readonly<Record<Kind, Recording>>;

beforeAll(async () => {
  const [modern, legacy, socket, oldsocket, older] = await Promise.all([
    startRecordingUpstream({ era: 'modern', script }),
    startRecordingUpstream({ era: 'legacy', script }),
    startRecordingSocket({ era: 'modern', script }),
    startRecordingSocket({ era: 'legacy', script }),
    startRecordingSse({ script }),
  ]);
  servers = { modern, legacy, socket, oldsocket, older };
  gateway = await startGateway({
    config: {
      admin: false,
      callers: { anonymous: 'everyone' },
      roles: { everyone: { tools: ['*'], resources: ['*'], prompts: ['*'] } },
      limits: { perAddress: '10000/s burst 10000', concurrentPerCaller: 1000 },
      upstreams: Object.fromEntries(kinds.map((kind) => [kind, { url: servers[kind].url }])),
    },
  });
});

afterAll(async () => {
  await gateway.stop();
  await Promise.all(Object.values(servers).map((server) => server.close()));
});

/** Says a request in one era and returns what came back. */
type Ask = (
  method: string,
  params: Json,
  options?: { readonly onMessage?: (message: WireMessage) => void; readonly signal?: AbortSignal },
) => Promise<WireMessage | undefined>;

const askIn = async (
  era: (typeof eras)[number],
  kind: Kind,
): Promise<{ ask: Ask; session: LegacySession | undefined }> => {
  const url = `${gateway.url}/${kind}`;
  if (era === 'modern') {
    const ask: Ask = async (method, params, options = {}) => {
      const { _meta: meta = {}, ...rest } = params;
      return (await postModern(url, { method, params: rest, meta: meta as Json, ...options })).response;
    };
    return { ask, session: undefined };
  }
  const session = await LegacySession.open(url);
  return {
    ask: async (method, params, options = {}) => (await session.request(method, params, options)).response,
    session,
  };
};

describe.each(eras)('a %s caller', (era) => {
  it.each(kinds)('[any-server] lists, calls, reads, gets and completes at a server of the kind %s', async (kind) => {
    const { ask } = await askIn(era, kind);
    const tools = (await ask('tools/list', {}))?.result?.['tools'] as { name: string }[] | undefined;
    expect(tools?.map(({ name }) => name).toSorted()).toEqual(['admin', 'echo', 'safe', 't']);
    const echo = await ask('tools/call', { name: 'echo', arguments: { mark: kind } });
    expect(JSON.stringify(echo?.result)).toContain(kind);
    const heard: unknown[] = [];
    const onMessage = ({ params }: WireMessage): void => {
      const progress = (params as Json | undefined)?.['progress'];
      if (progress !== undefined) heard.push(progress);
    };
    await ask('tools/call', { name: 'safe', arguments: {}, _meta: { progressToken: 'mine' } }, { onMessage });
    expect(heard).toEqual([1, 2]);
    const large = await ask('tools/call', { name: 'admin', arguments: {} });
    expect(JSON.stringify(large?.result).length).toBeGreaterThan(big.length);
    const read = await ask('resources/read', { uri: 'test://one' });
    expect(JSON.stringify(read?.result)).toContain('contents of test://one');
    const prompt = await ask('prompts/get', { name: 'greet', arguments: { who: kind } });
    expect(JSON.stringify(prompt?.result)).toContain(kind);
    const completion = await ask('completion/complete', {
      ref: { type: 'ref/prompt', name: 'greet' },
      argument: { name: 'who', value: 'o' },
    });
    expect(completion?.result?.['completion']).toMatchObject({ values: ['one', 'two'] });
    const wrong = await ask('tools/call', { name: 'absent', arguments: {} });
    expect(wrong?.error?.code ?? wrong?.result?.['isError']).not.toBeUndefined();
  });

  it.each(kinds)('who gives up is heard of by a server of the kind %s in its own way', async (kind) => {
    const server = servers[kind];
    const { ask, session } = await askIn(era, kind);
    const before = { calls: server.of('tools/call').length, ends: endsAt(server) };
    const abort = new AbortController();
    const waiting = ask('tools/call', { name: 't', arguments: {} }, { signal: abort.signal }).catch(() => undefined);
    await waitFor(() => server.of('tools/call').length > before.calls, { what: 'the call to arrive' });
    if (session === undefined) abort.abort();
    // A session's requests are numbered from 1, and this is its first.
    else await session.notify('notifications/cancelled', { requestId: 1 });
    await waitFor(() => endsAt(server) > before.ends, { what: 'the server to hear of it' });
    abort.abort();
    await waiting;
  });
});

/** How often a server heard that a call is called off: a closed connection, or a notification. */
const endsAt = (server: Recording): number =>
  server.of('notifications/cancelled').length + ('abandoned' in server ? Number(server.abandoned) : 0);
