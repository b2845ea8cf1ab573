import { describe, expect, it } from 'vitest';
import type { CallerSession, HttpHead, Identified } from '../exchange.ts';
import { identified, makeHead, makePorts, receivedOnStdio } from '../exchange.fixture.ts';
import type { Ports } from '../ports.ts';
import { refuse } from '../refusals.ts';
import { createSessionStub } from '../session.fixture.ts';
import { parse } from './parse.ts';

const envelope = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
};
const modernCall = JSON.stringify({
  jsonrpc: '2.0',
  id: 7,
  method: 'tools/call',
  params: { name: 'read', _meta: envelope },
});
const modernHead = makeHead({ 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'read' });
const legacyList = JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'tools/list' });

function over(body: string | Uint8Array, head: HttpHead = makeHead()): Identified {
  return identified({ body, head });
}

function onStdio(body: string, connection: CallerSession): Identified {
  const exchange = receivedOnStdio(connection, { body });
  return Object.assign(exchange, { principal: identified().principal });
}

function having(session: CallerSession): Ports {
  return makePorts({ sessions: { find: (id) => (id === session.id ? session : undefined) } });
}

describe('parse', () => {
  it('reads a modern request without a session', async () => {
    const parsed = await parse(over(modernCall, modernHead), makePorts());
    expect(parsed).toMatchObject({
      era: 'modern',
      revision: '2026-07-28',
      method: { name: 'tools/call' },
      message: { id: 7 },
    });
    expect(parsed).not.toHaveProperty('session');
  });

  it('hands on what reading the body refused', async () => {
    const refused = refuse('body-timeout');
    expect(await parse(identified({ body: refused }), makePorts())).toBe(refused);
  });

  it.each<[string, string, string | Uint8Array, unknown]>([
    ['malformed-json', 'text that is not JSON', '{', undefined],
    ['malformed-json', 'nothing', '', undefined],
    ['malformed-json', 'bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0x22]), undefined],
    ['invalid-request', 'a batch', `[${legacyList}]`, undefined],
    ['invalid-request', 'a duplicate key', '{"jsonrpc":"2.0","id":3,"method":"ping","method":"tools/list"}', 3],
    [
      'invalid-request',
      'a message deeper than the limit',
      `{"jsonrpc":"2.0","id":4,"method":"ping","params":{"a":${'['.repeat(20)}${']'.repeat(20)}}}`,
      4,
    ],
    ['invalid-request', 'an id of null', '{"jsonrpc":"2.0","id":null,"method":"ping"}', undefined],
    ['invalid-params', 'params that are a list', '{"jsonrpc":"2.0","id":5,"method":"ping","params":[]}', 5],
    ['unknown-method', 'a method that nobody has', '{"jsonrpc":"2.0","id":6,"method":"tools/steal"}', undefined],
    [
      'unknown-method',
      'a method that only servers use',
      '{"jsonrpc":"2.0","id":8,"method":"sampling/createMessage"}',
      undefined,
    ],
  ])('answers %s to %s', async (name, _, body, id) => {
    expect(await parse(over(body), makePorts())).toMatchObject({ name, ...(id === undefined ? {} : { id }) });
  });

  it.each<[string, HttpHead]>([
    ['name another method', makeHead({ ...modernHead.headers, 'mcp-method': 'tools/list' })],
    ['name another tool', makeHead({ ...modernHead.headers, 'mcp-name': 'write' })],
    ['name no method', makeHead({ ...modernHead.headers, 'mcp-method': undefined })],
    ['name another revision', makeHead({ ...modernHead.headers, 'mcp-protocol-version': '2025-11-25' })],
    ['come twice', makeHead(modernHead.headers, { repeated: new Set(['mcp-name']) })],
  ])('refuses a modern request whose headers %s', async (_, head) => {
    expect(await parse(over(modernCall, head), makePorts())).toMatchObject({ name: 'header-mismatch' });
  });

  it('keeps the message that it refused, so that the record can name it and the reply can echo its id', async () => {
    for (const exchange of [over(legacyList), over(modernCall), over('{"jsonrpc":"2.0","id":7,"method":"no/such"}')]) {
      expect(await parse(exchange, makePorts())).toHaveProperty('isRefusal', true);
      expect(exchange).toMatchObject({ message: { id: 7 } });
    }
  });

  it('names what is supported to a caller of a revision that is not', async () => {
    const body = modernCall.replace('2026-07-28', '2099-01-01');
    const head = makeHead({ ...modernHead.headers, 'mcp-protocol-version': '2099-01-01' });
    expect(await parse(over(body, head), makePorts())).toMatchObject({
      name: 'unsupported-version',
      data: { supported: ['2026-07-28'], requested: '2099-01-01' },
    });
  });

  it('wants a session for legacy requests other than initialize and ping', async () => {
    const body = (method: string) => JSON.stringify({ jsonrpc: '2.0', id: 7, method, params: {} });
    expect(await parse(over(body('tools/list')), makePorts())).toMatchObject({ name: 'session-required' });
    for (const method of ['initialize', 'ping']) {
      expect(await parse(over(body(method)), makePorts())).toMatchObject({ era: 'legacy', method: { name: method } });
    }
  });

  it('speaks the revision of the session where the caller names none', async () => {
    const session = createSessionStub({ revision: '2025-06-18' });
    const parsed = await parse(over(legacyList, makeHead({ 'mcp-session-id': session.id })), having(session));
    expect(parsed).toMatchObject({ era: 'legacy', revision: '2025-06-18', session });
  });

  it('refuses a session that is not the caller’s as one that does not exist', async () => {
    const head = makeHead({ 'mcp-session-id': 'somebody-else’s' });
    expect(await parse(over(legacyList, head), having(createSessionStub()))).toMatchObject({
      name: 'unknown-session',
    });
  });

  it('refuses two session headers even when the first is good', async () => {
    const session = createSessionStub();
    const head = makeHead({ 'mcp-session-id': session.id }, { repeated: new Set(['mcp-session-id']) });
    expect(await parse(over(legacyList, head), having(session))).toHaveProperty('isRefusal', true);
  });

  it('pays no heed to a session id on a modern request', async () => {
    const head = makeHead({ ...modernHead.headers, 'mcp-session-id': 'nonsense' });
    expect(await parse(over(modernCall, head), makePorts())).toMatchObject({ era: 'modern' });
  });

  it('wants initialize first on a stdio connection', async () => {
    const fresh = createSessionStub({ revision: undefined });
    expect(await parse(onStdio(legacyList, fresh), makePorts())).toMatchObject({ name: 'session-required' });
    const ready = createSessionStub({ revision: '2025-06-18' });
    expect(await parse(onStdio(legacyList, ready), makePorts())).toMatchObject({
      revision: '2025-06-18',
      session: ready,
    });
  });

  it('lets a modern caller on stdio go without initialize', async () => {
    const fresh = createSessionStub({ revision: undefined });
    expect(await parse(onStdio(modernCall, fresh), makePorts())).toMatchObject({ era: 'modern' });
  });

  it('notes an id that another request on its way has, and takes the request', async () => {
    const session = createSessionStub({ track: () => false });
    const reading = parse(onStdio(modernCall, session), makePorts());
    expect(await reading).toMatchObject({ era: 'modern', quirks: ['reused-id'] });
  });

  it('lets its conversation find a request at once, before anything else is done with it', async () => {
    const found: unknown[] = [];
    const session = createSessionStub({ track: (id, canceller) => found.push(id, canceller) > 0 });
    const heard = () => found.splice(0);
    // Not awaited first: a cancellation may come with the very next bytes.
    const modern = onStdio(modernCall, session);
    const reading = parse(modern, makePorts());
    expect(heard()).toEqual([7, modern.cancellation]);
    await reading;
    const legacy = over(legacyList, makeHead({ 'mcp-session-id': session.id }));
    await parse(legacy, having(session));
    expect(heard()).toEqual([7, legacy.cancellation]);
    // A modern caller over HTTP cancels by leaving, so its ids are in no conversation.
    await parse(over(modernCall, makeHead({ ...modernHead.headers, 'mcp-session-id': session.id })), having(session));
    await parse(onStdio('{"jsonrpc":"2.0","method":"notifications/initialized"}', session), makePorts());
    await parse(onStdio('{"jsonrpc":"2.0","id":1,"result":{}}', session), makePorts());
    expect(heard()).toEqual([]);
  });

  it('takes a posted response only within a session', async () => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, result: {} });
    expect(await parse(over(body), makePorts())).toMatchObject({ name: 'session-required' });
    const session = createSessionStub();
    const parsed = await parse(over(body, makeHead({ 'mcp-session-id': session.id })), having(session));
    expect(parsed).toMatchObject({ message: { kind: 'response' }, method: undefined });
  });
});

describe('parse of a message that names its connection', () => {
  const at = (connectionId: string, body = legacyList): Identified =>
    identified({ body, door: 'sse', connectionId, head: makeHead() });

  it('[handles-sealed] finds the connection of this caller, before the body is read, or says that there is none', async () => {
    const session = createSessionStub({ id: 'sealed' });
    expect(await parse(at('sealed'), having(session))).toMatchObject({ connection: session, session, era: 'legacy' });
    let isRead = false;
    const unread = Object.assign(at('other'), { readBody: () => ((isRead = true), Buffer.from('')) });
    expect([await parse(unread, having(session)), isRead]).toMatchObject([{ name: 'unknown-session' }, false]);
  });

  it('tells the door once the message was understood, and not of one that was not', async () => {
    const session = createSessionStub({ id: 'sealed' });
    const told: unknown[] = [];
    const listening = (body?: string) => Object.assign(at('sealed', body), { onParsed: (c: unknown) => told.push(c) });
    await parse(listening('{'), having(session));
    expect(told).toEqual([]);
    await parse(listening(), having(session));
    expect(told).toEqual([session]);
  });
});
