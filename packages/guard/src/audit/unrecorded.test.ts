import { describe, expect, it } from 'vitest';
import { memoryAudit } from '../exchange.fixture.ts';
import { createUnrecorded } from './unrecorded.ts';

function flushed(unrecorded: ReturnType<typeof createUnrecorded>) {
  const audit = memoryAudit();
  unrecorded.flush(audit);
  return audit.drafts.map(({ kind, address, outcome }) => [kind, address, outcome?.status, outcome?.reason]);
}

describe('refusals that were not recorded one by one', () => {
  it('are counted for each address and reason', () => {
    const unrecorded = createUnrecorded();
    for (const [address, reason] of [
      ['a', 'x'],
      ['a', 'x'],
      ['a', 'y'],
      ['b', 'x'],
    ] as const)
      unrecorded.count(address, reason);
    expect(flushed(unrecorded)).toEqual([
      ['refusal', 'a', 'counted', 'x ×2'],
      ['refusal', 'a', 'counted', 'y ×1'],
      ['refusal', 'b', 'counted', 'x ×1'],
    ]);
  });

  it('are told once', () => {
    const unrecorded = createUnrecorded();
    unrecorded.count('a', 'x');
    flushed(unrecorded);
    expect(flushed(unrecorded)).toEqual([]);
  });

  it('are counted together, and none is lost, when there are too many addresses', () => {
    const unrecorded = createUnrecorded();
    for (let i = 0; i < 5000; i++) unrecorded.count(`address ${i}`, 'x');
    unrecorded.count('address 1', 'x');
    const rows = flushed(unrecorded);
    expect(rows).toHaveLength(1001);
    expect(rows).toContainEqual(['refusal', 'others', 'counted', 'x ×4000']);
    expect(rows).toContainEqual(['refusal', 'address 1', 'counted', 'x ×2']);
  });
});
