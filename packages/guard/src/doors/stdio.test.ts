import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Answer, Intended } from '../exchange.ts';
import { makePorts, makeRules, okAnswer, type TestPorts } from '../exchange.fixture.ts';
import type { Ports } from '../ports.ts';
import { refuse, type Refusal } from '../refusals.ts';
import { createConversations } from './conversations.ts';
import { openStdioDoor } from './stdio.ts';

type Invoke = (exchange: Intended) => Answer | Refusal | Promise<Answer | Refusal>;

interface Reply {
  readonly id?: unknown;
  readonly result?: { readonly content?: unknown };
  readonly error?: { readonly code: number };
}

const handshake = { revision: '2025-11-25', clientCapabilities: {}, clientInfo: undefined };

interface DoorSpec extends Partial<Omit<Ports, 'invoke'>> {
  readonly invoke?: Invoke;
  /** True for a caller that has not sent `initialize` yet. */
  readonly isNew?: boolean;
}

/** A door whose caller writes with `say`, and whose product does as the test likes. */
function openDoor({ invoke = () => okAnswer, isNew = false, ...more }: DoorSpec = {}) {
  const ports: TestPorts = makePorts({ ...more, invoke: (exchange) => invoke(exchange) });
  const [input, output] = [new PassThrough(), new PassThrough()];
  const rules = makeRules({ callers: { keys: true, local: 'reader' }, limits: { concurrentPerCaller: 2 } });
  let exchanges = 0;
  const door = openStdioDoor(
    {
      ports,
      rules: () => rules,
      nextId: () => `x${(exchanges += 1)}`,
      sessions: {
        create: () => undefined,
        mint: () => '',
        find: () => undefined,
        end: () => Promise.resolve(true),
        sweep: noop,
        list: () => [],
        closeAll: noop,
      },
      conversations: createConversations({ clock: ports.clock }),
    },
    { input, output, path: { kind: 'all' }, localUser: 'ada' },
  );
  if (!isNew) door.session.handshake = handshake;
  let text = '';
  output.setEncoding('utf8').on('data', (chunk: string) => void (text += chunk));
  const replies = () =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Reply);
  return { door, ports, input, output, replies, say: (...messages: object[]) => input.write(lines(...messages)) };
}

function noop(): void {}

const lines = (...messages: object[]) =>
  messages.map((message) => `${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`).join('');
const call = (id: string | number, args: object = {}) => ({
  id,
  method: 'tools/call',
  params: { name: 'read', arguments: args },
});
const cancel = (requestId: string | number) => ({ method: 'notifications/cancelled', params: { requestId } });

/** Streams hand on what they have in turns of the event loop. */
async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

/** A product that answers when the test says so, or refuses once the call is cancelled. */
function held() {
  const running: { readonly id: unknown; readonly finish: (text?: string) => void }[] = [];
  const invoke: Invoke = ({ message, cancellation, connection }) => {
    if (message.kind === 'notification') {
      const id = message.params?.['requestId'];
      if (typeof id === 'string' || typeof id === 'number') connection?.cancel(id, 'cancelled');
      return okAnswer;
    }
    return new Promise((resolve) => {
      const finish = (text = 'ok') => resolve({ ...okAnswer, body: Buffer.from(JSON.stringify({ content: text })) });
      running.push({ id: message.id, finish });
      cancellation.subscribe(() => resolve(refuse('cancelled')));
    });
  };
  return { running, invoke };
}

describe('the stdio door', () => {
  it('keeps the caller’s place until the answer is written, and gives it back once', async () => {
    const { running, invoke } = held();
    let released = 0;
    const { say, ports, replies } = openDoor({
      invoke,
      concurrency: { acquire: () => ({ release: () => void (released += 1) }) },
    });
    say(call(1));
    await settle();
    expect([running.length, released]).toEqual([1, 0]);
    running[0]?.finish();
    await settle();
    expect(replies()).toMatchObject([{ id: 1, result: {} }]);
    expect([released, ports.audit.drafts.length]).toEqual([1, 2]);
  });

  it.each<[string, Invoke]>([
    ['answered', () => okAnswer],
    ['refused', () => refuse('unavailable')],
    [
      'broken',
      () => {
        throw new Error('broken inside');
      },
    ],
  ])('has every place free again after calls that were %s', async (_, invoke) => {
    const { say, ports, replies } = openDoor({ invoke });
    for (let round = 0; round < 3; round++) {
      say(call(1), call(2));
      await settle();
    }
    expect([replies().length, ports.concurrency.size]).toEqual([6, 0]);
  });

  it('gives the place of a cancelled call back, and answers it not', async () => {
    const { running, invoke } = held();
    const { say, ports, replies } = openDoor({ invoke });
    say(call(1), call(2));
    await settle();
    expect(running.length).toBe(2);
    say(call(3));
    await settle();
    expect(replies()).toMatchObject([{ id: 3 }]);
    say(cancel(1));
    await settle();
    expect(ports.concurrency.count('local:ada')).toBe(1);
    expect(replies()).toHaveLength(1);
  });

  it('hears a cancellation that comes in the same bytes as its call', async () => {
    const { running, invoke } = held();
    const { say, ports, replies } = openDoor({ invoke });
    say(call('a'), cancel('a'), call('b'));
    await settle();
    running.find(({ id }) => id === 'b')?.finish();
    await settle();
    expect(replies()).toMatchObject([{ id: 'b' }]);
    expect(ports.concurrency.size).toBe(0);
    const refused = ports.audit.drafts.filter(({ kind }) => kind === 'refusal');
    expect(refused).toMatchObject([{ outcome: { reason: 'cancelled' } }]);
  });

  it('[answers-never-cross] answers two calls under the same id, each with its own', async () => {
    const { running, invoke } = held();
    const { say, replies } = openDoor({ invoke });
    say(call(1), call(1));
    await settle();
    running[1]?.finish('second');
    running[0]?.finish('first');
    await settle();
    expect(replies()).toMatchObject([
      { id: 1, result: { content: 'second' } },
      { id: 1, result: { content: 'first' } },
    ]);
  });

  it('answers what was asked before the caller closed its end, and closes then', async () => {
    const { running, invoke } = held();
    const { door, input, say, replies } = openDoor({ invoke });
    say(call(1));
    input.end();
    await settle();
    expect([door.session.isClosed, replies()]).toEqual([false, []]);
    running[0]?.finish();
    await door.closed;
    await settle();
    expect(replies()).toMatchObject([{ id: 1, result: {} }]);
    expect(door.session.isClosed).toBe(true);
  });

  it('hears what comes in the same bytes as a handshake when the handshake is done, and answers it though the caller is gone', async () => {
    const { running, invoke } = held();
    const { door, input, replies } = openDoor({ invoke, isNew: true });
    const hello = { id: 'hello', method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {} } };
    input.end(lines(hello, { method: 'notifications/initialized' }, call(1), call(2)));
    await settle();
    expect(running.map(({ id }) => id)).toEqual(['hello']);
    door.session.handshake = handshake;
    running[0]?.finish('hello');
    await settle();
    expect(running.map(({ id }) => id)).toEqual(['hello', 1, 2]);
    running[2]?.finish();
    running[1]?.finish();
    await door.closed;
    await settle();
    expect(replies().map(({ id, error }) => [id, error])).toEqual([
      ['hello', undefined],
      [2, undefined],
      [1, undefined],
    ]);
  });

  it('begins nothing more once it is closed during a handshake', async () => {
    const { running, invoke } = held();
    const { door, say, replies } = openDoor({ invoke, isNew: true });
    say({ id: 'hello', method: 'initialize', params: {} }, call(1));
    await settle();
    door.close('draining');
    await door.closed;
    await settle();
    expect([running.map(({ id }) => id), replies()]).toEqual([['hello'], []]);
  });

  it('does nothing of a last line that lacks its end: more of it was to come', async () => {
    const { door, input, replies } = openDoor();
    input.end(lines(call(1), call(2)).trimEnd());
    await door.closed;
    await settle();
    expect(replies().map(({ id }) => id)).toEqual([1]);
  });

  it('cancels what runs when it is closed, and is closed only when that has ended', async () => {
    const { running, invoke } = held();
    const { door, say, ports, replies } = openDoor({ invoke });
    say(call(1));
    await settle();
    expect(running.length).toBe(1);
    door.close('draining');
    await door.closed;
    expect([replies(), ports.concurrency.size, ports.audit.drafts.at(-1)?.kind]).toEqual([[], 0, 'refusal']);
  });

  it('lets a line over the limit go by and hears the next', async () => {
    const { say, input, replies } = openDoor();
    input.write(`${'x'.repeat(5000)}\n`);
    await settle();
    say(call(2));
    await settle();
    expect(replies().map(({ id, error }) => [id, error === undefined])).toEqual([
      [undefined, false],
      [2, true],
    ]);
  });
});
