import { describe, expect, it } from 'vitest';
import { beginSession, envelope, makeStream, makeWorld, parsed, tool } from '../exchange.fixture.ts';
import { canAsk, declaredBy, findBar } from './declared.ts';

const world = await makeWorld({ files: { tools: [tool('read')] } });
const value = { id: 1, method: 'tools/call', params: { name: 'files__read', _meta: envelope({}, { roots: {} }) } };
const all = ['elicitation', 'sampling', 'roots'] as const;

describe('what a caller declared', () => {
  it('comes with a modern request, and from nowhere else', () => {
    const session = beginSession(world, { capabilities: { sampling: {} } });
    expect(declaredBy(parsed(world, { value, session }))).toEqual({ roots: {} });
    expect(declaredBy(parsed(world, { value: { id: 1, method: 'ping' } }))).toEqual({});
  });

  it('was said when a legacy session began, whatever a request says', () => {
    const session = beginSession(world, { capabilities: { sampling: {} } });
    expect(declaredBy(parsed(world, { value, era: 'legacy', session }))).toEqual({ sampling: {} });
    expect(declaredBy(parsed(world, { value, era: 'legacy' }))).toEqual({});
  });

  it('is nothing for a legacy caller that takes no message before the answer', () => {
    const session = beginSession(world, { capabilities: { sampling: {} } });
    expect(declaredBy(parsed(world, { value, era: 'legacy', session, stream: makeStream(false) }))).toEqual({});
  });

  it.each([
    ['2025-11-25', { elicitation: { url: {} }, sampling: {} }],
    ['2025-06-18', { elicitation: {}, sampling: {} }],
    ['2025-03-26', { sampling: {} }],
  ])('cannot mean more than revision %s has', (revision, declared) => {
    const session = beginSession(world, { capabilities: { elicitation: { url: {} }, sampling: {} } });
    if (session.handshake !== undefined) session.handshake = { ...session.handshake, revision };
    expect(declaredBy(parsed(world, { value, era: 'legacy', session }))).toEqual(declared);
  });
});

describe('a question', () => {
  it.each([
    ['elicitation/create', {}, { elicitation: {} }],
    ['elicitation/create', { mode: 'form' }, { elicitation: { form: {} } }],
    ['elicitation/create', { mode: 'url' }, { elicitation: { url: {} } }],
    ['sampling/createMessage', {}, { sampling: {} }],
    ['sampling/createMessage', { tools: [] }, { sampling: { tools: {} } }],
    ['roots/list', undefined, { roots: {} }],
  ])('%s %j reaches a caller that declared %j', (method, params, declared) => {
    expect(findBar(method, params, all, declared)).toBeUndefined();
    expect(findBar(method, params, [], declared)).toContain('ask');
    expect(findBar(method, params, all, {})).toContain('declare');
  });

  it.each([
    ['elicitation/create', { mode: 'url' }, { elicitation: {} }],
    ['elicitation/create', { mode: 'url' }, { elicitation: { url: true } }],
    ['elicitation/create', {}, { elicitation: { url: {} } }],
    ['elicitation/create', { mode: 'voice' }, { elicitation: { form: {}, url: {} } }],
    ['elicitation/create', { mode: 7 }, { elicitation: {} }],
    ['sampling/createMessage', { toolChoice: {} }, { sampling: {} }],
    ['roots/list', undefined, { roots: true }],
    ['tools/call', {}, { tools: {} }],
  ])('%s %j does not reach a caller that declared %j', (method, params, declared) => {
    expect(findBar(method, params, all, declared)).toBeTypeOf('string');
  });

  it('is possible at all where some kind is both allowed and declared', () => {
    expect(canAsk(['roots'], { roots: {} })).toBe(true);
    expect(canAsk(['roots'], { sampling: {} })).toBe(false);
    expect(canAsk([], { roots: {} })).toBe(false);
  });
});
