import { describe, expect, it } from 'vitest';
import type { Target } from './exchange.ts';
import { grantOf, makePorts, makePrincipal, makeRules, policyOf, readTarget, resolved } from './exchange.fixture.ts';
import { noteObserved } from './observed.ts';
import { observePolicy } from './policy/observe.ts';
import { isRefusal, refuse } from './refusals.ts';
import { admit } from './stages/admit.ts';
import { authorize } from './stages/authorize.ts';
import { inspect } from './stages/inspect.ts';

const hourly = { tokens: 1, perMs: 3_600_000, burst: 1 };
const policy = policyOf({ tools: [grantOf('files.read', { limit: hourly })], scopes: ['mcp:read'] }, ['files.banned']);
const rules = makeRules({ policy: observePolicy(policy), observes: true });
const write: Target = { kind: 'tool', upstream: 'files', name: 'write', key: 'files.write' };

/** Passes the stages that policy speaks in. */
function pass(more: Parameters<typeof resolved>[0], ports = makePorts()) {
  const exchange = resolved({ rules, ...more });
  const authorized = authorize(exchange, ports);
  if (isRefusal(authorized)) return { exchange, refused: authorized.name };
  const admitted = admit(authorized, ports);
  if (isRefusal(admitted)) return { exchange, refused: admitted.name };
  const inspected = inspect(admitted, ports);
  return { exchange, refused: isRefusal(inspected) ? inspected.name : undefined };
}

describe('policy that is only observed', () => {
  it('notes what no role lists, and lets it pass', () => {
    expect(pass({ target: write })).toMatchObject({
      exchange: {
        observed: { stage: 'authorize', refusal: { name: 'forbidden' } },
        decision: { effect: 'deny', because: 'no-grant' },
      },
      refused: undefined,
    });
  });

  it('notes the scopes that a token would need, and lets it pass', () => {
    const access = rules.policy.access(['reader'], ['other']);
    const principal = makePrincipal(rules, { kind: 'jwt', scopes: ['other'], access });
    expect(pass({ principal })).toMatchObject({
      exchange: { observed: { stage: 'authorize', refusal: { name: 'step-up', data: { scopes: ['mcp:read'] } } } },
      refused: undefined,
    });
  });

  it('notes a limit that is used up, and lets it pass', () => {
    const ports = makePorts();
    expect(pass({}, ports).exchange.observed).toBeUndefined();
    expect(pass({}, ports)).toMatchObject({
      exchange: { observed: { stage: 'admit', refusal: { name: 'limited' } } },
      refused: undefined,
    });
  });

  it('notes arguments that do not fit, and lets them pass', () => {
    const checkArguments = () => ({ path: '/count', keyword: 'type', message: 'must be integer' });
    const target = { ...readTarget, definition: { digest: 'd', checkArguments } };
    expect(pass({ target })).toMatchObject({
      exchange: { observed: { stage: 'inspect', refusal: { name: 'bad-arguments' } } },
      refused: undefined,
    });
    const { upstream: _, ...ours } = target;
    expect(pass({ target: { ...ours, kind: 'protocol' } }).refused).toBe('bad-arguments');
  });

  it('refuses what the top-level deny list forbids, what is blocked, and one call too many at once', () => {
    const banned = { ...write, name: 'banned', key: 'files.banned' };
    expect(pass({ target: banned })).toMatchObject({ refused: 'forbidden' });
    const blocks = { isBlocked: (kind: string) => kind === 'tool' };
    expect(pass({}, makePorts({ blocks }))).toMatchObject({ refused: 'blocked' });
    const narrow = makeRules({ policy: observePolicy(policy), observes: true, limits: { concurrentPerCaller: 1 } });
    const ports = makePorts();
    expect(pass({ rules: narrow }, ports).refused).toBeUndefined();
    expect(pass({ rules: narrow }, ports).refused).toBe('too-many-at-once');
  });

  it('keeps the first refusal, which would have ended it all', () => {
    const exchange = resolved({ rules });
    noteObserved(exchange, 'authorize', refuse('denied'));
    noteObserved(exchange, 'admit', refuse('limited'));
    expect(exchange.observed).toMatchObject({ stage: 'authorize', refusal: { name: 'denied' } });
  });
});
