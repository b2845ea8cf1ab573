import { describe, expect, it } from 'vitest';
import { makeHead, parsed, received, receivedOnStdio, resolved } from '../exchange.fixture.ts';
import { NO_GRANT_NEEDED, type Decision } from '../policy/decision.ts';
import { createSessionStub } from '../session.fixture.ts';
import { draftRecord, round, stageTimes } from './draft.ts';

const origin = { file: 'sallyport.yaml', line: 12, column: 9 };
const decided = (decision: Decision) => draftRecord('outcome', Object.assign(resolved(), { decision })).decision;

describe('a draft', () => {
  it('of a request that was read no further has what the head tells', () => {
    expect(draftRecord('refusal', received())).toMatchObject({
      kind: 'refusal',
      exchange: 'x7Qe',
      principal: undefined,
      address: '192.0.2.7',
      door: 'http:/mcp',
      era: undefined,
      method: 'POST',
      target: undefined,
      decision: undefined,
      args: undefined,
    });
  });

  it.each([
    ['tools/call', { name: 'files__ehco' }, { kind: 'tool', name: 'files__ehco' }],
    ['resources/read', { uri: 'mcp+files:x' }, { kind: 'resource', name: 'mcp+files:x' }],
    ['tools/call', { name: 7 }, undefined],
    ['tools/list', { name: 'x' }, undefined],
  ])('of a request that found nothing names what was asked for (%s)', (method, params, target) => {
    const exchange = parsed({ message: { kind: 'request', method, params } as never });
    expect(draftRecord('refusal', exchange).target).toEqual(target);
    const path = { kind: 'server', server: 'files' } as const;
    const direct = draftRecord('refusal', { ...exchange, path }).target;
    expect(direct).toEqual(target && { ...target, upstream: 'files' });
  });

  it('of a call names who, what, where and by which definition', () => {
    const target = {
      kind: 'tool',
      upstream: 'files',
      name: 'read',
      key: 'files.read',
      asked: 'files__read',
      definition: { digest: 'd1' },
    } as const;
    const path = { kind: 'server', server: 'files' } as const;
    expect(draftRecord('intent', resolved({ target, path }))).toMatchObject({
      principal: { id: 'key:ada', kind: 'key', roles: ['reader'] },
      door: 'http:/mcp/files',
      era: 'modern',
      method: 'tools/call',
      target: { upstream: 'files', kind: 'tool', name: 'read', definition: 'd1' },
    });
  });

  it('names the rule that decided and where it stands', () => {
    const grant = { role: 'reader', pattern: 'files.*', origin };
    expect(decided({ effect: 'allow', grants: [], limit: undefined, limitKey: undefined, rule: grant })).toEqual({
      effect: 'allow',
      rule: 'reader: files.*',
      at: 'sallyport.yaml:12:9',
    });
    expect(decided({ effect: 'deny', because: 'top-deny', rule: { pattern: '*.rm', origin } })).toEqual({
      effect: 'deny',
      rule: 'deny: *.rm',
      at: 'sallyport.yaml:12:9',
    });
  });

  it('tells a denial by no rule from what needs none', () => {
    expect(decided(NO_GRANT_NEEDED)).toEqual({ effect: 'allow' });
    expect(decided({ effect: 'deny', because: 'no-grant' })).toEqual({ effect: 'deny', rule: 'no-grant' });
  });

  it('takes the program’s name from its conversation, else from the request', () => {
    const info = (name: unknown) => ({
      id: 1,
      method: 'tools/list',
      params: { _meta: { 'io.modelcontextprotocol/clientInfo': { name } } },
    });
    expect(draftRecord('outcome', parsed({ value: info('agent') })).client).toBe('agent');
    expect(draftRecord('outcome', parsed({ value: info('agent'), session: createSessionStub() })).client).toBe(
      'editor',
    );
    expect(draftRecord('outcome', receivedOnStdio(createSessionStub())).client).toBe('editor');
    expect(draftRecord('outcome', parsed({ value: info(7) })).client).toBeUndefined();
    expect(draftRecord('outcome', parsed()).client).toBeUndefined();
  });

  it('takes the trace from the request, else from its headers', () => {
    const value = { id: 1, method: 'tools/list', params: { _meta: { traceparent: '00-a-b-01' } } };
    const head = makeHead({ traceparent: '00-c-d-01' });
    expect(draftRecord('outcome', parsed({ value, head })).trace).toBe('00-a-b-01');
    expect(draftRecord('outcome', parsed({ head })).trace).toBe('00-c-d-01');
    expect(draftRecord('outcome', parsed()).trace).toBeUndefined();
  });

  it('never holds the values of arguments that nobody asked to keep, nor any credential', () => {
    const secret = ['sp', 'x'.repeat(12), 'secret'].join('_');
    const head = makeHead({ authorization: `Bearer ${secret}` });
    const value = { id: 1, method: 'tools/call', params: { name: 'read', arguments: { token: secret } } };
    expect(JSON.stringify(draftRecord('intent', resolved({ head, value })))).not.toContain(secret);
  });
});

describe('the times of stages', () => {
  it('are the differences of the marks, in milliseconds with three decimals', () => {
    expect(stageTimes(received({ started: 10, marks: [10.5, 10.5, 12.12345] }))).toEqual({
      receive: 0.5,
      identify: 0,
      parse: 1.623,
    });
  });

  it('are none before the first stage', () => {
    expect(stageTimes(received())).toEqual({});
  });

  it('are rounded, not cut', () => {
    expect([round(0.0006), round(1.0004)]).toEqual([0.001, 1]);
  });
});
