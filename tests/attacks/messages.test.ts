/** The JSON-RPC corpus and the single-request cases of 2026-07-28, with an upstream that records what reaches it. */

import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  corpusOrSkip,
  LegacySession,
  post,
  postModern,
  readAudit,
  readJsonl,
  startGateway,
  startRecordingUpstream,
  waitFor,
} from '@sallyport/testkit';
import type { Gateway, RecordedRequest, RecordingUpstream, UpstreamTool } from '@sallyport/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sendCase, singleRequestGroups } from './mcp-cases.ts';
import type { McpCase } from './mcp-cases.ts';
import { openMessageAnswers } from './messages.policy.ts';
import type { MessageAnswer } from './messages.policy.ts';

interface MessageCase {
  readonly name: string;
  readonly body: string;
  readonly expect: number | string;
}

const corpus = corpusOrSkip('jsonrpc');
const messages = corpus.isHere ? readJsonl<MessageCase>(join(corpus.path, 'messages.jsonl')) : [];
const cases = corpus.isHere
  ? readJsonl<McpCase>(join(corpus.path, 'mcp-2026-07-28.jsonl')).filter(({ group }) => singleRequestGroups.has(group))
  : [];
const mirrored = cases.filter(({ group }) => group === 'mcp-param');

/** Calls of one caller that may run at once. */
const atOnce = 64;

let upstream: RecordingUpstream;
let mirrors: RecordingUpstream[];
let gateway: Gateway;
let url: string;

beforeAll(async () => {
  upstream = await startRecordingUpstream();
  mirrors = await Promise.all(mirrored.map((each) => startRecordingUpstream({ tools: [mirroringTool(each)] })));
  const mirrorUpstreams = mirrors.map((each, index) => [`mirror-${index}`, { url: each.url }] as const);
  gateway = await startGateway({
    config: {
      origins: ['https://gw.example'],
      callers: { anonymous: 'everyone' },
      roles: { everyone: { tools: ['*'], resources: ['*'], prompts: ['*'] } },
      limits: { body: '1MiB', perAddress: '100000/s burst 100000', concurrentPerCaller: atOnce },
      upstreams: { rec: { url: upstream.url }, ...Object.fromEntries(mirrorUpstreams) },
    },
  });
  url = `${gateway.url}/rec`;
}, 60_000);

afterAll(async () => {
  await gateway?.stop();
  await Promise.all([upstream, ...(mirrors ?? [])].map((each) => each?.close()));
}, 60_000);

beforeEach(() => upstream.clear());

/** The tool that an mcp-param case aims at: each mirrored argument with the type of its value. */
function mirroringTool({ xMcpHeader = {}, arguments: args = {} }: McpCase): UpstreamTool {
  const properties = Object.entries(xMcpHeader).map(([name, header]) => {
    const value = args[name];
    const type = typeof value === 'number' ? 'integer' : typeof value === 'boolean' ? 'boolean' : 'string';
    return [name, { type, 'x-mcp-header': header }] as const;
  });
  return { name: 'echo', inputSchema: { type: 'object', properties: Object.fromEntries(properties) } };
}

describe.skipIf(!corpus.isHere)('JSON-RPC messages within a legacy session', () => {
  const stories = new Set(messages.filter(({ body }) => body === 'harness').map(({ name }) => name));
  const single = messages.filter(({ name }) => !stories.has(name));
  let session: LegacySession;

  beforeAll(async () => {
    session = await LegacySession.open(url);
  });

  it('are 61: 56 messages and 5 stories', () => {
    expect([messages.length, single.length, stories.size]).toEqual([61, 56, 5]);
  });

  it.each(single)('[jsonrpc-shape] $name', async ({ name, body, expect: listed }) => {
    const wanted = wantedAnswer(name, listed);
    const answer = await session.send(body);
    if (wanted === 'ignored') {
      expect([answer.status, answer.text]).toEqual([202, '']);
    } else if (wanted === 'result') {
      expect(answer.response?.error).toBeUndefined();
      expect(answer.response?.result).toBeDefined();
      expect(idText(answer.text)).toBe(idText(body));
    } else if (wanted >= 400) {
      expect(answer.status).toBe(wanted);
    } else {
      expect(answer.response?.error?.code).toBe(wanted);
    }
    const reached = upstream.of('tools/call');
    if (wanted === 'result' && body.includes('tools/call')) expectSameArguments(reached, body);
    else expect(reached).toEqual([]);
  });

  it('call-before-initialize: a call without a session is an error and reaches nothing', async () => {
    const body = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', arguments: {} } };
    const answer = await post(url, JSON.stringify(body));
    expect(answer.status).toBe(400);
    expect(answer.response?.error).toBeDefined();
    expect(upstream.of('tools/call')).toEqual([]);
  });

  it('initialize-twice: a second initialize in a session is refused or begins another session', async () => {
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'again', version: '1' } };
    const again = await session.request('initialize', params);
    expect(again.response).toBeDefined();
    expect((await session.request('ping')).response?.result).toEqual({});
  });

  it('cancel-other-session: a cancellation names requests of its own session only', async () => {
    upstream.change({ script: ({ method }) => (method === 'tools/call' ? slowEcho('mine') : undefined) });
    const other = await LegacySession.open(url);
    const mine = session.request('tools/call', { name: 'echo', arguments: {} }, { id: 777 });
    await waitFor(() => upstream.of('tools/call').length === 1, { what: 'the call to reach the upstream' });
    await other.notify('notifications/cancelled', { requestId: 777 });
    expect((await mine).response?.result).toBeDefined();
    upstream.change({ script: () => undefined });
  });

  it('same-id-in-flight: two calls with one id are both answered, or the second is -32600, and never crossed', async () => {
    upstream.change({
      script: async ({ method, params }) => {
        if (method === 'tools/call') await delay(20);
        return method === 'tools/call' ? slowEcho(JSON.stringify(params['arguments'])) : undefined;
      },
    });
    const answers = await Promise.all(
      ['first', 'second'].map(async (who) => {
        const answer = await session.request('tools/call', { name: 'echo', arguments: { who } }, { id: 5 });
        return { who, answer };
      }),
    );
    for (const { who, answer } of answers) {
      if (answer.response?.error === undefined) expect(answer.text).toContain(who);
      else expect(answer.response.error.code).toBe(-32600);
    }
    expect(answers.filter(({ answer }) => answer.response?.result !== undefined).length).toBeGreaterThan(0);
    upstream.change({ script: () => undefined });
  });

  it('10k-in-flight: more calls at once than a caller may have are refused, and the rest are answered', async () => {
    const release = Promise.withResolvers<undefined>();
    upstream.change({
      script: async ({ method }) => {
        if (method === 'tools/call') await release.promise;
        return undefined;
      },
    });
    const count = 400;
    let answered = 0;
    const calls = Array.from({ length: count }, async (_, index) => {
      const answer = await postModern(url, { id: index, method: 'tools/call', params: { name: 'echo' } });
      answered += 1;
      return answer;
    });
    await waitFor(() => answered === count - atOnce, { what: 'a refusal of every call that is too many' });
    release.resolve(undefined);
    const answers = await Promise.all(calls);
    const refused = answers.filter(({ response }) => response?.result?.['isError'] === true);
    expect(refused).toHaveLength(count - atOnce);
    for (const { response } of refused) expect(JSON.stringify(response)).toContain('"too-many-at-once"');
    expect(answers.every(({ response }, index) => response?.id === index)).toBe(true);
    expect(upstream.of('tools/call')).toHaveLength(atOnce);
    upstream.change({ script: () => undefined });
  }, 60_000);

  it('leaves no prototype changed and no number infinite upstream', async () => {
    await session.send(messages.find(({ name }) => name === 'proto-args')?.body ?? '');
    const [call] = upstream.of('tools/call');
    expect(call?.body.toString()).toContain('"__proto__":{"admin":true}');
    expect((await session.request('ping')).response?.result).toEqual({});
  });
});

function wantedAnswer(name: string, listed: number | string): MessageAnswer {
  const open = openMessageAnswers[name];
  if (open !== undefined) return open;
  if (typeof listed === 'number') return listed;
  if (listed === 'ignored') return 'ignored';
  if (listed === 'result' || listed === 'result with same id' || listed === 'no prototype change') return 'result';
  throw new Error(`no answer chosen for ${name}: ${listed}`);
}

/** The id as it is written in a message that has it at the top, wherever it stands there. */
function idText(message: string): string | undefined {
  const text = /^data: (.*)$/m.exec(message)?.[1] ?? message;
  return /"id":("(?:[^"\\]|\\.)*"|-?[\d.eE+-]+|null)/.exec(text)?.[1];
}

function slowEcho(text: string) {
  return { kind: 'result', delayMs: 100, result: { content: [{ type: 'text', text }] } } as const;
}

function expectSameArguments(reached: readonly RecordedRequest[], body: string): void {
  expect(reached).toHaveLength(1);
  const sent = /"arguments":(\{.*\})\}\}$/.exec(body)?.[1];
  if (sent !== undefined) expect(reached[0]?.body.toString()).toContain(`"arguments":${sent}`);
  const name = (JSON.parse(body) as { readonly params: { readonly name: string } }).params.name;
  expect(reached[0]?.name).toBe(name);
}

describe.skipIf(!corpus.isHere)('2026-07-28 single requests', () => {
  it('are 81', () => {
    expect(cases).toHaveLength(81);
  });

  const plain = cases.filter(({ group }) => group !== 'mcp-param');

  it.each(plain)('[header-body] $group: $name', async (each) => {
    const answer = await sendCase(gateway, '/mcp/rec', each);
    const wantsResult = each.expect.startsWith('result') || each.expect.startsWith('policy');
    if (each.expect === 'result or unknown tool, never -32020') {
      expect(answer.code).not.toBe(-32020);
      expect(answer.status).toBeLessThan(500);
    } else if (wantsResult) {
      expect([answer.status, answer.code]).toEqual([200, undefined]);
    } else {
      const [, status, code] = /^(\d{3})(?: (-\d+))?/.exec(each.expect) ?? [];
      expect(answer.status).toBe(Number(status));
      const codes = code === undefined ? undefined : [Number(code), ...alternatives(each.expect)];
      if (codes !== undefined) expect(codes).toContain(answer.code);
    }
    const reached = upstream.of('tools/call');
    expect(reached).toHaveLength(answer.status === 200 && answer.code === undefined ? 1 : 0);
    for (const request of reached) expectNothingSmuggled(request);
  });

  it('takes the configured origin, so that the refused origins are refused for what they are', async () => {
    const control = cases.find(({ group, name }) => group === 'control' && name === 'plain');
    if (control === undefined) throw new Error('no control case');
    const headers = { ...control.headers, origin: 'https://gw.example' };
    expect((await sendCase(gateway, '/mcp/rec', { ...control, headers })).status).toBe(200);
  });
});

/** Codes after "or" in an expectation such as "400 -32022 or -32020". */
function alternatives(text: string): number[] {
  return [...text.matchAll(/or (-\d+)/g)].map((match) => Number(match[1]));
}

/** What policy judged is what the upstream got: header and body agree, and nothing rode along. */
function expectNothingSmuggled({ headers, rawHeaders, body, name }: RecordedRequest): void {
  expect(headers['mcp-method']).toBe('tools/call');
  expect(headers['mcp-name']).toBe(name);
  expect(name).toBe('echo');
  for (const forbidden of ['x-admin', 'authorization', 'cookie', 'origin', 'baggage']) {
    expect(headers[forbidden]).toBeUndefined();
  }
  expect(new Set(rawHeaders.map(([each]) => each.toLowerCase())).size).toBe(rawHeaders.length);
  expect(body.toString()).not.toContain('token=abc');
}

describe.skipIf(!corpus.isHere)('Mcp-Param headers', () => {
  it.each(mirrored)('[header-body] $name', async (each) => {
    const index = mirrored.indexOf(each);
    const answer = await sendCase(gateway, `/mcp/mirror-${index}`, each);
    const reached = mirrors[index]?.of('tools/call') ?? [];
    for (const { headers } of reached) {
      expect(headers['x-admin']).toBeUndefined();
      expect(headers['authorization']).toBeUndefined();
    }
    switch (each.expect) {
      case '400 -32020':
        expect([answer.status, answer.code, reached.length]).toEqual([400, -32020, 0]);
        break;
      case 'numeric compare or 400':
        expect([200, 400]).toContain(answer.status);
        expect(reached).toHaveLength(answer.status === 200 ? 1 : 0);
        break;
      case 'forwarded untouched':
        expect(answer.status).toBe(200);
        expect(reached[0]?.headers['mcp-param-future']).toBe('x');
        break;
      case 'tool dropped from list': {
        const listed = await postModern(`${gateway.url}/mirror-${index}`, { method: 'tools/list' });
        expect(listed.response?.result?.['tools']).toEqual([]);
        expect(reached).toEqual([]);
        break;
      }
      case 'encoded or refused; never a header upstream':
      case 'tool dropped or Mcp-Param-Authorization only':
        expect(answer.status).toBeLessThan(500);
        break;
      default:
        throw new Error(`no check for ${each.expect}`);
    }
  });
});

describe.skipIf(!corpus.isHere)('what policy saw and what the upstream got', () => {
  it('[judged-is-forwarded] are the same calls, by name and by the size of their arguments', async () => {
    const bodies = cases.filter(({ group }) => group === 'control' || group === 'envelope');
    const session = await LegacySession.open(url);
    const known = new Set((await readAudit(join(gateway.dir, 'state', 'audit'))).map(({ seq }) => seq));
    upstream.clear();
    for (const each of bodies) await sendCase(gateway, '/mcp/rec', each);
    for (const { body } of messages.filter((each) => each.body.includes('"tools/call"'))) await session.send(body);

    const got = upstream.of('tools/call').map(({ name, message }) => {
      const { arguments: args } = message['params'] as { readonly arguments?: unknown };
      return `${name} ${args === undefined ? 0 : JSON.stringify(args).length}`;
    });
    const records = await readAudit(join(gateway.dir, 'state', 'audit'));
    const judged = records
      .filter(({ seq, kind, method }) => !known.has(seq) && kind === 'intent' && method === 'tools/call')
      .map(({ target, args }) => `${target?.name} ${args?.bytes ?? 0}`);
    expect(got.length).toBeGreaterThan(0);
    expect(judged.toSorted()).toEqual(got.toSorted());
  });
});
