import { describe, expect, it } from 'vitest';
import type { Answer, Received, Reply } from '../exchange.ts';
import {
  bodyOf,
  identified,
  makeHead,
  makeRules,
  okAnswer,
  parsed,
  received,
  receivedOnStdio,
  resolved,
} from '../exchange.fixture.ts';
import { NO_GRANT_NEEDED } from '../policy/decision.ts';
import { refusals, refuse, type Refusal, type RefusalFacts, type RefusalName, type RefusalRow } from '../refusals.ts';
import { createSessionStub } from '../session.fixture.ts';
import { reply } from './reply.ts';

function replyTo(exchange: Received, name: RefusalName, facts: RefusalFacts = {}): Reply {
  const refusal: Refusal = refuse(name, facts);
  return reply(Object.assign(exchange, { refusal })).reply;
}

function answerTo(more: Parameters<typeof resolved>[0], answer: Partial<Answer> = {}): Reply {
  const screened = { ...okAnswer, ...answer };
  const lease = { release: () => undefined };
  return reply(Object.assign(resolved(more), { decision: NO_GRANT_NEEDED, lease, answer: screened, screened })).reply;
}

function header(replied: Reply, name: string): string | undefined {
  const at = replied.headers.indexOf(name);
  return at < 0 ? undefined : replied.headers[at + 1];
}

const names = Object.keys(refusals) as RefusalName[];
const showing = (view: string) => names.filter((name) => refusals[name].shows === view);
const list = { id: 'a', method: 'tools/list' };
const read = { id: 'a', method: 'resources/read', params: { uri: 'file:///x' } };

describe('the wait that a refusal promises', () => {
  const facts = { retryAfterMs: 1200, quota: ['RateLimit', '"caller";r=0;t=9'], fill: { rate: '1 call a second' } };
  const call = { id: 1, method: 'tools/call', params: { name: 'files__x' } };

  it('[limits-truthful] stands in the answer at the door, in whole seconds', () => {
    const replied = replyTo(received(), 'address-limited', facts);
    expect([replied.status, header(replied, 'Retry-After'), header(replied, 'RateLimit')]).toEqual([
      429,
      '2',
      '"caller";r=0;t=9',
    ]);
  });

  it('[limits-truthful] stands in the data of an answer of status 200, and in a field where the rules set a status', () => {
    const within = replyTo(resolved({ value: call }), 'limited', facts);
    expect([within.status, header(within, 'Retry-After')]).toEqual([200, undefined]);
    expect(header(within, 'RateLimit')).toBe('"caller";r=0;t=9');
    expect(Buffer.from(within.body ?? []).toString()).toContain('"retryAfterMs":1200');
    const plain = replyTo(resolved({ value: call, rules: makeRules({ refusals: 'status' }) }), 'limited', facts);
    expect([plain.status, header(plain, 'Retry-After'), header(plain, 'RateLimit')]).toEqual([
      429,
      '2',
      '"caller";r=0;t=9',
    ]);
  });
});

describe('an answer', () => {
  it('carries the caller’s own id bytes and the product’s own result bytes', () => {
    const value = '{"id" : "\\u0061\\/" , "jsonrpc":"2.0","method":"tools/list"}';
    const { body, status } = answerTo({ value }, { body: Buffer.from('{ "tools": [ ] }') });
    expect(Buffer.from(body ?? []).toString()).toBe('{"jsonrpc":"2.0","id":"\\u0061\\/","result":{ "tools": [ ] }}');
    expect(status).toBe(200);
  });

  it('that is long comes in pieces, which are the whole', () => {
    const long = Buffer.from(`{"text":"${'x'.repeat(10_000)}"}`);
    const { body, parts } = answerTo({ value: { id: 7, method: 'tools/list' } }, { body: long });
    expect(parts).toContain(long);
    expect(Buffer.concat(parts ?? []).toString()).toBe(`{"jsonrpc":"2.0","id":7,"result":${long.toString()}}`);
    expect(Buffer.from(body ?? []).equals(Buffer.concat(parts ?? []))).toBe(true);
    expect(answerTo({ value: { id: 7, method: 'tools/list' } }).parts).toBeUndefined();
  });

  it.each([['0'], ['-1'], ['9007199254740991'], ['""'], ['"a b"']])('echoes the id %s', (id) => {
    const { body } = answerTo({ value: `{"jsonrpc":"2.0","id":${id},"method":"tools/list"}` });
    expect(Buffer.from(body ?? []).toString()).toContain(`"id":${id},"result"`);
  });

  it.each<['modern' | 'legacy', number, number]>([
    ['modern', -32601, 404],
    ['modern', -32602, 200],
    ['modern', -32021, 400],
    ['modern', -32603, 200],
    ['legacy', -32601, 200],
    ['legacy', -32002, 200],
  ])('to a %s caller with the error %i has status %i', (era, code, status) => {
    const body = Buffer.from(JSON.stringify({ code, message: 'no' }));
    const replied = answerTo({ era }, { kind: 'error', code, body });
    expect(replied.status).toBe(status);
    expect(bodyOf(replied)).toEqual({ jsonrpc: '2.0', id: 1, error: { code, message: 'no' } });
  });

  it('adds the headers that it sets', () => {
    const replied = answerTo({ era: 'legacy' }, { headers: ['Mcp-Session-Id', 's1'] });
    expect(header(replied, 'Mcp-Session-Id')).toBe('s1');
  });

  it('names the exchange and may be neither stored nor guessed at', () => {
    const replied = answerTo({});
    expect(header(replied, 'Sallyport-Exchange')).toBe('x7Qe');
    expect(header(replied, 'Cache-Control')).toBe('no-store');
    expect(header(replied, 'X-Content-Type-Options')).toBe('nosniff');
    expect(header(replied, 'Content-Type')).toBe('application/json');
  });

  it('to a notification or a response is 202 without a body', () => {
    for (const value of [{ method: 'notifications/initialized' }, { id: 1, result: {} }]) {
      const replied = answerTo({ value, era: 'legacy' });
      expect([replied.status, replied.body]).toEqual([202, undefined]);
    }
  });
});

describe('a refusal at the door', () => {
  it.each(showing('door'))('%s shows as its status and a JSON-RPC error', (name) => {
    const row: RefusalRow = refusals[name];
    const head = makeHead({ 'mcp-protocol-version': '2026-07-28' });
    const replied = replyTo(identified({ head }), name, {
      note: 'kept to ourselves',
      fill: { limit: 5, detail: 'why' },
    });
    expect(replied.status).toBe(row.status);
    expect(bodyOf(replied)).toMatchObject({
      jsonrpc: '2.0',
      error: { code: row.code ?? row.status, data: { reason: name, exchange: 'x7Qe' } },
    });
    expect(JSON.stringify(bodyOf(replied))).not.toContain('kept to ourselves');
  });

  it.each(showing('door'))('%s shows the same whatever `refusals` says', (name) => {
    const statuses = (['result', 'status'] as const).map((refusalsAs) => {
      const rules = makeRules({ refusals: refusalsAs });
      return replyTo(parsed({ rules }), name).status;
    });
    expect(statuses[0]).toBe(statuses[1]);
  });

  it.each<[string, string | undefined, unknown]>([
    ['is left out for a caller of 2026-07-28', '2026-07-28', undefined],
    ['is left out for a caller of 2025-11-25', '2025-11-25', undefined],
    ['is null for a caller of 2025-06-18', '2025-06-18', null],
    ['is null for a caller that names no revision', undefined, null],
  ])('an id that could not be read %s', (_, revision, id) => {
    const head = makeHead({ 'mcp-protocol-version': revision });
    const body = bodyOf(replyTo(received({ head }), 'malformed-json')) as { id?: unknown };
    expect('id' in body ? body.id : undefined).toBe(id);
  });

  it('an id that could not be read goes by the revision of a stdio connection', () => {
    const body = (revision: string) =>
      bodyOf(replyTo(receivedOnStdio(createSessionStub({ revision })), 'malformed-json'));
    expect(body('2025-11-25')).not.toHaveProperty('id');
    expect(body('2025-03-26')).toHaveProperty('id', null);
  });

  it.each([0, '', 'a', -7])('echoes the id %j where it was read', (id) => {
    expect(bodyOf(replyTo(received(), 'invalid-request', { id }))).toHaveProperty('id', id);
  });

  it('tells a legacy caller in-band what it can learn from, and a modern one by status', () => {
    for (const name of ['unknown-method', 'invalid-params'] as const) {
      const legacy = received({ head: makeHead({ 'mcp-protocol-version': '2025-11-25' }) });
      expect(replyTo(legacy, name, { id: 1 }).status).toBe(200);
      expect(replyTo(parsed({ era: 'modern' }), name).status).toBe(refusals[name].status);
    }
    expect(replyTo(received(), 'malformed-json').status).toBe(400);
  });

  it('challenges whoever needs credentials, and says what was wrong with bad ones', () => {
    expect(header(replyTo(received(), 'unauthenticated'), 'WWW-Authenticate')).toBe('Bearer realm="sallyport"');
    const told = (name: RefusalName) => header(replyTo(received(), name), 'WWW-Authenticate');
    for (const name of ['bad-credential', 'expired-credential'] as const) {
      expect(told(name)).toBe('Bearer realm="sallyport", error="invalid_token"');
    }
    expect(told('bad-authorization')).toContain('error="invalid_request"');
    expect(told('bad-origin')).toBeUndefined();
    expect(header(replyTo(received(), 'bad-origin'), 'WWW-Authenticate')).toBeUndefined();
  });

  it('tells when to come back and which method to use', () => {
    expect(header(replyTo(received(), 'address-limited', { retryAfterMs: 1 }), 'Retry-After')).toBe('1');
    expect(header(replyTo(received(), 'method-not-allowed'), 'Allow')).toBe('POST');
  });
});

describe('a refusal of a call', () => {
  it.each(showing('call'))('%s shows to a model as a result that it can act on', (name) => {
    const replied = replyTo(resolved({ era: 'legacy' }), name, { note: 'kept to ourselves', retryAfterMs: 1500 });
    expect(replied.status).toBe(200);
    expect(bodyOf(replied)).toEqual({
      jsonrpc: '2.0',
      id: 1,
      result: {
        content: [{ type: 'text', text: expect.stringMatching(/^Sallyport refused files\.read: .* \(x7Qe\)$/) }],
        isError: true,
        _meta: { 'io.sallyport/refusal': { reason: name, exchange: 'x7Qe', retryAfterMs: 1500 } },
      },
    });
    expect(JSON.stringify(bodyOf(replied))).not.toContain('kept to ourselves');
  });

  it.each(showing('call'))('%s is complete in the eyes of a modern caller', (name) => {
    expect(bodyOf(replyTo(resolved({ era: 'modern' }), name))).toMatchObject({
      result: { resultType: 'complete', isError: true },
    });
  });

  it.each(showing('call'))('%s shows as an error where no tool was called', (name) => {
    const row: RefusalRow = refusals[name];
    const replied = replyTo(
      resolved({ value: list, target: { kind: 'list', name: 'tools/list', key: 'tools/list' } }),
      name,
    );
    expect(replied.status).toBe(200);
    expect(bodyOf(replied)).toMatchObject({
      id: 'a',
      error: { code: row.code ?? row.status, data: { reason: name, exchange: 'x7Qe' } },
    });
  });

  it.each(showing('call'))('%s has its status where the file asks for statuses', (name) => {
    const rules = makeRules({ refusals: 'status' });
    expect(replyTo(resolved({ rules }), name).status).toBe(refusals[name].status);
    expect(replyTo(resolved({ rules, value: list }), name).status).toBe(refusals[name].status);
  });

  it('has no body where nothing was asked', () => {
    const replied = replyTo(parsed({ value: { method: 'notifications/initialized' }, era: 'legacy' }), 'blocked');
    expect([replied.status, replied.body]).toEqual([403, undefined]);
  });

  it('echoes the caller’s own id bytes', () => {
    const value = '{"jsonrpc":"2.0","id":"\\u0061","method":"tools/call","params":{"name":"read"}}';
    expect(Buffer.from(replyTo(resolved({ value }), 'denied').body ?? []).toString()).toContain('"id":"\\u0061",');
  });
});

const resource = {
  url: 'https://mcp.example.com',
  authorizationServers: ['https://login.example.com'],
  scopes: ['mcp:read'],
};
const metadata = 'resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp"';

describe('where tokens are accepted', () => {
  const rules = makeRules({ resource });
  const scopes = ['mcp:read', 'mcp:write'];

  it.each(['http', 'websocket', 'sse'] as const)('a refusal at the %s door says where to get one', (door) => {
    const head = makeHead({ host: 'evil.example' });
    const challenge = header(replyTo(received({ rules, door, head }), 'unauthenticated'), 'WWW-Authenticate');
    expect(challenge).toBe(`Bearer realm="sallyport", scope="mcp:read", ${metadata}`);
  });

  it.each<[RefusalName, string]>([
    ['bad-credential', 'The credential is not valid here'],
    ['expired-credential', 'The credential has expired'],
  ])('%s is told apart in words that name no cause', (name, words) => {
    const refused = replyTo(received({ rules }), name, { note: 'the key of 2024' });
    expect(header(refused, 'WWW-Authenticate')).toBe(
      `Bearer realm="sallyport", error="invalid_token", error_description="${words}", scope="mcp:read", ${metadata}`,
    );
  });

  it.each(['modern', 'legacy'] as const)('a %s caller whose token lacks scopes learns of all that it needs', (era) => {
    const replied = replyTo(resolved({ rules, era }), 'step-up', {
      fill: { scopes: scopes.join(' ') },
      data: { scopes },
    });
    expect(replied.status).toBe(403);
    expect(replied.headers.filter((name) => name === 'WWW-Authenticate')).toHaveLength(1);
    expect(header(replied, 'WWW-Authenticate')).toBe(
      'Bearer realm="sallyport", error="insufficient_scope", ' +
        'error_description="The token does not carry every scope that this needs", ' +
        `scope="mcp:read mcp:write", ${metadata}`,
    );
    expect(bodyOf(replied)).toMatchObject({ id: 1, error: { code: 403, data: { reason: 'step-up', scopes } } });
  });

  it.each(['websocket', 'sse', 'stdio'] as const)(
    'a %s caller learns of them in-band, for there is no status',
    (door) => {
      const replied = replyTo(resolved({ rules, door }), 'step-up', {
        fill: { scopes: scopes.join(' ') },
        data: { scopes },
      });
      expect(bodyOf(replied)).toMatchObject({
        result: { isError: true, _meta: { 'io.sallyport/refusal': { reason: 'step-up', scopes } } },
      });
      expect(JSON.stringify(bodyOf(replied))).toContain('mcp:read mcp:write');
    },
  );
});

describe('what does not exist and what is forbidden', () => {
  const facts = { fill: { kind: 'resource', name: 'file:///x' } };

  it.each<['modern' | 'legacy', object]>([
    ['modern', { id: 1, method: 'tools/call', params: { name: 'read' } }],
    ['legacy', { id: 1, method: 'tools/call', params: { name: 'read' } }],
    ['modern', read],
    ['legacy', read],
    ['modern', { id: 1, method: 'prompts/get', params: { name: 'read' } }],
    ['legacy', { id: 1, method: 'completion/complete', params: { ref: { type: 'ref/prompt', name: 'read' } } }],
  ])('answer a %s caller with the same bytes', (era, value) => {
    const unknown = replyTo(parsed({ era, value }), 'unknown', facts);
    const forbidden = replyTo(resolved({ era, value }), 'forbidden', { ...facts, note: 'because' });
    expect(forbidden).toEqual(unknown);
  });

  it.each<['modern' | 'legacy', number]>([
    ['modern', -32602],
    ['legacy', -32002],
  ])('name the resource to a %s caller with the code %i', (era, code) => {
    expect(bodyOf(replyTo(parsed({ era, value: read }), 'unknown', facts))).toEqual({
      jsonrpc: '2.0',
      id: 'a',
      error: { code, message: 'Unknown resource: file:///x', data: { uri: 'file:///x' } },
    });
  });

  it('tell nothing about a tool beyond its name', () => {
    const replied = replyTo(parsed({ era: 'legacy' }), 'unknown', { fill: { kind: 'tool', name: 'read' } });
    expect(bodyOf(replied)).toEqual({ jsonrpc: '2.0', id: 1, error: { code: -32602, message: 'Unknown tool: read' } });
  });
});
