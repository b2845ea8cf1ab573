import { createCanceller, type Answer, type Canceller, type Refusal } from '@sallyport/guard';
import type { JsonObject } from '@sallyport/protocol';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  envelope,
  jsonOf,
  makeStream,
  makeWorld,
  messageOf,
  parsed,
  intended,
  settle,
  tool,
  type RequestSpec,
  type Script,
  type TestWorld,
} from '../exchange.fixture.ts';
import { resolveTarget } from '../resolve.ts';
import type { AskAnswer, LinkListener } from '../upstreams/link.ts';
import { forward } from './forward.ts';

const question = { method: 'elicitation/create', params: { message: 'Who?', elicitationId: 'x', requestedSchema: {} } };
const everything = { elicitation: {}, sampling: {}, roots: {} };

/** A legacy server that asks and answers with what it was told. */
const asking =
  (...questions: object[]): Script =>
  async (_request, listener) => {
    const told = await Promise.all(questions.map((each, i) => listener.onRequest(messageOf({ id: i + 1, ...each }))));
    return { content: [], structuredContent: { told: told.map((answer) => toldOf(answer)) } };
  };

const toldOf = ({ kind, body }: AskAnswer): unknown => (kind === 'result' ? jsonOf(body) : { error: jsonOf(body) });

async function gateway(script: Script = asking(question)) {
  const world = await makeWorld({
    files: {
      era: 'legacy',
      share: 'caller',
      tools: [tool('read'), tool('other')],
      ask: ['elicitation', 'roots'],
      script,
    },
  });
  const calls = (): number =>
    world.server('files').link.requests.filter(({ method }) => method === 'tools/call').length;
  return { world, calls };
}

interface CallSpec extends Partial<RequestSpec> {
  readonly params?: object;
  readonly capabilities?: JsonObject;
}

const spec = ({ params = {}, capabilities = everything, ...more }: CallSpec = {}): RequestSpec => ({
  value: {
    id: 1,
    method: 'tools/call',
    params: { name: 'files__read', arguments: { path: 'a' }, _meta: envelope({}, capabilities), ...params },
  },
  ...more,
});

const call = async (world: TestWorld, given: CallSpec = {}): Promise<Answer | Refusal> =>
  forward(await intended(world, spec(given)), world);

function asked(answer: Answer | Refusal): { requestState: string; inputRequests: Record<string, JsonObject> } {
  return jsonOf('body' in answer ? answer.body : undefined) as ReturnType<typeof asked>;
}

const bodyOf = (answer: Answer | Refusal): unknown => jsonOf('body' in answer ? answer.body : undefined);
const yes = { action: 'accept', content: { name: 'Ada' } };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'], shouldAdvanceTime: true });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a legacy server that asks a modern caller', () => {
  it('[any-caller-any-server] has its call parked: the caller gets the question, and its next request goes on with the same call', async () => {
    const { world, calls } = await gateway();
    const first = asked(await call(world));
    expect(first).toMatchObject({
      resultType: 'input_required',
      inputRequests: { q1: { method: 'elicitation/create', params: { message: 'Who?', requestedSchema: {} } } },
    });
    expect(JSON.stringify(first)).not.toContain('elicitationId');
    expect(world.parking.size).toBe(1);
    const second = await call(world, { params: { requestState: first.requestState, inputResponses: { q1: yes } } });
    expect(bodyOf(second)).toMatchObject({ resultType: 'complete', structuredContent: { told: [yes] } });
    expect([calls(), world.parking.size]).toEqual([1, 0]);
    expect(world.recorded).toMatchObject([
      {
        method: 'elicitation/create',
        principal: { id: 'key:ada' },
        target: { upstream: 'files' },
        outcome: { status: 'ok' },
      },
    ]);
  });

  it('is answered one after the other, each round under a state of its own', async () => {
    const script: Script = async (_request, listener) => {
      const one = await listener.onRequest(messageOf({ id: 1, ...question }));
      const two = await listener.onRequest(messageOf({ id: 2, method: 'roots/list' }));
      return { content: [], structuredContent: { told: [toldOf(one), toldOf(two)] } };
    };
    const { world } = await gateway(script);
    const first = asked(await call(world));
    const second = asked(
      await call(world, { params: { requestState: first.requestState, inputResponses: { q1: yes } } }),
    );
    expect(Object.keys(second.inputRequests)).toEqual(['q2']);
    const stale = { params: { requestState: first.requestState, inputResponses: { q2: { roots: [] } } } };
    expect(await call(world, stale)).toMatchObject({ name: 'bad-handle' });
    const third = { params: { requestState: second.requestState, inputResponses: { q1: {}, q2: { roots: [] } } } };
    expect(bodyOf(await call(world, third))).toMatchObject({ structuredContent: { told: [yes, { roots: [] }] } });
  });

  it('has what it asks in messages of their own put into one round', async () => {
    const script: Script = async (_request, listener) => {
      const one = listener.onRequest(messageOf({ id: 1, ...question }));
      await Promise.resolve();
      await Promise.resolve();
      const two = listener.onRequest(messageOf({ id: 2, method: 'roots/list' }));
      return { content: [], structuredContent: { told: [toldOf(await one), toldOf(await two)] } };
    };
    const { world } = await gateway(async (request, listener) => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      return script(request, listener);
    });
    expect(Object.keys(asked(await call(world)).inputRequests)).toEqual(['q1', 'q2']);
  });

  it('is asked again what was left open, and never told what it did not ask', async () => {
    const { world } = await gateway();
    const first = asked(await call(world));
    const nothing = { params: { requestState: first.requestState, inputResponses: { q9: yes, q1: 'yes' } } };
    const again = asked(await call(world, nothing));
    expect(Object.keys(again.inputRequests)).toEqual(['q1']);
    const none = { params: { requestState: again.requestState } };
    expect(Object.keys(asked(await call(world, none)).inputRequests)).toEqual(['q1']);
  });

  it.each<[string, CallSpec]>([
    ['another caller', { caller: 'key:eve' }],
    ['another tool', { params: { name: 'files__other' } }],
    ['other arguments', { params: { arguments: { path: 'b' } } }],
    ['another door', { path: { kind: 'server', server: 'files' }, params: { name: 'read' } }],
  ])('has its parked call found by no request of %s', async (_, other) => {
    const { world, calls } = await gateway();
    const { requestState } = asked(await call(world));
    const params = { ...other.params, requestState, inputResponses: { q1: yes } };
    const stranger = parsed(world, spec({ ...other, params }));
    expect(await resolveTarget(stranger, world)).toMatchObject({ name: 'bad-handle' });
    expect([calls(), world.parking.size]).toEqual([1, 1]);
  });

  it('is found by its own caller in its own round alone, whatever the state says', async () => {
    const { world } = await gateway();
    const { requestState } = asked(await call(world));
    const target = await resolveTarget(parsed(world, spec({ params: { requestState } })), world);
    const { park, round } = ('parked' in target ? target.parked : undefined) ?? { park: '', round: 0 };
    expect(world.parking.take(park, round, 'key:eve')).toBeUndefined();
    expect(world.parking.take(park, round + 1, 'key:ada')).toBeUndefined();
    expect(world.parking.take(park, round, 'key:ada')).toBeDefined();
  });

  it('never has a call run again that is not parked any more', async () => {
    const { world, calls } = await gateway();
    const { requestState } = asked(await call(world));
    const params = { requestState, inputResponses: { q1: yes } };
    await call(world, { params });
    expect(await call(world, { params })).toMatchObject({ name: 'bad-handle' });
    expect(calls()).toBe(1);
  });

  it('has a state of another process refused', async () => {
    const { world } = await gateway();
    const { requestState } = asked(await call(world));
    const other = { ...world, parking: { ...world.parking, node: 'another' } };
    expect(await resolveTarget(parsed(world, spec({ params: { requestState } })), other)).toMatchObject({
      name: 'bad-handle',
    });
  });

  it('has many answers at once taken once', async () => {
    const { world, calls } = await gateway();
    const { requestState } = asked(await call(world));
    const params = { requestState, inputResponses: { q1: yes } };
    const answers = await Promise.all(Array.from({ length: 50 }, () => call(world, { params })));
    expect(answers.filter((answer) => 'body' in answer)).toHaveLength(1);
    expect(calls()).toBe(1);
  });

  it.each<[string, JsonObject, object]>([
    ['a kind that was not declared', { roots: {} }, question],
    ['a kind that `ask` does not allow', everything, { method: 'sampling/createMessage', params: { messages: [] } }],
    [
      'a page where only forms were declared',
      everything,
      { ...question, params: { mode: 'url', url: 'https://a.example/' } },
    ],
  ])('is told that nobody can be asked for %s', async (_, capabilities, one) => {
    const { world } = await gateway(asking(one));
    expect(bodyOf(await call(world, { capabilities }))).toMatchObject({
      structuredContent: { told: [{ error: { code: -32601 } }] },
    });
    expect(world.parking.size).toBe(0);
  });

  it('has its call cancelled upstream when nobody comes back', async () => {
    let cancellation: Canceller | undefined;
    const script: Script = async (request, listener) => {
      request.cancellation.subscribe(() => (cancellation = createCanceller()));
      await listener.onRequest(messageOf({ id: 1, ...question }));
      return {};
    };
    const { world } = await gateway(script);
    const { requestState } = asked(await call(world));
    await vi.advanceTimersByTimeAsync(599_999);
    expect(cancellation).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect([cancellation !== undefined, world.parking.size]).toEqual([true, 0]);
    expect(await call(world, { params: { requestState } })).toMatchObject({ name: 'bad-handle' });
    expect(world.recorded.at(-1)).toMatchObject({ outcome: { status: 'error', reason: 'nobody came back in time' } });
  });

  it('has its call cancelled upstream when the caller goes while it waits, before a question and after one', async () => {
    const reasons: string[] = [];
    const waits: Script = async (request, listener) => {
      await listener.onRequest(messageOf({ id: 1, ...question }));
      return new Promise((resolve) => {
        request.cancellation.subscribe((reason) => {
          reasons.push(reason);
          resolve({});
        });
      });
    };
    const { world } = await gateway(waits);
    const { requestState } = asked(await call(world));
    const cancellation = createCanceller();
    const going = call(world, { cancellation, params: { requestState, inputResponses: { q1: yes } } });
    await settle();
    cancellation.cancel('the caller closed the connection');
    await going;
    expect([reasons, world.parking.size]).toEqual([['the caller closed the connection'], 0]);
  });

  it('is not cancelled by a caller that has its question and closes the connection', async () => {
    const { world, calls } = await gateway();
    const cancellation = createCanceller();
    const { requestState } = asked(await call(world, { cancellation }));
    cancellation.cancel('the caller closed the connection');
    const answer = await call(world, { params: { requestState, inputResponses: { q1: yes } } });
    expect([bodyOf(answer), calls()]).toMatchObject([{ structuredContent: { told: [yes] } }, 1]);
  });

  it('may keep only so many calls of one caller waiting; another caller has room', async () => {
    const { world } = await gateway();
    for (let i = 0; i < 8; i++) await call(world);
    expect(world.parking.size).toBe(8);
    expect(bodyOf(await call(world))).toMatchObject({ structuredContent: { told: [{ error: { code: -32603 } }] } });
    expect(asked(await call(world, { caller: 'key:bob' })).inputRequests).toHaveProperty('q1');
  });

  it('is heard by whoever of the same caller waits now', async () => {
    let heard: LinkListener | undefined;
    const script: Script = async (_request, listener) => {
      heard = listener;
      await listener.onRequest(messageOf({ id: 1, ...question }));
      heard.onMessage(messageOf({ method: 'notifications/progress', params: { progressToken: 5, progress: 1 } }));
      return { content: [] };
    };
    const { world } = await gateway(script);
    const meta = (token: string) => ({ _meta: envelope({ progressToken: token }, everything) });
    const [one, two] = [makeStream(), makeStream()];
    const { requestState } = asked(await call(world, { stream: one, params: meta('first') }));
    await call(world, {
      stream: two,
      params: { ...meta('second'), requestState, inputResponses: { q1: yes } },
    });
    expect([one.sent, two.sent.length]).toEqual([[], 1]);
    expect(two.sent[0]).toContain('"second"');
  });

  it('has its calls ended for callers that are not welcome any more', async () => {
    const { world } = await gateway();
    await call(world);
    await call(world, { caller: 'key:bob' });
    world.parking.endFor((principal) => principal === 'key:bob', 'blocked');
    expect(world.parking.size).toBe(1);
  });

  it('that has ended meanwhile is told of when the caller comes back, and not run again', async () => {
    let end: (value: object) => void = () => undefined;
    const script: Script = (_request, listener) => {
      void listener.onRequest(messageOf({ id: 1, ...question }));
      return new Promise((resolve) => {
        end = resolve;
      });
    };
    const { world, calls } = await gateway(script);
    const { requestState } = asked(await call(world));
    end({ content: [{ type: 'text', text: 'gave up' }] });
    await settle();
    expect(
      JSON.stringify(bodyOf(await call(world, { params: { requestState, inputResponses: { q1: yes } } }))),
    ).toContain('gave up');
    expect(calls()).toBe(1);
  });
});

describe('pages that have to be visited first', () => {
  const error = {
    code: -32042,
    message: 'visit',
    data: { elicitations: [{ mode: 'url', elicitationId: 'e', url: 'https://a.example/', message: 'Sign in' }] },
  };
  const capabilities = { elicitation: { url: {} } };
  const withPages = () => {
    let tries = 0;
    return gateway(() => {
      tries += 1;
      return tries === 1
        ? { kind: 'answer', message: messageOf({ id: 1, error }), httpStatus: undefined }
        : { content: [], n: tries };
    });
  };

  it('have the call begun again once the caller has agreed', async () => {
    const { world, calls } = await withPages();
    const { requestState } = asked(await call(world, { capabilities }));
    const params = { requestState, inputResponses: { page1: { action: 'accept' } } };
    expect(bodyOf(await call(world, { capabilities, params }))).toMatchObject({ n: 2 });
    expect(calls()).toBe(2);
    expect(JSON.stringify(jsonOf(world.server('files').link.requests.at(-1)?.params))).not.toContain('requestState');
  });

  it.each([{ page1: { action: 'decline' } }, {}, undefined])(
    'are not taken as visited after %j',
    async (inputResponses) => {
      const { world, calls } = await withPages();
      const { requestState } = asked(await call(world, { capabilities }));
      const params = { requestState, ...(inputResponses === undefined ? {} : { inputResponses }) };
      expect(await call(world, { capabilities, params })).toMatchObject({ name: 'cancelled' });
      expect(calls()).toBe(1);
    },
  );
});
