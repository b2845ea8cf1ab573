import { describe, expect, it } from 'vitest';
import { createUnrecorded } from '../audit/unrecorded.ts';
import type { Answer, Ended, Received } from '../exchange.ts';
import { identified, makePorts, okAnswer, received, resolved } from '../exchange.fixture.ts';
import { NO_GRANT_NEEDED } from '../policy/decision.ts';
import { refuse, type RefusalFacts, type RefusalName } from '../refusals.ts';
import { createSessionStub } from '../session.fixture.ts';
import { record } from './record.ts';

function refused(exchange: Received, name: RefusalName, facts: RefusalFacts = {}): Ended {
  return Object.assign(exchange, { refusal: refuse(name, facts) });
}

function answered(more: Parameters<typeof resolved>[0] & { readonly answer?: Answer; readonly intent?: number } = {}) {
  const { answer = okAnswer, intent, ...rest } = more;
  let released = 0;
  const exchange = Object.assign(resolved(rest), {
    decision: NO_GRANT_NEEDED,
    lease: { release: () => void (released += 1) },
    answer,
    screened: answer,
    ...(intent === undefined ? {} : { intent }),
  });
  return { exchange, released: () => released };
}

describe('record', () => {
  it('keeps the caller’s place, answered or refused: the answer is not out yet', async () => {
    const one = answered();
    await record(one.exchange, makePorts());
    const other = answered();
    await record(refused(other.exchange, 'timeout'), makePorts());
    expect([one.released(), other.released()]).toEqual([0, 0]);
  });

  it('goes on without an outcome when the trail takes nothing', async () => {
    const ports = makePorts();
    ports.audit.refuses = 'failing';
    expect(await record(answered().exchange, ports)).not.toHaveProperty('outcome');
  });

  it.each(['answered', 'refused'])('lets no cancellation find a request that is %s', async (how) => {
    const heard: unknown[] = [];
    const session = createSessionStub({ untrack: (id, canceller) => void heard.push(id, canceller) });
    for (const place of [{ session }, { connection: session }]) {
      const { exchange } = answered(place);
      await record(how === 'refused' ? refused(exchange, 'timeout') : exchange, makePorts());
      expect(heard.splice(0)).toEqual([1, exchange.cancellation]);
    }
    await record(answered({ value: { method: 'notifications/initialized' }, session }).exchange, makePorts());
    expect(heard).toEqual([]);
  });

  it.each<[string, Partial<Answer>]>([
    ['ok', {}],
    ['tool error', { isToolError: true }],
    ['error -32602', { kind: 'error', code: -32602 }],
    ['error', { kind: 'error' }],
  ])('writes the outcome "%s"', async (status, answer) => {
    const ports = makePorts();
    await record(answered({ answer: { ...okAnswer, ...answer } }).exchange, ports);
    expect(ports.audit.drafts).toEqual([
      expect.objectContaining({
        kind: 'outcome',
        outcome: expect.objectContaining({ status, bytes: okAnswer.body.length }),
      }),
    ]);
  });

  it('writes a refusal with its reason, and with the note that callers never see', async () => {
    const ports = makePorts();
    await record(refused(answered().exchange, 'unavailable', { note: 'exit 1' }), ports);
    await record(refused(answered().exchange, 'timeout'), ports);
    expect(ports.audit.drafts).toMatchObject([
      { kind: 'refusal', outcome: { status: '502', reason: 'unavailable: exit 1' } },
      { kind: 'refusal', outcome: { status: '504', reason: 'timeout' } },
    ]);
  });

  it('writes how long each stage took', async () => {
    const ports = makePorts();
    const { exchange } = answered({ marks: [1000.25, 1001, 1003.0004] });
    ports.clock.advance(7);
    await record(exchange, ports);
    expect(ports.audit.drafts).toMatchObject([
      { outcome: { ms: 7, stages: { receive: 0.25, identify: 0.75, parse: 2 } } },
    ]);
  });

  it('owes an outcome to an intent that was written, and to nothing else', async () => {
    const ports = makePorts();
    await record(answered({ intent: 4 }).exchange, ports);
    await record(answered().exchange, ports);
    expect(ports.audit.drafts.map(({ isOwed }) => isOwed)).toEqual([true, false]);
  });

  it('writes nothing of a notification or a response that was heard, but of one that was refused', async () => {
    for (const value of [{ method: 'notifications/initialized' }, { id: 1, result: {} }]) {
      const ports = makePorts();
      await record(answered({ value }).exchange, ports);
      expect(ports.audit.drafts).toEqual([]);
      await record(refused(answered({ value }).exchange, 'blocked'), ports);
      expect(ports.audit.drafts).toHaveLength(1);
    }
  });

  describe('of a caller without a name', () => {
    it('writes at most ten a second for each address and reason, and counts the rest', async () => {
      const unrecorded = createUnrecorded();
      const ports = makePorts({ unrecorded });
      for (let i = 0; i < 25; i++) await record(refused(received(), 'unauthenticated'), ports);
      expect(ports.audit.drafts).toHaveLength(10);
      unrecorded.flush(ports.audit);
      expect(ports.audit.drafts.at(-1)).toMatchObject({
        outcome: { status: 'counted', reason: 'unauthenticated ×15' },
      });
      ports.clock.advance(1000);
      for (let i = 0; i < 25; i++) await record(refused(received(), 'unauthenticated'), ports);
      expect(ports.audit.drafts).toHaveLength(21);
    });

    it('never lets one reason or address hide another', async () => {
      const ports = makePorts();
      for (let i = 0; i < 20; i++) await record(refused(received(), 'bad-host'), ports);
      await record(refused(received(), 'unauthenticated'), ports);
      await record(refused(received({ address: '192.0.2.8' }), 'bad-host'), ports);
      expect(ports.audit.drafts).toHaveLength(12);
    });

    it('never counts a caller with a name', async () => {
      const ports = makePorts();
      for (let i = 0; i < 30; i++) await record(refused(identified(), 'unknown-method'), ports);
      expect(ports.audit.drafts).toHaveLength(30);
    });
  });

  it.each([
    ['intent', false],
    ['interval', false],
    ['full', true],
  ] as const)('at durability %s, waits for the outcome of an intent: %s', async (durability, waits) => {
    const ports = makePorts();
    ports.audit.durability = durability;
    ports.audit.durable = () => Promise.resolve('durable');
    const pending = record(answered({ intent: 1 }).exchange, ports);
    expect(pending instanceof Promise).toBe(waits);
    expect(await pending).toMatchObject({ outcome: 1 });
  });

  it('at durability full, waits for no outcome without an intent', () => {
    const ports = makePorts();
    ports.audit.durability = 'full';
    ports.audit.durable = () => new Promise(() => undefined);
    expect(record(answered().exchange, ports)).toMatchObject({ outcome: 1 });
  });
});
