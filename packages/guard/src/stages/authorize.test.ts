import { describe, expect, it } from 'vitest';
import type { Target } from '../exchange.ts';
import { grantOf, makePorts, makePrincipal, makeRules, policyOf, readTarget, resolved } from '../exchange.fixture.ts';
import type { Blocks } from '../ports.ts';
import { conditionOf } from '../policy/policy.test-support.ts';
import { describeRefusal, isRefusal } from '../refusals.ts';
import { authorize } from './authorize.ts';

function blocking(...blocked: string[]): Blocks {
  return { isBlocked: (kind, name) => blocked.includes(`${kind} ${name}`) };
}

const onlyRead = makeRules({ policy: policyOf({ tools: [grantOf('files.read')] }) });

describe('authorize', () => {
  it('allows what a role lists, and keeps the rule that decided', () => {
    expect(authorize(resolved({ rules: onlyRead }), makePorts())).toMatchObject({
      decision: { effect: 'allow', rule: { role: 'reader', pattern: 'files.read' } },
    });
  });

  it.each<[string, Target]>([
    ['another tool', { kind: 'tool', upstream: 'files', name: 'write', key: 'files.write' }],
    ['the same name on another server', { kind: 'tool', upstream: 'other', name: 'read', key: 'other.read' }],
    ['a prompt of that name', { kind: 'prompt', upstream: 'files', name: 'read', key: 'files.read' }],
    ['a resource of that name', { kind: 'resource', upstream: 'files', name: 'read', key: 'files.read' }],
  ])('refuses %s, which no role lists', (_, target) => {
    expect(authorize(resolved({ rules: onlyRead, target }), makePorts())).toMatchObject({ name: 'forbidden' });
  });

  it('says of a template that is shown that it is denied, and of one that is not that it does not exist', () => {
    const template = (prefix: string): Target => {
      const name = `${prefix.slice(6)}{path}`;
      return { kind: 'resource', upstream: 'files', name, key: `files.${name}`, prefix };
    };
    const rules = makeRules({ policy: policyOf({ resources: [grantOf('files.file:///srv/pub/*')] }) });
    const refused = (prefix: string) => authorize(resolved({ rules, target: template(prefix) }), makePorts());
    expect(refused('files.file:///srv/')).toMatchObject({ name: 'denied' });
    expect(refused('files.file:///etc/')).toMatchObject({ name: 'forbidden' });
  });

  it('words a refusal as for a target that does not exist, under the name that the caller used', () => {
    const target: Target = {
      kind: 'tool',
      upstream: 'files',
      name: 'write',
      key: 'files.write',
      asked: 'files__write',
    };
    const refused = authorize(resolved({ rules: onlyRead, target }), makePorts());
    expect(isRefusal(refused) && describeRefusal(refused, 'files.write', 'x')).toBe('Unknown tool: files__write');
  });

  it('keeps the decision of a refusal on the exchange, for the record', () => {
    const rules = makeRules({ policy: policyOf({ tools: [grantOf('files.*'), grantOf('!files.read')] }) });
    const exchange = resolved({ rules });
    authorize(exchange, makePorts());
    expect(exchange).toMatchObject({
      decision: { effect: 'deny', because: 'subtracted', rule: { pattern: 'files.read' } },
    });
  });

  it('lets a top-level denial win over every role', () => {
    const rules = makeRules({ policy: policyOf({ tools: [grantOf('*')] }, ['*.read']) });
    expect(authorize(resolved({ rules }), makePorts())).toMatchObject({ name: 'forbidden' });
  });

  it('names the scopes that a role of the caller asks for beyond those of its token, at the door', () => {
    const rules = makeRules({
      policy: policyOf({ tools: [grantOf('files.read')], scopes: ['mcp:read', 'mcp:files'] }),
    });
    const principal = makePrincipal(rules, { kind: 'jwt', scopes: ['mcp:read'] });
    const refused = authorize(resolved({ rules, principal }), makePorts());
    expect(refused).toMatchObject({ name: 'step-up', data: { scopes: ['mcp:read', 'mcp:files'] } });
    expect(isRefusal(refused) && describeRefusal(refused, undefined, 'x')).toContain('mcp:read mcp:files');
  });

  it('lets nobody without a known role do anything', () => {
    const rules = makeRules();
    const principal = { id: 'key:eve', kind: 'key' as const, roles: ['ghost'], access: rules.policy.access(['ghost']) };
    expect(authorize(resolved({ rules, principal }), makePorts())).toMatchObject({ name: 'forbidden' });
  });

  it('hands the arguments of the call to a condition, and says plainly that these arguments are the reason', () => {
    const condition = {
      source: 'args.path == "a"',
      evaluate: (facts: unknown) => JSON.stringify(facts).includes('"args":{"path":"a"}'),
    };
    const rules = makeRules({ policy: policyOf({ tools: [grantOf('files.read', { condition })] }) });
    expect(authorize(resolved({ rules }), makePorts())).toMatchObject({ decision: { effect: 'allow' } });
    const other = { id: 1, method: 'tools/call', params: { name: 'read', arguments: { path: 'b' } } };
    expect(authorize(resolved({ rules, value: other }), makePorts())).toMatchObject({ name: 'denied' });
  });

  it('judges by what is known of the caller and the target, and hides what this caller can never be allowed', () => {
    const condition = conditionOf('caller.agent == "notebook" && target.server == "files" && args.path in ["a", "b"]');
    const rules = makeRules({ policy: policyOf({ tools: [grantOf('files.read', { condition })] }) });
    const as = (agent: string) => makePrincipal(rules, { kind: 'jwt', agent });
    expect(authorize(resolved({ rules, principal: as('notebook') }), makePorts())).toMatchObject({
      decision: { effect: 'allow' },
    });
    expect(authorize(resolved({ rules, principal: as('other') }), makePorts())).toMatchObject({ name: 'forbidden' });
    const value = { id: 1, method: 'tools/call', params: { name: 'read', arguments: { path: 'c' } } };
    const refused = authorize(resolved({ rules, principal: as('notebook'), value }), makePorts());
    expect(isRefusal(refused) && describeRefusal(refused, 'files.read', 'x')).toBe(
      'Sallyport refused files.read: not allowed for you. Do not retry. Other arguments may be allowed: path = "a" or "b". (x)',
    );
  });

  it('judges a resource by its URI', () => {
    const condition = conditionOf('within(args.uri, "file:///srv") && target.name == args.uri');
    const rules = makeRules({ policy: policyOf({ resources: [grantOf('files.*', { condition })] }) });
    const read = (uri: string) => {
      const target: Target = { kind: 'resource', upstream: 'files', name: uri, key: `files.${uri}` };
      return authorize(resolved({ rules, target }), makePorts());
    };
    expect(read('file:///srv/a')).toMatchObject({ decision: { effect: 'allow' } });
    expect(read('file:///etc/passwd')).toMatchObject({ name: 'forbidden' });
  });

  it('judges a completion by the arguments that are filled in', () => {
    const condition = conditionOf('args.path == "a" && args.mode == "r"');
    const rules = makeRules({ policy: policyOf({ prompts: [grantOf('files.read', { condition })] }) });
    const target: Target = { ...readTarget, kind: 'prompt' };
    const complete = (filled: Record<string, string>, argument: object) => {
      const params = { ref: { type: 'ref/prompt', name: 'read' }, argument, context: { arguments: filled } };
      return authorize(
        resolved({ rules, target, value: { id: 1, method: 'completion/complete', params } }),
        makePorts(),
      );
    };
    expect(complete({ mode: 'r' }, { name: 'path', value: 'a' })).toMatchObject({ decision: { effect: 'allow' } });
    expect(complete({ mode: 'r' }, { name: 'path', value: 'b' })).toMatchObject({ name: 'denied' });
    expect(complete({ path: 'a', mode: 'r' }, { name: 'path', value: 'b' })).toMatchObject({ name: 'denied' });
  });

  it('names the scope that a condition asks for', () => {
    const condition = conditionOf('"files:read" in caller.scopes && args.path == "a"');
    const rules = makeRules({ policy: policyOf({ tools: [grantOf('files.read', { condition })], scopes: ['mcp'] }) });
    const as = (...scopes: string[]) =>
      authorize(resolved({ rules, principal: makePrincipal(rules, { kind: 'jwt', scopes }) }), makePorts());
    expect(as('mcp')).toMatchObject({ name: 'step-up', data: { scopes: ['mcp', 'files:read'] } });
    expect(as()).toMatchObject({ name: 'step-up', data: { scopes: ['mcp', 'files:read'] } });
    expect(as('mcp', 'files:read')).toMatchObject({ decision: { effect: 'allow' } });
    // A key knows no scopes, so nobody could ask for more.
    expect(authorize(resolved({ rules }), makePorts())).toMatchObject({ name: 'forbidden' });
  });

  it('denies where a condition throws or answers anything but true', () => {
    for (const evaluate of [
      () => 'true',
      () => 1,
      () => {
        throw new Error('broken');
      },
    ]) {
      const rules = makeRules({
        policy: policyOf({ tools: [grantOf('files.read', { condition: { source: '', evaluate } })] }),
      });
      expect(authorize(resolved({ rules }), makePorts())).toMatchObject({ name: 'denied' });
    }
  });

  it('asks no grant for lists and for what the gateway itself answers', () => {
    const rules = makeRules({ policy: policyOf({}) });
    for (const kind of ['list', 'protocol'] as const) {
      const target: Target = { kind, name: 'tools/list', key: 'tools/list' };
      expect(authorize(resolved({ rules, target }), makePorts())).toMatchObject({
        decision: { effect: 'allow', rule: undefined },
      });
    }
  });

  it.each(['upstream files', 'tool files.read'])('stops what an administrator has blocked: %s', (blocked) => {
    expect(authorize(resolved(), makePorts({ blocks: blocking(blocked) }))).toMatchObject({ name: 'blocked' });
  });

  it('does not tell that a server is blocked to somebody who may not know it', () => {
    const rules = makeRules({ policy: policyOf({}) });
    const ports = makePorts({ blocks: blocking('upstream files', 'tool files.read') });
    expect(authorize(resolved({ rules }), ports)).toMatchObject({ name: 'forbidden' });
  });

  it('blocks a tool by name only where it is a tool', () => {
    const target: Target = { ...readTarget, kind: 'prompt' };
    const ports = makePorts({ blocks: blocking('tool files.read') });
    expect(isRefusal(authorize(resolved({ target }), ports))).toBe(false);
  });
});
