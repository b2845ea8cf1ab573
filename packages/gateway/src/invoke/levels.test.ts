import { describe, expect, it } from 'vitest';
import { isLevel, isLoudEnough, mostVerbose } from './levels.ts';

describe('log levels', () => {
  it('are those of the protocol, by their weight', () => {
    expect(['debug', 'emergency', 'trace', '', 7].map(isLevel)).toEqual([true, true, false, false, false]);
    expect(isLoudEnough('warning', 'info')).toBe(true);
    expect(isLoudEnough('info', 'info')).toBe(true);
    expect(isLoudEnough('debug', 'info')).toBe(false);
  });

  it('let a message of an unknown level pass, and nothing to whoever asked for none', () => {
    expect(isLoudEnough('trace', 'error')).toBe(true);
    expect(isLoudEnough('emergency', undefined)).toBe(false);
    expect(isLoudEnough('emergency', 'loud')).toBe(false);
  });

  it('of two that are wanted the one that lets more through is told', () => {
    expect([mostVerbose('error', 'info'), mostVerbose('debug', 'info'), mostVerbose('error', undefined)]).toEqual([
      'info',
      'debug',
      'error',
    ]);
  });
});
