import { describe, expect, it } from 'vitest';
import { compilePolicy, type Access } from './compile.ts';
import { canList, canReachServer, decide } from './decide.ts';
import { observePolicy } from './observe.ts';
import { accessAt, isOpenView } from './place.ts';
import { compileView, type ViewModel } from './view.ts';

const origin = { file: 'a.yaml', line: 1, column: 1 };
const lines = (...patterns: string[]) =>
  patterns.map((text) => ({
    pattern: text.replace(/^!/, ''),
    isSubtraction: text.startsWith('!'),
    origin,
  }));

function viewOf(parts: Partial<ViewModel> & { readonly name?: string }) {
  const empty = { tools: [], resources: [], prompts: [], mode: 'all', for: undefined, origin } as const;
  return compileView({ name: 'page', ...empty, ...parts });
}

function policyOf(tools: readonly string[], deny: readonly string[] = []) {
  return compilePolicy({
    deny: deny.map((pattern) => ({ pattern, origin })),
    roles: [{ name: 'reader', tools: lines(...tools), resources: [], prompts: [], deny: [], origin }],
  });
}

const accessOf = (...tools: string[]): Access => policyOf(tools).access(['reader']);

describe('a view', () => {
  it('takes away what it does not list, and adds nothing', () => {
    const here = viewOf({ tools: lines('a.*', '!a.x') }).narrow(accessOf('a.x', 'a.y', 'b.z'));
    expect(['a.x', 'a.y', 'a.q', 'b.z'].map((key) => decide(here, 'tools', key).effect)).toEqual([
      'deny',
      'allow',
      'deny',
      'deny',
    ]);
    expect(decide(here, 'tools', 'a.x')).toMatchObject({ because: 'not-in-view', rule: { view: 'page' } });
    expect(canList(here, 'prompts', 'a.y')).toBe(false);
  });

  it('is the same for the same access, and once only', () => {
    const view = viewOf({ tools: lines('*') });
    const access = accessOf('*');
    expect(view.narrow(access)).toBe(view.narrow(access));
    expect(view.narrow(view.narrow(access))).toBe(view.narrow(access));
  });

  it.each([
    [['a.*'], ['a.x'], true],
    [['a.*'], ['b.*'], false],
    [['a.x'], ['a.*', '!a.x'], false],
    [['a.x*', '!a.x*'], ['a.*'], false],
    [['a.*_page'], ['a.echo'], false],
    [['a.*_page'], ['a.read_*'], true],
    [['a.y*'], ['a.*', '!a.y*'], false],
    [['*'], ['a.*'], true],
  ])('of %j leads to a server for %j where they share something: %s', (held, granted, expected) => {
    const here = viewOf({ tools: lines(...held) }).narrow(accessOf(...granted));
    expect(canReachServer(here, 'a')).toBe(expected);
  });

  it('is open to its roles, where something in it may be allowed', () => {
    const views = new Map(
      [viewOf({ tools: lines('a.*') }), viewOf({ name: 'staff', tools: lines('a.*'), for: ['admin'] })].map((view) => [
        view.name,
        view,
      ]),
    );
    const rules = { servers: new Set(['a', 'b']), views };
    const open = (name: string, roles: readonly string[], access: Access) => isOpenView(name, { roles, access }, rules);
    expect(open('page', ['reader'], accessOf('a.x'))).toBe(true);
    expect(open('page', ['reader'], accessOf('b.x'))).toBe(false);
    expect(open('staff', ['reader'], accessOf('a.x'))).toBe(false);
    expect(open('staff', ['reader', 'admin'], accessOf('a.x'))).toBe(true);
    expect(open('none', ['reader'], accessOf('a.x'))).toBe(false);
    const access = accessOf('a.x');
    expect(accessAt(access, { kind: 'all' }, rules)).toBe(access);
    expect(accessAt(access, { kind: 'view', view: 'page' }, rules)).not.toBe(access);
  });
});

describe('a policy that is observed', () => {
  const policy = policyOf(['a.x'], ['a.top']);
  const access = observePolicy(policy).access(['reader']);

  it('lets everything pass but what a top-level denial forbids', () => {
    expect(['a.x', 'a.y', 'b.z', 'a.top'].map((key) => decide(access, 'tools', key).effect)).toEqual([
      'allow',
      'allow',
      'allow',
      'deny',
    ]);
    expect(canReachServer(access, 'b')).toBe(true);
  });

  it('keeps what the rules say, also at a view', () => {
    expect(access.strict).toBe(policy.access(['reader']));
    const here = viewOf({ tools: lines('a.*') }).narrow(access);
    expect(decide(here, 'tools', 'b.z').effect).toBe('deny');
    expect(decide(here, 'tools', 'a.y').effect).toBe('allow');
    expect(here.strict && decide(here.strict, 'tools', 'a.y').effect).toBe('deny');
    expect(here.strict && decide(here.strict, 'tools', 'a.x').effect).toBe('allow');
  });

  it('is there at a view for whom the view is not', () => {
    const views = new Map([['staff', viewOf({ name: 'staff', tools: lines('a.*'), for: ['admin'] })]]);
    const rules = { servers: new Set(['a']), views };
    expect(isOpenView('staff', { roles: ['reader'], access }, rules)).toBe(true);
    const { strict = access } = access;
    expect(isOpenView('staff', { roles: ['reader'], access: strict }, rules)).toBe(false);
  });
});
