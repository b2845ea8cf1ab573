import { createCanceller } from '@sallyport/guard';
import { describe, expect, it } from 'vitest';
import { beginSession, intended, jsonOf, makeWorld, tool } from '../exchange.fixture.ts';
import { invokeTarget } from './invoke.ts';

describe('invoking', () => {
  it('answers lists and protocol methods itself', async () => {
    const world = await makeWorld({ files: { tools: [tool('read')] } });
    const answered = async (value: object, era: 'modern' | 'legacy') => {
      const answer = await invokeTarget(await intended(world, { value, era }), world);
      return 'body' in answer ? jsonOf(answer.body) : answer.name;
    };
    expect(await answered({ id: 1, method: 'ping' }, 'legacy')).toEqual({});
    expect(await answered({ id: 1, method: 'tools/list' }, 'legacy')).toMatchObject({
      tools: [{ name: 'files__read' }],
    });
    expect(world.server('files').link.requests.every(({ method }) => method.endsWith('/list'))).toBe(true);
  });

  it.each(['tasks/list', 'constructor', ''])('knows no method %j', async (method) => {
    const world = await makeWorld({ files: {} });
    expect(await invokeTarget(await intended(world, { value: { id: 'a', method } }), world)).toMatchObject({
      name: 'unknown-method',
    });
  });

  it('never sends a call that was cancelled before it came here', async () => {
    let calls = 0;
    const world = await makeWorld({ files: { tools: [tool('read')], script: () => ((calls += 1), { content: [] }) } });
    const session = beginSession(world);
    const cancellation = createCanceller();
    session.track('a', cancellation);
    const value = { id: 'a', method: 'tools/call', params: { name: 'files__read' } };
    const exchange = await intended(world, { value, era: 'legacy', session, cancellation });
    const cancelled = { method: 'notifications/cancelled', params: { requestId: 'a' } };
    await invokeTarget(await intended(world, { value: cancelled, era: 'legacy', session }), world);
    expect(await invokeTarget(exchange, world)).toMatchObject({ name: 'cancelled' });
    expect(calls).toBe(0);
  });
});
