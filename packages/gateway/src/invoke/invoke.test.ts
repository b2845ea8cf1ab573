import { createCanceller } from '@sallyport/guard';
import { describe, expect, it } from 'vitest';
import { beginSession, intended, jsonOf, makeWorld, settle, tool } from '../exchange.fixture.ts';
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

  it.each(['tasks/get', 'tasks/list', 'constructor', ''])('knows no method %j', async (method) => {
    const world = await makeWorld({ files: {} });
    expect(await invokeTarget(await intended(world, { value: { id: 'a', method } }), world)).toMatchObject({
      name: 'unknown-method',
    });
  });

  it('lets a conversation find its call while it runs, and only so long', async () => {
    let finish: (value: object) => void = () => undefined;
    const world = await makeWorld({
      files: { tools: [tool('read')], script: () => new Promise((resolve) => (finish = resolve)) },
    });
    const session = beginSession(world);
    const value = { id: 'a', method: 'tools/call', params: { name: 'files__read' } };
    const cancellation = createCanceller();
    const exchange = await intended(world, { value, era: 'legacy', session, cancellation });
    const running = invokeTarget(exchange, world);
    await settle();
    expect(session.inflight.get('a')).toBe(cancellation);
    finish({ content: [] });
    await running;
    expect(session.inflight.size).toBe(0);
  });

  it('forgets a call that failed', async () => {
    const world = await makeWorld({
      files: {
        tools: [tool('read')],
        script: () => {
          throw new Error('broken');
        },
      },
    });
    const session = beginSession(world);
    const value = { id: 'a', method: 'tools/call', params: { name: 'files__read' } };
    await expect(invokeTarget(await intended(world, { value, era: 'legacy', session }), world)).rejects.toThrow(
      'broken',
    );
    expect(session.inflight.size).toBe(0);
  });
});
