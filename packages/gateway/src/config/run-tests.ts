/** Runs the `tests:` of a file: what a role may call, stated beside the rules that should make it so. */
import type { Expectation, PolicyTest } from './types.ts';
import type { Problem } from './problem.ts';

/** What came out of one test. */
export interface TestOutcome {
  readonly test: PolicyTest;
  readonly actual: Expectation;
  readonly passed: boolean;
}

/**
 * Runs tests in order.
 *
 * @param decide says what a holder of only this role would get for a call with any arguments.
 */
export function runPolicyTests(
  tests: readonly PolicyTest[],
  decide: (role: string, call: string) => Expectation,
): readonly TestOutcome[] {
  return tests.map((test) => {
    const actual = decide(test.as, test.call);
    return { test, actual, passed: actual === test.expect };
  });
}

/** Returns a failed test as a problem that points at its line. */
export function toProblem(outcome: TestOutcome): Problem {
  const { test, actual } = outcome;
  return {
    code: 'value',
    file: test.origin.file,
    line: test.origin.line,
    column: test.origin.column,
    length: 1,
    message: `test failed: ${test.call} as ${test.as} is ${actual}, expected ${test.expect}`,
    suggestion: `see why: sallyport explain --as ${test.as} ${test.call}`,
  };
}
