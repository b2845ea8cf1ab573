// Stdio servers that die, hang, flood, fork and ignore signals, behind the real gateway.
import { describe, expect, it } from 'vitest';
import { runBesideSick, runStubborn } from './misbehaving.ts';

const mebibyte = 1024 * 1024;

describe.skipIf(process.platform !== 'linux')('stdio servers that misbehave behind the gateway', () => {
  it('[child-custody] cost an error and little memory, the next call works, and none outlives the gateway', async () => {
    const { killed, silent, flooded, family, orphans } = await runStubborn(128 * mebibyte);
    expect(killed).toMatchObject({ reason: 'unavailable', isBack: true });
    expect(silent).toMatchObject({ reason: 'timeout', isBack: true });
    expect(silent.ms).toBeGreaterThanOrEqual(silent.deadlineMs);
    expect(Math.max(killed.ms, silent.ms - silent.deadlineMs)).toBeLessThan(10_000);
    expect(flooded.isBack).toBe(true);
    expect(flooded.grown).toBeLessThan(300 * mebibyte);
    expect(family).toBeGreaterThanOrEqual(5);
    expect(orphans).toBe(0);
  });
});

describe('servers that are down, silent or lying', () => {
  it('[sick-upstream] are named in status, and the one that is well answers at once', async () => {
    const result = await runBesideSick();
    expect(result.states).toMatchObject({ well: 'ready', absent: 'sick', broken: 'sick', lying: 'sick' });
    expect(result.states).toMatchObject({ deaf: 'sick', live: 'ready', older: 'ready' });
    expect(result.printed).toContain('offers no WebSocket at this URL');
    expect(result.printed).toMatch(/ready +live .*websocket +modern/);
    expect(result.printed).toMatch(/ready +older .*sse +legacy/);
    expect(result.states['silent']).not.toBe('ready');
    expect(result.isListed).toBe(true);
    // A silent server is given seconds to start; nobody else waits for it.
    expect(result.firstCallMs).toBeLessThan(5000);
    expect(result.reasons).toEqual(['unavailable', 'unavailable', 'unavailable']);
    expect(result.refusalMs).toBeLessThan(5000);
  });
});
