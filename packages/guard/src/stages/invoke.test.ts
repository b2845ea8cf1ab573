import { describe, expect, it } from 'vitest';
import type { Intended } from '../exchange.ts';
import { makePorts, okAnswer, resolved } from '../exchange.fixture.ts';
import { NO_GRANT_NEEDED } from '../policy/decision.ts';
import { refuse } from '../refusals.ts';
import { invoke } from './invoke.ts';

function intended(): Intended {
  return Object.assign(resolved(), { decision: NO_GRANT_NEEDED, lease: { release: () => undefined }, intent: 1 });
}

describe('invoke', () => {
  it('hands the exchange to the product and keeps its answer', async () => {
    const exchange = intended();
    const asked: unknown[] = [];
    const ports = makePorts({ invoke: (given) => (asked.push(given), okAnswer) });
    expect(invoke(exchange, ports)).toMatchObject({ answer: okAnswer });
    expect(asked).toEqual([exchange]);
    expect(await invoke(intended(), makePorts({ invoke: () => Promise.resolve(okAnswer) }))).toMatchObject({
      answer: okAnswer,
    });
  });

  it('hands on what the product refused, now or later', async () => {
    const refused = refuse('unavailable');
    expect(invoke(intended(), makePorts({ invoke: () => refused }))).toBe(refused);
    expect(await invoke(intended(), makePorts({ invoke: () => Promise.resolve(refused) }))).toBe(refused);
  });
});
