import { createCanceller } from '@sallyport/guard';
import { describe, expect, it } from 'vitest';
import { beginSession, intended, makeWorld, messageOf } from '../exchange.fixture.ts';
import { takeNotification, takeResponse } from './notices.ts';

const world = await makeWorld({ files: {} });
const cancel = (requestId: unknown) => ({ method: 'notifications/cancelled', params: { requestId } });

describe('a cancellation', () => {
  it('cancels the call of its own conversation with that id', async () => {
    const session = beginSession(world);
    const [number, text] = [createCanceller(), createCanceller()];
    session.track(1, number);
    session.track('1', text);
    takeNotification(await intended(world, { value: cancel('1'), era: 'legacy', session }));
    expect([number.isCancelled, text.isCancelled]).toEqual([false, true]);
  });

  it('never cancels the call of another conversation, not even of the same caller', async () => {
    const [own, other] = [beginSession(world), beginSession(world)];
    const running = createCanceller();
    other.track(1, running);
    takeNotification(await intended(world, { value: cancel(1), era: 'legacy', session: own }));
    takeNotification(await intended(world, { value: cancel(1), era: 'modern' }));
    expect(running.isCancelled).toBe(false);
  });

  it.each([undefined, null, {}, 2, '1'])('of the id %j, which nothing runs under, does nothing', async (id) => {
    const session = beginSession(world);
    const running = createCanceller();
    session.track(1, running);
    takeNotification(await intended(world, { value: cancel(id), era: 'legacy', session }));
    expect(running.isCancelled).toBe(false);
  });

  it('is the only notification that does anything', async () => {
    const session = beginSession(world);
    const running = createCanceller();
    session.track(1, running);
    for (const method of ['notifications/initialized', 'notifications/progress', 'notifications/roots/list_changed']) {
      takeNotification(await intended(world, { value: { method, params: { requestId: 1 } }, era: 'legacy', session }));
    }
    expect(running.isCancelled).toBe(false);
  });
});

describe('a posted response', () => {
  it('answers the question of its own conversation only', async () => {
    const [own, other] = [beginSession(world), beginSession(world)];
    const answer = own.ask('roots/list', undefined);
    const response = { id: 1, result: { roots: [] } };
    takeResponse(await intended(world, { value: response, era: 'legacy', session: other }));
    let isAnswered = false;
    void answer.then(() => (isAnswered = true));
    await Promise.resolve();
    expect(isAnswered).toBe(false);
    takeResponse(await intended(world, { value: response, era: 'legacy', session: own }));
    expect(await answer).toMatchObject({ kind: 'result' });
    expect(messageOf(response).kind).toBe('response');
  });

  it('without a conversation is heard and changes nothing', async () => {
    expect(takeResponse(await intended(world, { value: { id: 1, result: {} }, era: 'legacy' }))).toMatchObject({
      interim: 0,
    });
  });
});
