/** The stories about request states (corpus group `mrtr-state`): S is the state of ada's call of the tool t at a server. */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSeal, deriveKeys, parseMasterKey } from '@sallyport/guard';
import { createKey, postModern, startGateway } from '@sallyport/testkit';
import type { Gateway, HttpAnswer } from '@sallyport/testkit';
import { expect } from 'vitest';
import { configuration, everything, introduction, isRefused, masterOf } from './stage.ts';
import type { Stage } from './stage.ts';

type Story = (stage: Stage) => Promise<void>;
type Params = Readonly<Record<string, unknown>>;

const question = { method: 'elicitation/create', params: { message: '?', requestedSchema: { type: 'object' } } };
const yes = { action: 'accept', content: {} };

/** The server asks once for each call without a state, and then says which state and arguments it saw. */
function askOnce({ server, other }: Stage): void {
  for (const each of [server, other]) {
    each.change({
      script: (call) => {
        if (call.method !== 'tools/call') return introduction(call);
        const { requestState, inputResponses, arguments: given } = call.params;
        if (requestState === undefined) {
          const inner = `inner of ${String(call.name)} ${JSON.stringify(given)}`;
          const asking = { resultType: 'input_required', inputRequests: { a: question }, requestState: inner };
          return { kind: 'result', result: asking };
        }
        const text = JSON.stringify({ requestState, inputResponses, name: call.name });
        return { kind: 'result', result: { resultType: 'complete', content: [{ type: 'text', text }] } };
      },
    });
    each.clear();
  }
}

const call = (params: Params = {}) => ({
  method: 'tools/call',
  params: { name: 'server__t', arguments: { a: 1 }, ...params },
});

const stateOf = ({ response }: HttpAnswer): string => {
  const state = response?.result?.['requestState'];
  if (typeof state !== 'string') throw new Error(`no state: ${JSON.stringify(response)}`);
  return state;
};

const textOf = ({ response }: HttpAnswer): string => JSON.stringify(response?.result?.['content'] ?? null);

async function takeState(stage: Stage, params: Params = {}): Promise<string> {
  askOnce(stage);
  return stateOf(await stage.send(call(params)));
}

/** Every try is refused, and nothing of it reaches a server. */
async function expectRefused(stage: Stage, tries: readonly Params[], as: 'ada' | 'bob' = 'ada'): Promise<void> {
  const { server, other } = stage;
  server.clear();
  other.clear();
  for (const params of tries) {
    const answer = await stage.send(call({ inputResponses: { a: yes }, ...params }), as);
    expect(isRefused(answer), JSON.stringify(params).slice(0, 200)).toBe(true);
  }
  expect([server.of('tools/call'), other.of('tools/call')]).toEqual([[], []]);
}

/** A gateway over the same servers with a master key of the story's own making. */
async function withGateway(stage: Stage, master: string, use: (gateway: Gateway, key: string) => Promise<void>) {
  const dir = await mkdtemp(join(tmpdir(), 'sallyport-handles-'));
  const path = join(dir, 'shared.key');
  await writeFile(path, master, { mode: 0o600 });
  const urls = { server: stage.server.url, other: stage.other.url };
  const gateway = await startGateway({ config: { ...configuration(urls), master: `file:${path}` } });
  try {
    await use(gateway, await createKey(gateway.dir, { name: 'ada', role: 'everyone' }));
  } finally {
    await gateway.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

/** A state as the gateway itself would have sealed it at another time. */
async function sealedAt(stage: Stage, subject: string, now: number): Promise<string> {
  const master = parseMasterKey(await readFile(masterOf(stage.gateway), 'utf8'), 'the test');
  if ('fault' in master) throw new Error(master.message);
  const seal = createSeal(
    [deriveKeys(master).current.seal],
    { now: () => now, monotonic: () => now },
    { bytes: randomBytes },
  );
  return seal.close('state', { principal: 'key:ada', path: '/mcp', subject }, { state: 'inner', round: 1 }, 60_000);
}

/** SHA-256 of `{"a":1}`, the arguments of every call here. */
const digest = '015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862';

/** Asks a legacy server's tool, whose call then waits. */
async function park(stage: Stage): Promise<HttpAnswer> {
  return await stage.send({ method: 'tools/call', params: parked });
}

const parked = { name: 'asking__test_elicitation', arguments: { message: 'Who?' } };

const goOn = (stage: Stage, requestState: string, inputResponses?: unknown): Promise<HttpAnswer> =>
  stage.send({
    method: 'tools/call',
    params: { ...parked, requestState, ...(inputResponses === undefined ? {} : { inputResponses }) },
  });

const contact = { action: 'accept', content: { username: 'ada', email: 'ada@example.com' } };

const keysOf = ({ response }: HttpAnswer): string[] => {
  const requests = response?.result?.['inputRequests'];
  return typeof requests === 'object' && requests !== null ? Object.keys(requests) : [];
};

/** A state that works is accepted, so that refusals mean something. */
async function expectAccepted(stage: Stage, requestState: string): Promise<void> {
  const answer = await stage.send(call({ requestState, inputResponses: { a: yes } }));
  expect(textOf(answer)).toContain('inner of t');
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

export const stateStories: Readonly<Record<string, Story>> = {
  async 'bit-flip each byte'(stage) {
    const state = await takeState(stage);
    const flipped = [...state].map((letter, index) => {
      const next = alphabet[(alphabet.indexOf(letter) ^ 1) % 64] ?? 'A';
      return { requestState: `${state.slice(0, index)}${next}${state.slice(index + 1)}` };
    });
    await expectRefused(stage, flipped);
    await expectAccepted(stage, state);
  },
  async truncate(stage) {
    const state = await takeState(stage);
    const cuts = [1, 2, 3, 4, 16, 32, state.length - 1];
    await expectRefused(
      stage,
      cuts.flatMap((cut) => [{ requestState: state.slice(0, -cut) }, { requestState: state.slice(cut) }]),
    );
  },
  async 'empty string'(stage) {
    askOnce(stage);
    await expectRefused(stage, [{ requestState: '' }]);
  },
  async 'other principal B'(stage) {
    const requestState = await takeState(stage);
    await expectRefused(stage, [{ requestState }], 'bob');
  },
  async 'other tool'(stage) {
    const requestState = await takeState(stage);
    await expectRefused(stage, [{ requestState, name: 'server__safe' }]);
  },
  async 'other arguments digest'(stage) {
    const requestState = await takeState(stage);
    await expectRefused(
      stage,
      [{ a: 2 }, { a: 1, b: 1 }, {}].map((given) => ({ requestState, arguments: given })),
    );
  },
  async 'other upstream'(stage) {
    const requestState = await takeState(stage);
    await expectRefused(stage, [{ requestState, name: 'other__t' }]);
  },
  async 'other gateway instance (must work)'(stage) {
    const requestState = await takeState(stage);
    await withGateway(stage, await readFile(masterOf(stage.gateway), 'utf8'), async (gateway, key) => {
      const request = { ...call({ requestState, inputResponses: { a: yes } }), key, capabilities: everything };
      expect(textOf(await postModern(gateway.url, request))).toContain('inner of t');
    });
  },
  async 'after expiry'(stage) {
    askOnce(stage);
    const subject = `tools/call server.t ${digest}`;
    const now = Date.now();
    const fresh = { requestState: await sealedAt(stage, subject, now), inputResponses: { a: yes } };
    expect(textOf(await stage.send(call(fresh)))).toContain('inner');
    await expectRefused(stage, [{ requestState: await sealedAt(stage, subject, now - 60_001) }]);
  },
  async 'replay twice where single use is declared'(stage) {
    const requestState = stateOf(await park(stage));
    expect(textOf(await goOn(stage, requestState, { q1: contact }))).toContain('ada@example.com');
    expect(isRefused(await goOn(stage, requestState, { q1: contact }))).toBe(true);
  },
  async 'replay after key rotation (old key still valid)'(stage) {
    const requestState = await takeState(stage);
    const before = (await readFile(masterOf(stage.gateway), 'utf8')).trim();
    const rotated = `${randomBytes(32).toString('base64url')}\n${before}\n`;
    await withGateway(stage, rotated, async (gateway, key) => {
      const request = { ...call({ requestState, inputResponses: { a: yes } }), key, capabilities: everything };
      expect(textOf(await postModern(gateway.url, request))).toContain('inner of t');
    });
  },
  async 'swap inner state of two seals'(stage) {
    const one = await takeState(stage);
    const two = stateOf(await stage.send(call({ arguments: { a: 2 } })));
    const mixed = [14, 21, 40].flatMap((cut) => {
      const [first, second] = [one, two].map((state) => Buffer.from(state, 'base64url'));
      if (first === undefined || second === undefined) return [];
      const crossed = [
        Buffer.concat([first.subarray(0, cut), second.subarray(cut)]),
        Buffer.concat([second.subarray(0, cut), first.subarray(cut)]),
      ];
      return crossed.map((bytes) => ({ requestState: bytes.toString('base64url') }));
    });
    await expectRefused(stage, [...mixed, { requestState: two }]);
  },
  async 'inputResponses for keys never asked'(stage) {
    const requestState = stateOf(await park(stage));
    const again = await goOn(stage, requestState, { q2: contact, answer: contact, constructor: contact });
    expect(keysOf(again)).toEqual(['q1']);
    await goOn(stage, stateOf(again), { q1: contact });
  },
  async 'inputResponses missing'(stage) {
    const again = await goOn(stage, stateOf(await park(stage)));
    expect(keysOf(again)).toEqual(['q1']);
    await goOn(stage, stateOf(again), { q1: contact });
  },
  async 'inputResponses with __proto__'(stage) {
    const first = stateOf(await park(stage));
    const again = await goOn(stage, first, JSON.parse('{"__proto__":{"action":"accept","q1":{}}}'));
    // Refused or asked again: either way the call still waits.
    const state = isRefused(again) ? first : stateOf(again);
    expect(textOf(await goOn(stage, state, { q1: contact }))).toContain('ada@example.com');
  },
  async '50 parallel retries'(stage) {
    const requestState = stateOf(await park(stage));
    const answers = await Promise.all(Array.from({ length: 50 }, () => goOn(stage, requestState, { q1: contact })));
    expect(answers.filter((answer) => textOf(answer).includes('ada@example.com'))).toHaveLength(1);
    const others = answers.filter((answer) => !textOf(answer).includes('ada@example.com'));
    // The others are refused as bad handles, or as too many calls at once.
    expect(others.every((answer) => isRefused(answer) || answer.response?.result?.['isError'] === true)).toBe(true);
  },
  async 'retry with the same JSON-RPC id'(stage) {
    const requestState = await takeState(stage);
    const answer = await stage.send({ ...call({ requestState, inputResponses: { a: yes } }), id: 1 });
    expect(answer.response?.id).toBe(1);
    expect(textOf(answer)).toContain('inner of t');
  },
  async 'requestState 1 MB'(stage) {
    askOnce(stage);
    await expectRefused(stage, [{ requestState: 'A'.repeat(1_000_000) }]);
  },
  async 'requestState not a string'(stage) {
    askOnce(stage);
    await expectRefused(
      stage,
      [7, null, {}, [], true].map((requestState) => ({ requestState })),
    );
  },
  async 'more rounds than the cap'(stage) {
    stage.server.change({
      script: (made) => {
        if (made.method !== 'tools/call') return introduction(made);
        const result = { resultType: 'input_required', inputRequests: { a: question }, requestState: 'again' };
        return { kind: 'result', result };
      },
    });
    let answer = await stage.send(call());
    let rounds = 0;
    while (answer.response?.result?.['requestState'] !== undefined && rounds < 1000) {
      rounds += 1;
      answer = await stage.send(call({ requestState: stateOf(answer), inputResponses: { a: yes } }));
    }
    expect(rounds).toBeLessThan(100);
    expect(answer.response?.result?.['isError']).toBe(true);
  },
};
