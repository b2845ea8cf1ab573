import { refuse, type Recorded, type RefusalName } from '@sallyport/guard';
import { describe, expect, it } from 'vitest';
import { grantOf, intended, makeRules, makeWorld, parsed, policyOf, tool } from './exchange.fixture.ts';
import { summarize } from './summary.ts';

const world = await makeWorld({ files: { tools: [tool('read')] } });
const value = { id: 1, method: 'tools/call', params: { name: 'files__read' } };
const answer = { kind: 'result', body: new Uint8Array(), isToolError: false, interim: 0 } as const;

async function answered(more: object = {}): Promise<Recorded> {
  const screened = { ...answer, ...more };
  return Object.assign(await intended(world, { value }), { answer: screened, screened });
}

async function refused(name: RefusalName, facts: Parameters<typeof refuse>[1] = {}): Promise<Recorded> {
  return Object.assign(await intended(world, { value }), {
    refusal: refuse(name, facts),
    refusedAt: 'invoke' as const,
  });
}

describe('the summary of an exchange', () => {
  it('tells who called what and how long it took', async () => {
    expect(summarize(await answered(), 1012.5)).toEqual({
      time: 0,
      id: 'x7Qe',
      principal: 'key:ada',
      door: 'http',
      era: 'modern',
      method: 'tools/call',
      target: 'files.read',
      upstream: 'files',
      effect: 'ok',
      reason: undefined,
      stage: undefined,
      text: undefined,
      ms: 12.5,
      quirks: [],
    });
  });

  it('tells a tool’s own failure and a server’s error from what went well', async () => {
    expect(summarize(await answered({ isToolError: true }), 0).effect).toBe('error');
    expect(summarize(await answered({ kind: 'error', code: -32603 }), 0).effect).toBe('error');
  });

  it('names no target for lists and protocol methods', async () => {
    const list = Object.assign(await intended(world, { value: { id: 1, method: 'tools/list' } }), {
      answer,
      screened: answer,
    });
    expect(summarize(list, 0)).toMatchObject({ target: undefined, upstream: undefined, method: 'tools/list' });
  });

  it('has the HTTP method where there is no message, and says when it was a response', async () => {
    const { message: _, ...head } = await answered();
    expect(summarize(head as Recorded, 0).method).toBe('POST');
    const response = Object.assign(parsed(world, { value: { id: 1, result: {} } }), { refusal: refuse('blocked') });
    expect(summarize(response, 0).method).toBe('response');
  });

  it.each<[RefusalName, Parameters<typeof refuse>[1], string]>([
    ['unavailable', { note: 'exit 1' }, 'the server is not available (exit 1)'],
    ['timeout', {}, 'the server did not answer in time'],
    ['cancelled', {}, 'the call was cancelled'],
    ['limited', { fill: { rate: '10/m' }, retryAfterMs: 5000 }, 'limit of 10/m used'],
    ['bad-host', {}, 'this Host is not served here'],
    ['denied', {}, 'not allowed with these arguments: role reader'],
    [
      'step-up',
      { fill: { scopes: 'db:write' }, note: 'db:write' },
      'the token does not carry the scopes that this needs: db:write',
    ],
  ])('tells the operator why it was refused as %s', async (name, facts, text) => {
    expect(summarize(await refused(name, facts), 0)).toMatchObject({
      effect: 'refused',
      reason: name,
      stage: 'invoke',
      text,
    });
  });

  it('tells the operator of a forbidden target what the caller may not know: the role, or the denial of the file', async () => {
    const rules = makeRules(policyOf({ reader: { tools: [grantOf('files.*')] } }, ['*.read']));
    const access = rules.policy.access(['reader']);
    const decision = access.judge('tools', 'files.read').settled;
    const exchange = Object.assign(await refused('forbidden'), { decision });
    expect(summarize(exchange as Recorded, 0).text).toBe('not allowed: deny: *.read');
    const silent = { effect: 'deny', because: 'no grant' } as const;
    const other = Object.assign(await refused('forbidden'), { decision: silent });
    expect(summarize(other as unknown as Recorded, 0).text).toBe('not allowed: role reader');
  });
});
