import { describe, expect, it } from 'vitest';
import { formatProblem } from './problem.ts';
import { runPolicyTests, toProblem } from './run-tests.ts';

const origin = { file: 'a.yaml', line: 3, column: 5 };

describe('runPolicyTests', () => {
  it('compares each expectation with the decision', () => {
    const tests = [
      { as: 'reader', call: 'files.read', expect: 'allowed', origin },
      { as: 'reader', call: 'files.write', expect: 'allowed', origin },
    ] as const;
    const outcomes = runPolicyTests(tests, (_role, call) => (call === 'files.read' ? 'allowed' : 'unknown'));
    expect(outcomes.map(({ actual, passed }) => [actual, passed])).toEqual([
      ['allowed', true],
      ['unknown', false],
    ]);
    expect(
      outcomes
        .filter((outcome) => !outcome.passed)
        .map(toProblem)
        .map((problem) => formatProblem(problem)),
    ).toEqual([
      'a.yaml:3:5: error: test failed: files.write as reader is unknown, expected allowed\n  help: see why: sallyport explain --as reader files.write',
    ]);
  });
});
