import { describe, expect, it } from 'vitest';
import type { Answer, HttpHead, Intended } from '../exchange.ts';
import { makeHead, makePorts, makeRules, okAnswer, type TestPorts } from '../exchange.fixture.ts';
import type { KeyHolder, Ports, TokenFault, TokenHolder } from '../ports.ts';
import { refuse, type Refusal } from '../refusals.ts';
import type { Rules } from '../rules.ts';
import { Conversation, type Channel } from './conversation.ts';
import { createConversations } from './conversations.ts';
import { createSessions, Session } from './session.ts';

type Invoke = (exchange: Intended) => Answer | Refusal | Promise<Answer | Refusal>;

const handshake = { revision: '2025-11-25', clientCapabilities: {}, clientInfo: undefined };
const ada: KeyHolder = { name: 'ada', roles: ['reader'] };

const upgradeHead = makeHead(
  {
    authorization: 'Bearer key',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': Buffer.alloc(16).toString('base64'),
    'sec-websocket-protocol': 'mcp',
  },
  { method: 'GET' },
);

interface Spec extends Partial<Omit<Ports, 'invoke'>> {
  readonly invoke?: Invoke;
  readonly isNew?: boolean;
  readonly head?: HttpHead;
}

/** A WebSocket's conversation over a channel that keeps what happens to it. */
function converse({ invoke = () => okAnswer, isNew = false, head = upgradeHead, ...more }: Spec = {}) {
  const state = { holder: ada as KeyHolder | 'invalid' | 'expired', rules: makeRules(), isBlocked: false };
  const ports: TestPorts = makePorts({
    credentials: { verify: () => state.holder },
    blocks: { isBlocked: (kind) => kind === 'caller' && state.isBlocked },
    ...more,
    invoke,
  });
  const seal = { close: () => 'sealed', open: () => undefined };
  let exchanges = 0;
  const events: string[] = [];
  const channel: Channel & { waiting: number } = {
    waiting: 0,
    send: (message) => void events.push(Buffer.from(message).toString()),
    pause: () => void events.push('pause'),
    resume: () => void events.push('resume'),
    end: (reason) => void events.push(`end: ${reason}`),
  };
  const session = new Session('websocket:x', 'key:ada', ['reader'], { kind: 'all' }, ports.clock.now());
  if (!isNew) session.handshake = handshake;
  const conversation = new Conversation(
    {
      ports,
      rules: () => state.rules,
      nextId: () => `x${(exchanges += 1)}`,
      sessions: createSessions({ clock: ports.clock, seal }),
      conversations: createConversations({ clock: ports.clock }),
    },
    { door: 'websocket', path: { kind: 'all' }, address: '192.0.2.7', session, channel, head },
  );
  const say = (message: object): void =>
    conversation.accept(Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...message })));
  const replies = () => events.filter((event) => event.startsWith('{')).map((event) => JSON.parse(event) as object);
  return { conversation, ports, state, channel, events, session, say, replies };
}

const call = (id: string | number) => ({ id, method: 'tools/call', params: { name: 'read', arguments: {} } });

async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

describe('a conversation', () => {
  it('[same-guards] runs each message through every stage, judged by the head that it was opened with', async () => {
    const { say, ports, replies } = converse();
    say(call(1));
    say(call(2));
    await settle();
    expect(replies()).toMatchObject([{ id: 1 }, { id: 2 }]);
    const intents = ports.audit.drafts.filter(({ kind }) => kind === 'intent');
    expect(intents).toMatchObject([
      { door: 'websocket:/mcp', principal: { id: 'key:ada' }, address: '192.0.2.7' },
      { door: 'websocket:/mcp' },
    ]);
    const outcomes = ports.audit.drafts.filter(({ kind }) => kind === 'outcome');
    expect(outcomes).toHaveLength(2);
    expect(Object.keys(outcomes[0]?.outcome?.stages ?? {})).toHaveLength(10);
  });

  it('[open-connections] answers a message whose key has ended under its id, and closes', async () => {
    for (const holder of ['invalid', 'expired'] as const) {
      const { say, state, replies, conversation, events } = converse();
      state.holder = holder;
      say(call('a'));
      await conversation.closed;
      expect(replies()).toMatchObject([{ id: 'a', error: { code: 401 } }]);
      expect(events.at(-1)).toBe('end: the caller may not call any more');
    }
  });

  it('charges the address for each message, and stays open when that is too many', async () => {
    const { say, state, replies, session } = converse();
    state.rules = makeRules({ limits: { perAddress: { tokens: 1, perMs: 60_000, burst: 1 } } });
    say(call(1));
    say(call(2));
    say({ method: 'notifications/initialized' });
    await settle();
    const codes = (replies() as { id: number; error?: { code: number } }[]).map(({ id, error }) => [id, error?.code]);
    expect(codes.toSorted()).toEqual([
      [1, undefined],
      [2, 429],
    ]);
    expect(session.isClosed).toBe(false);
  });

  it.each<[string, (state: { holder: KeyHolder | 'invalid' | 'expired'; rules: Rules; isBlocked: boolean }) => void]>([
    ['its key is revoked', (state) => (state.holder = 'invalid')],
    ['its key expires', (state) => (state.holder = 'expired')],
    ['its caller is blocked', (state) => (state.isBlocked = true)],
    ['the door is closed', (state) => (state.rules = makeRules({ doors: { websocket: false, sse: true } }))],
    ['its Host is not served any more', (state) => (state.rules = makeRules({ hosts: new Set(['other']) }))],
    ['keys are not accepted any more', (state) => (state.rules = makeRules({ callers: { keys: false } }))],
  ])('[open-connections] ends when %s', async (_, change) => {
    const { conversation, state, session, events } = converse();
    conversation.reauthorize();
    expect(session.isClosed).toBe(false);
    change(state);
    conversation.reauthorize();
    expect(session.isClosed).toBe(true);
    await conversation.closed;
    expect(events).toEqual(['end: the caller may not call any more']);
  });

  it('[open-connections] stays while a token is verified anew, and ends when that finds it bad or cannot be done', async () => {
    const holder: TokenHolder = { kind: 'jwt', id: 'jwt:i|ada', roles: ['reader'] };
    const outcomes: Promise<TokenHolder | TokenFault>[] = [
      Promise.resolve(holder),
      Promise.resolve({ fault: 'expired', note: '' }),
    ];
    const verify = (): Promise<TokenHolder | TokenFault> => outcomes.shift() ?? Promise.reject(new Error('a bug'));
    for (const rounds of [2, 1]) {
      const { conversation, session } = converse({ tokens: { verify } });
      for (let round = 0; round < rounds; round++) {
        expect(session.isClosed).toBe(false);
        conversation.reauthorize();
        await settle();
      }
      expect(session.isClosed).toBe(true);
    }
  });

  it('ends when its Origin is not listed any more', () => {
    const head = makeHead({ ...upgradeHead.headers, origin: 'http://localhost:8848' }, { method: 'GET' });
    const { conversation, state, session } = converse({ head });
    conversation.reauthorize();
    expect(session.isClosed).toBe(false);
    state.rules = makeRules({ origins: new Set() });
    conversation.reauthorize();
    expect(session.isClosed).toBe(true);
  });

  it('takes nothing more while its caller leaves much unread, and goes on when it has read', async () => {
    const { say, channel, conversation, events } = converse();
    say(call(1));
    await settle();
    channel.waiting = 1024 * 1024 + 1;
    say(call(2));
    await settle();
    expect(events.filter((event) => event === 'pause')).toHaveLength(1);
    channel.waiting = 0;
    conversation.drained();
    expect(events.at(-1)).toBe('resume');
  });

  it('holds what comes behind a handshake, and takes nothing more until that is done', async () => {
    let finish = (): void => undefined;
    const seen: unknown[] = [];
    const invoke: Invoke = ({ message }) => {
      seen.push(message.method);
      if (message.method !== 'initialize') return okAnswer;
      return new Promise((resolve) => {
        finish = () => resolve(okAnswer);
      });
    };
    const { say, session, events } = converse({ invoke, isNew: true });
    say({ id: 0, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {} } });
    say(call(1));
    await settle();
    expect([seen, events]).toEqual([['initialize'], ['pause']]);
    session.handshake = handshake;
    finish();
    await settle();
    expect([seen, events.at(-1)?.startsWith('{') === true || events.includes('resume')]).toEqual([
      ['initialize', 'tools/call'],
      true,
    ]);
  });

  it('cancels what runs when it closes, and is closed when that has ended', async () => {
    const invoke: Invoke = ({ cancellation }) =>
      new Promise((resolve) => {
        cancellation.subscribe(() => resolve(refuse('cancelled')));
      });
    const { say, conversation, ports, replies } = converse({ invoke });
    say(call(1));
    await settle();
    expect(ports.concurrency.count('key:ada')).toBe(1);
    conversation.close('draining');
    say(call(2));
    await conversation.closed;
    expect([replies(), ports.concurrency.size]).toEqual([[], 0]);
  });

  it('[connection-pace] begins no more than 32 messages in one turn, and all of them in the end', async () => {
    const { say, ports, events } = converse();
    for (let i = 0; i < 100; i += 1) say(call(i));
    for (let i = 0; i < 50; i += 1) await Promise.resolve();
    const begun = () => ports.audit.drafts.filter(({ kind }) => kind === 'intent').length;
    expect(begun()).toBe(32);
    expect(events).toContain('pause');
    await settle();
    expect(begun()).toBe(100);
  });

  it('[connection-pace] closes when the limit of the address refuses again and again', async () => {
    const { say, state, conversation, events } = converse();
    state.rules = makeRules({ limits: { perAddress: { tokens: 1, perMs: 60_000, burst: 1 } } });
    for (let i = 0; i < 8; i += 1) say(call(i));
    await settle();
    expect(conversation.isOver).toBe(false);
    say(call(8));
    await settle();
    expect(conversation.isOver).toBe(true);
    expect(events).toContain('end: too many requests from this address');
  });
});
