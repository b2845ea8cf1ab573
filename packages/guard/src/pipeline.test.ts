import { describe, expect, it } from 'vitest';
import {
  bodyOf,
  grantOf,
  identified,
  makeHead,
  makePorts,
  makeRules,
  okAnswer,
  policyOf,
  received,
  type TestPorts,
} from './exchange.fixture.ts';
import type { Lease, Received, Recorded, Replied } from './exchange.ts';
import { endExchange, runExchange, runHead, stageNames } from './pipeline.ts';
import type { Ports } from './ports.ts';
import { isRefusal, refuse } from './refusals.ts';

const holder = { name: 'ada', roles: ['reader'] };
const call = JSON.stringify({
  jsonrpc: '2.0',
  id: 7,
  method: 'tools/call',
  params: {
    name: 'read',
    arguments: {},
    _meta: {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': {},
    },
  },
});

function sound(more: Parameters<typeof received>[0] = {}): Received {
  const head = makeHead({
    authorization: 'Bearer key',
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/call',
    'mcp-name': 'read',
  });
  return received({ body: call, head, ...more });
}

function ports(more: Parameters<typeof makePorts>[0] = {}): TestPorts {
  return makePorts({ credentials: { verify: () => holder }, ...more });
}

/** What a door does once the answer is out. */
function giveBack(exchange: object & { readonly lease?: Lease }): void {
  exchange.lease?.release();
}

const broken = (): never => {
  throw new Error('broken inside');
};

describe('the pipeline', () => {
  it('has twelve stages in the order of the design', () => {
    expect(stageNames).toEqual([
      'receive',
      'identify',
      'parse',
      'resolve',
      'authorize',
      'admit',
      'inspect',
      'intend',
      'invoke',
      'screen',
      'record',
      'reply',
    ]);
  });

  it('carries a sound call through all of them', async () => {
    const used = ports();
    const replied = await runExchange(sound(), used);
    expect(replied.reply.status).toBe(200);
    expect(bodyOf(replied.reply)).toEqual({ jsonrpc: '2.0', id: 7, result: { content: [] } });
    expect(replied.marks).toHaveLength(10);
    expect(used.audit.drafts.map(({ kind }) => kind)).toEqual(['intent', 'outcome']);
    expect(used.concurrency.size).toBe(1);
    giveBack(replied);
    expect(used.concurrency.size).toBe(0);
  });

  it('does nothing before the intent is on disk', async () => {
    const order: string[] = [];
    const used = ports({ invoke: () => (order.push('invoke'), okAnswer) });
    used.audit.durable = () => Promise.resolve('durable' as const).then((state) => (order.push('durable'), state));
    await runExchange(sound(), used);
    expect(order).toEqual(['durable', 'invoke']);
  });

  it('reads no body of a caller that it does not know', async () => {
    let isRead = false;
    const exchange = { ...sound({ head: makeHead() }), readBody: () => ((isRead = true), Buffer.from(call)) };
    const replied = await runExchange(exchange, ports());
    expect([replied.reply.status, isRead]).toEqual([401, false]);
  });

  it('stops at the stage that refuses, and says which it was', async () => {
    let isInvoked = false;
    const used = ports({ resolve: () => refuse('unknown'), invoke: () => ((isInvoked = true), okAnswer) });
    const exchange = sound();
    const replied = await runExchange(exchange, used);
    expect([isInvoked, exchange.refusedAt, replied.marks.length]).toEqual([false, 'resolve', 4]);
    expect(used.audit.drafts).toMatchObject([{ kind: 'refusal', outcome: { reason: 'unknown' } }]);
  });

  it.each<[string, string, Partial<Ports>]>([
    ['identify', 'credentials', { credentials: { verify: broken } }],
    ['resolve', 'the resolver', { resolve: broken }],
    ['resolve', 'the resolver, later', { resolve: () => Promise.reject(new Error('broken inside')) }],
    ['resolve', 'the blocks', { blocks: { isBlocked: broken } }],
    ['inspect', 'the digest', { digest: broken }],
    ['invoke', 'the product', { invoke: broken }],
    ['invoke', 'the product, later', { invoke: () => Promise.reject(new Error('broken inside')) }],
  ])('answers and records what is thrown in %s by %s, without a word of it to the caller', async (stage, _, more) => {
    const used = ports();
    const exchange = sound();
    const replied = await runExchange(exchange, { ...used, ...more });
    expect(exchange.refusedAt).toBe(stage);
    expect(Buffer.from(replied.reply.body ?? []).toString()).not.toContain('broken inside');
    expect(used.audit.drafts.at(-1)).toMatchObject({
      kind: 'refusal',
      outcome: { status: '500', reason: `internal: thrown in ${stage}` },
    });
    giveBack(exchange);
    expect(used.concurrency.size).toBe(0);
  });

  it('answers even when what bounds the records of nameless callers is broken itself', async () => {
    const replied = await runExchange(sound(), { ...ports(), buckets: { take: broken, takeAll: broken } });
    expect([replied.reply.status, bodyOf(replied.reply)]).toMatchObject([
      500,
      { error: { data: { reason: 'internal' } } },
    ]);
  });

  it('keeps the cause of a thrown error for the operator', async () => {
    const cause = new Error('broken inside');
    const replied = await runExchange(sound(), ports({ invoke: () => Promise.reject(cause) }));
    expect(replied).toMatchObject({ refusal: { name: 'internal', cause } });
  });

  it('answers even when the record throws, and does not pass the answer off as recorded', async () => {
    const used = ports();
    const append = used.audit.append.bind(used.audit);
    used.audit.append = (draft) => (draft.kind === 'intent' ? append(draft) : broken());
    const replied = await runExchange(sound(), used);
    expect(replied).toMatchObject({ refusal: { name: 'internal', note: 'thrown in record' } });
    expect(bodyOf(replied.reply)).toMatchObject({ id: 7, result: { isError: true } });
    giveBack(replied);
    expect(used.concurrency.size).toBe(0);
  });

  it.each<[string, Partial<Ports>]>([
    ['answered', {}],
    ['refused by the product', { invoke: () => refuse('unavailable') }],
    ['broken in the product', { invoke: broken }],
    ['broken in inspect', { digest: broken }],
  ])('leaves it to the door to give the caller’s place back when the call is %s', async (_, more) => {
    let held = 0;
    let released = 0;
    const concurrency = { acquire: () => ((held += 1), { release: () => void (released += 1) }) };
    const replied = await runExchange(sound(), { ...ports(), ...more, concurrency });
    expect([held, released]).toEqual([1, 0]);
    giveBack(replied);
    expect([held, released]).toEqual([1, 1]);
  });

  it('hands the place to the door also when the answer is too large and when the intent cannot be written', async () => {
    const large = ports({ invoke: () => ({ ...okAnswer, body: new Uint8Array(2000) }) });
    const tooLarge = await runExchange(sound(), large);
    expect(tooLarge).toMatchObject({ refusal: { name: 'answer-too-large' } });
    const full = ports();
    full.audit.durable = () => Promise.resolve('lost');
    const unrecorded = await runExchange(sound(), full);
    expect(unrecorded).toMatchObject({ refusal: { name: 'unrecorded' } });
    expect([large.concurrency.size, full.concurrency.size]).toEqual([1, 1]);
    giveBack(tooLarge);
    giveBack(unrecorded);
    expect([large.concurrency.size, full.concurrency.size]).toEqual([0, 0]);
  });

  describe('refusing before a call is admitted', () => {
    const rate = { tokens: 2, perMs: 60_000, burst: 2 };
    const limited = makeRules({ policy: policyOf({ tools: [grantOf('files.*')], limit: rate }) });
    const refuser = (more: Parameters<typeof makePorts>[0]) =>
      ports({ ...more, credentials: { verify: () => holder } });
    const nameOf = (replied: Replied): string => ('refusal' in replied ? replied.refusal.name : 'answered');

    it.each<[string, Parameters<typeof received>[0], Parameters<typeof makePorts>[0]]>([
      ['unknown', {}, { resolve: () => refuse('unknown') }],
      ['forbidden', {}, { resolve: () => ({ kind: 'tool', upstream: 'db', name: 'drop', key: 'db.drop' }) }],
      ['malformed-json', { body: '{' }, {}],
    ])('[unknown-equals-forbidden] charges the caller itself, so that %s is not free', async (name, request, more) => {
      const used = refuser(more);
      const names: string[] = [];
      for (let i = 0; i < 4; i++) names.push(nameOf(await runExchange(sound({ ...request, rules: limited }), used)));
      expect(names).toEqual([name, name, 'limited', 'limited']);
      expect(used.concurrency.size).toBe(0);
      used.clock.advance(60_000);
      expect(nameOf(await runExchange(sound({ ...request, rules: limited }), used))).toBe(name);
    });

    it('charges nobody for a credential that nobody has, and no caller without a limit', async () => {
      const wrong = ports({ credentials: { verify: () => 'invalid' } });
      const free = refuser({ resolve: () => refuse('unknown') });
      for (let i = 0; i < 3; i++) {
        expect(nameOf(await runExchange(sound({ rules: limited }), wrong))).toBe('bad-credential');
        expect(nameOf(await runExchange(sound(), free))).toBe('unknown');
      }
      expect(nameOf(await runExchange(sound({ rules: limited }), ports()))).toBe('answered');
    });

    it('[limits-truthful] counts requests that cannot be served by their address, and never asks that of good ones', async () => {
      const rate = { tokens: 1, perMs: 60_000, burst: 2 };
      const rules = makeRules({ limits: { badRequests: rate } });
      const used = ports();
      const wrong = { ...used, credentials: { verify: () => 'invalid' as const } };
      const names: string[] = [];
      for (let i = 0; i < 2; i++) names.push(nameOf(await runExchange(sound({ rules, body: '{' }), used)));
      names.push(nameOf(await runExchange(sound({ rules, body: '{' }), used)));
      names.push(nameOf(await runExchange(sound({ rules }), wrong)));
      names.push(nameOf(await runExchange(sound({ rules }), used)));
      names.push(nameOf(await runExchange(sound({ rules, body: '{', address: '198.51.100.9' }), used)));
      const limited = 'bad-requests-limited';
      expect(names).toEqual(['malformed-json', 'malformed-json', limited, limited, 'answered', 'malformed-json']);
    });

    it.each<[string, Partial<Received>]>([
      ['bad-certificate', { certificateFault: 'expired' }],
      ['credential-in-url', { head: makeHead({}, { target: '/mcp?access_token=x', isKnownPath: false }) }],
    ])('[limits-truthful] counts %s as a request that cannot be served', async (name, request) => {
      const badRequests = { tokens: 1, perMs: 60_000, burst: 1 };
      const certificates = { identity: 'common-name', roles: [] } as const;
      const rules = makeRules({ limits: { badRequests }, callers: { keys: true, certificates } });
      const used = ports();
      const names: string[] = [];
      for (let i = 0; i < 2; i++) names.push(nameOf(await runExchange(sound({ ...request, rules }), used)));
      expect(names).toEqual([name, 'bad-requests-limited']);
    });

    it('charges a call that was refused later once only', async () => {
      const used = refuser({ invoke: () => refuse('unavailable') });
      const names: string[] = [];
      for (let i = 0; i < 3; i++) names.push(nameOf(await runExchange(sound({ rules: limited }), used)));
      expect(names).toEqual(['unavailable', 'unavailable', 'limited']);
    });
  });

  it('calls nobody when the intent cannot be written', async () => {
    let calls = 0;
    const used = ports({ invoke: () => ((calls += 1), okAnswer) });
    used.audit.refuses = 'full';
    const replied = await runExchange(sound(), used);
    expect([calls, bodyOf(replied.reply)]).toEqual([
      0,
      expect.objectContaining({ result: expect.objectContaining({ isError: true }) }),
    ]);
  });

  it('tells the observer of every exchange, once, when its reply stands', async () => {
    const seen: Recorded[] = [];
    const observe = (exchange: Recorded) => void seen.push(exchange);
    const one = await runExchange(sound(), ports({ observe }));
    const two = await runExchange(received(), ports({ observe }));
    expect(seen).toEqual([one, two]);
    expect(seen.every((exchange) => 'reply' in exchange)).toBe(true);
  });

  it('keeps to the rules that an exchange began with', async () => {
    const rules = makeRules({ limits: { message: 5 } });
    expect(await runExchange(sound({ rules }), ports())).toMatchObject({ refusal: { name: 'answer-too-large' } });
    expect(await runExchange(sound(), ports())).not.toHaveProperty('refusal');
  });
});

describe('the head of an exchange alone', () => {
  it('is judged by receive and identify, and reads no body', async () => {
    const exchange = { ...sound(), readBody: broken };
    expect(await runHead(exchange, ports())).toMatchObject({ principal: { id: 'key:ada' } });
    expect(exchange.marks).toHaveLength(2);
  });

  it('is refused as in the list', async () => {
    const judged = await runHead(received(), ports());
    expect(isRefusal(judged) && judged.name).toBe('unauthenticated');
  });

  it('is recorded and answered when it ends outside the list', async () => {
    const used = ports();
    const refused = Object.assign(identified(), { refusal: refuse('unknown-session') });
    expect((await endExchange(refused, used)).reply.status).toBe(404);
    expect(used.audit.drafts).toMatchObject([{ kind: 'refusal', outcome: { reason: 'unknown-session' } }]);
  });
});
