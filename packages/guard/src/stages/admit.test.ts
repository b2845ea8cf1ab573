import { describe, expect, it } from 'vitest';
import type { Authorized, Target } from '../exchange.ts';
import {
  grantOf,
  makePorts,
  makePrincipal,
  makeRules,
  policyOf,
  resolved,
  type TestPorts,
} from '../exchange.fixture.ts';
import { describeRate } from '../limits/rate.ts';
import { isRefusal } from '../refusals.ts';
import type { Rules } from '../rules.ts';
import { admit } from './admit.ts';
import { authorize } from './authorize.ts';

const once = { tokens: 1, perMs: 60_000, burst: 1 };
const ten = { tokens: 10, perMs: 1000, burst: 10 };
const twice = { tokens: 1, perMs: 60_000, burst: 2 };

function authorized(rules: Rules, more: Parameters<typeof resolved>[0] = {}): Authorized {
  const exchange = authorize(resolved({ rules, ...more }), makePorts());
  if (isRefusal(exchange)) throw new Error(exchange.name);
  return exchange;
}

/** Admits and gives the place back at once, as an exchange that ends does. */
function admitAndEnd(exchange: Authorized, ports: TestPorts): string {
  const admitted = admit(exchange, ports);
  if (isRefusal(admitted)) return admitted.name;
  admitted.lease.release();
  return 'admitted';
}

describe('admit', () => {
  it('refuses everything while the process drains, and charges nobody', () => {
    const ports = makePorts({ isDraining: () => true });
    expect(admit(authorized(makeRules()), ports)).toMatchObject({ name: 'draining', retryAfterMs: 1000 });
    expect([ports.buckets.size, ports.concurrency.size]).toEqual([0, 0]);
  });

  it('keeps no bucket for a caller without limits', () => {
    const ports = makePorts();
    expect(admitAndEnd(authorized(makeRules()), ports)).toBe('admitted');
    expect(ports.buckets.size).toBe(0);
  });

  it.each<[string, Rules]>([
    ['the caller’s own', makeRules({ policy: policyOf({ tools: [grantOf('files.*')], limit: once }) })],
    ['the grant’s', makeRules({ policy: policyOf({ tools: [grantOf('files.*', { limit: once })] }) })],
    ['the upstream’s', makeRules({ upstreamLimits: new Map([['files', once]]) })],
  ])('keeps to %s limit, and tells rate and wait', (_, rules) => {
    const ports = makePorts();
    expect(admitAndEnd(authorized(rules), ports)).toBe('admitted');
    expect(admit(authorized(rules), ports)).toMatchObject({
      name: 'limited',
      retryAfterMs: 60_000,
      fill: { rate: describeRate(once) },
      note: expect.stringMatching(/^limit of .*, 1\/m$/) as unknown,
    });
    ports.clock.advance(60_000);
    expect(admitAndEnd(authorized(rules), ports)).toBe('admitted');
  });

  it('takes from every bucket or from none', () => {
    const ports = makePorts();
    const rules = makeRules({
      policy: policyOf({ tools: [grantOf('files.*')], limit: twice }),
      upstreamLimits: new Map([['files', once]]),
    });
    expect(admitAndEnd(authorized(rules), ports)).toBe('admitted');
    for (let i = 0; i < 5; i++) expect(admitAndEnd(authorized(rules), ports)).toBe('limited');
    expect(ports.buckets.peek('caller:key:ada', twice)).toMatchObject({ isAllowed: true });
  });

  it('[limits-truthful] tells what is left on ordinary answers, and only where the caller has a limit of its own', () => {
    const ports = makePorts();
    const free = admit(authorized(makeRules({ upstreamLimits: new Map([['files', twice]]) })), ports);
    expect(free).not.toHaveProperty('quota');
    const rules = makeRules({ policy: policyOf({ tools: [grantOf('files.*', { limit: twice })], limit: ten }) });
    const left = ['RateLimit-Policy', '"grant";q=2;w=120', 'RateLimit', '"grant";r=1;t=60'];
    expect(admit(authorized(rules), ports)).toMatchObject({ quota: left });
    expect(admitAndEnd(authorized(rules), ports)).toBe('admitted');
    expect(admit(authorized(rules), ports)).toMatchObject({
      name: 'limited',
      retryAfterMs: 60_000,
      quota: ['RateLimit-Policy', '"grant";q=2;w=120', 'RateLimit', '"grant";r=0;t=120'],
    });
  });

  it('counts calls with an effect apart for each caller and effect, whatever the tool', () => {
    const ports = makePorts();
    const rules = makeRules({ limits: { effects: { destructive: once } } });
    const call = (name: string, effect?: Target['effect'], more = {}): string => {
      const target: Target = { kind: 'tool', upstream: 'files', name, key: `files.${name}` };
      return admitAndEnd(
        authorized(rules, { target: effect === undefined ? target : { ...target, effect }, ...more }),
        ports,
      );
    };
    expect(call('delete', 'destructive')).toBe('admitted');
    expect(call('wipe', 'destructive')).toBe('limited');
    for (const effect of ['read', 'write', undefined] as const) expect(call('x', effect)).toBe('admitted');
    expect(call('wipe', 'destructive', { principal: makePrincipal(rules, { id: 'key:eve' }) })).toBe('admitted');
  });

  it('counts each caller alone, and the upstream for all', () => {
    const ports = makePorts();
    const ownRules = makeRules({ policy: policyOf({ tools: [grantOf('files.*')], limit: once }) });
    const eve = makePrincipal(ownRules, { id: 'key:eve' });
    expect(admitAndEnd(authorized(ownRules), ports)).toBe('admitted');
    expect(admitAndEnd(authorized(ownRules, { principal: eve }), ports)).toBe('admitted');
    const shared = makeRules({ upstreamLimits: new Map([['files', once]]) });
    expect(admitAndEnd(authorized(shared), ports)).toBe('admitted');
    expect(admitAndEnd(authorized(shared, { principal: makePrincipal(shared, { id: 'key:eve' }) }), ports)).toBe(
      'limited',
    );
  });

  it('draws nothing from an upstream for what the gateway itself answers', () => {
    const ports = makePorts();
    const rules = makeRules({ upstreamLimits: new Map([['files', once]]) });
    const target: Target = { kind: 'list', name: 'tools/list', key: 'tools/list' };
    for (let i = 0; i < 3; i++) expect(admitAndEnd(authorized(rules, { target }), ports)).toBe('admitted');
  });

  it('lets cancellations and answers through when every place is taken, and while the process drains', () => {
    const rules = makeRules({ limits: { concurrentPerCaller: 1 } });
    const ports = makePorts();
    admit(authorized(rules), ports);
    const target: Target = { kind: 'protocol', name: 'x', key: 'x' };
    for (const value of [
      { method: 'notifications/cancelled', params: { requestId: 1 } },
      { id: 1, result: {} },
    ]) {
      expect(isRefusal(admit(authorized(rules, { value, target }), ports))).toBe(false);
      expect(isRefusal(admit(authorized(rules, { value, target }), makePorts({ isDraining: () => true })))).toBe(false);
    }
    expect(ports.concurrency.count('key:ada')).toBe(1);
  });

  it('bounds the calls of one caller that run at once, and no other’s', () => {
    const ports = makePorts();
    const rules = makeRules({ limits: { concurrentPerCaller: 1 } });
    const first = admit(authorized(rules), ports);
    const refused = admit(authorized(rules), ports);
    expect(refused).toMatchObject({ name: 'too-many-at-once', fill: { limit: 1 } });
    // Nobody knows when a call ends, so no time is promised.
    expect(refused).not.toHaveProperty('retryAfterMs');
    expect(isRefusal(admit(authorized(rules, { principal: makePrincipal(rules, { id: 'key:eve' }) }), ports))).toBe(
      false,
    );
    if (!isRefusal(first)) first.lease.release();
    expect(isRefusal(admit(authorized(rules), ports))).toBe(false);
  });

  it('bounds the calls that an upstream is given at once, for all callers, and takes both places or none', () => {
    const ports = makePorts();
    const rules = makeRules({ upstreamPlaces: new Map([['files', 1]]) });
    const eve = { principal: makePrincipal(rules, { id: 'key:eve' }) };
    const first = admit(authorized(rules), ports);
    expect(admit(authorized(rules, eve), ports)).toMatchObject({ name: 'busy' });
    expect([ports.concurrency.count('key:eve'), ports.concurrency.count('upstream:files')]).toEqual([0, 1]);
    if (!isRefusal(first)) first.lease.release();
    expect(admitAndEnd(authorized(rules, eve), ports)).toBe('admitted');
    expect(ports.concurrency.size).toBe(0);
  });
});
