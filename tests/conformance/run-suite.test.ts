/** How two runs of the suite are compared. */

import { describe, expect, it } from 'vitest';
import { compareSuites, failedRequirements } from './run-suite.ts';
import type { SuiteCheck, SuiteResult } from './run-suite.ts';

function suite(
  scenarios: Readonly<Record<string, readonly SuiteCheck[]>>,
  unscored: readonly string[] = [],
): SuiteResult {
  return {
    url: 'http://localhost/mcp',
    checksPassed: 0,
    checksFailed: 0,
    scenarios: Object.entries(scenarios).map(([name, checks]) => ({
      name,
      checks,
      isRequired: !unscored.includes(name),
      isPassed: checks.length > 0 && checks.every(({ status }) => status !== 'FAILURE'),
    })),
  };
}

const passed = (id: string): SuiteCheck => ({ id, status: 'SUCCESS' });
const failed = (id: string): SuiteCheck => ({ id, status: 'FAILURE', errorMessage: 'wrong' });

describe('failedRequirements', () => {
  it('names failed checks of required scenarios, and required scenarios without results', () => {
    const result = suite({ a: [passed('x'), failed('y')], b: [], tasks: [failed('z')] }, ['tasks']);
    expect(failedRequirements(result)).toEqual(['a: y: wrong', 'b: no results']);
  });
});

describe('compareSuites', () => {
  it('finds what fails through and not direct, required or not', () => {
    const direct = suite({ a: [passed('x')], tasks: [failed('z'), passed('w')], gone: [passed('g')] }, ['tasks']);
    const through = suite({ a: [failed('x')], tasks: [failed('z'), failed('w')] }, ['tasks']);
    expect(compareSuites(direct, through).regressions).toEqual([
      'a: x: wrong',
      'tasks: w: wrong',
      'gone: no results through the gateway',
    ]);
  });

  it('keeps apart what only warns', () => {
    const through = suite({ a: [{ id: 'x', status: 'WARNING' }] });
    expect(compareSuites(suite({ a: [passed('x')] }), through)).toEqual({ regressions: [], weakened: ['a: x'] });
  });
});
