import { describe, expect, it } from 'vitest';
import type { Inspected } from '../exchange.ts';
import { makePorts, resolved } from '../exchange.fixture.ts';
import { NO_GRANT_NEEDED } from '../policy/decision.ts';
import { intend } from './intend.ts';

function inspected(more: Parameters<typeof resolved>[0] = {}): Inspected {
  const args = { digest: 'abc', bytes: 12 };
  return Object.assign(resolved(more), { decision: NO_GRANT_NEEDED, lease: { release: () => undefined }, args });
}

describe('intend', () => {
  it('writes who is about to do what, before anything happens', () => {
    const ports = makePorts();
    expect(intend(inspected(), ports)).toMatchObject({ intent: 1 });
    expect(ports.audit.drafts).toEqual([
      expect.objectContaining({
        kind: 'intent',
        exchange: 'x7Qe',
        principal: expect.objectContaining({ id: 'key:ada' }),
        method: 'tools/call',
        target: expect.objectContaining({ upstream: 'files', name: 'read' }),
        args: { digest: 'abc', bytes: 12 },
      }),
    ]);
  });

  it('writes nothing for methods without effect', () => {
    const ports = makePorts();
    expect(intend(inspected({ value: { id: 1, method: 'tools/list' } }), ports)).not.toHaveProperty('intent');
    expect(ports.audit.drafts).toEqual([]);
  });

  it('refuses when the trail takes no record: no record, no action', () => {
    const ports = makePorts();
    ports.audit.refuses = 'full';
    const exchange = inspected();
    expect(intend(exchange, ports)).toMatchObject({ name: 'unrecorded', note: 'full', retryAfterMs: 1000 });
    expect(exchange).not.toHaveProperty('intent');
  });

  it.each(['intent', 'full'] as const)('waits for the disk at durability %s', async (durability) => {
    const ports = makePorts();
    ports.audit.durability = durability;
    let written: (state: 'durable') => void = () => undefined;
    ports.audit.durable = () => new Promise((resolve) => (written = resolve));
    let isDone = false;
    const waiting = Promise.resolve(intend(inspected(), ports)).then((out) => ((isDone = true), out));
    await Promise.resolve();
    expect(isDone).toBe(false);
    written('durable');
    expect(await waiting).toMatchObject({ intent: 1 });
  });

  it('does not wait when the record is on disk already', () => {
    const ports = makePorts();
    ports.audit.durable = () => undefined;
    expect(intend(inspected(), ports)).toMatchObject({ intent: 1 });
  });

  it('refuses when the record never reaches the disk, and owes no outcome then', async () => {
    const ports = makePorts();
    ports.audit.durable = () => Promise.resolve('lost');
    const exchange = inspected();
    expect(await intend(exchange, ports)).toMatchObject({ name: 'unrecorded' });
    expect(exchange).not.toHaveProperty('intent');
  });

  it('never waits at durability interval', () => {
    const ports = makePorts();
    ports.audit.durability = 'interval';
    ports.audit.durable = () => new Promise(() => undefined);
    expect(intend(inspected(), ports)).toMatchObject({ intent: 1 });
  });
});
