/** Runs the `tests:` of a file: what a role may call, stated beside the rules that should make it so. */
import {
  canSee,
  decideFor,
  type Asked,
  type Asker,
  type Decision,
  type GrantKind,
  type Policy,
} from '@sallyport/guard';
import type { Problem } from './problem.ts';
import type { Expectation, PolicyTest, TestCaller } from './types.ts';

/** What came out of one test. */
export interface TestOutcome {
  readonly test: PolicyTest;
  readonly actual: Expectation;
  readonly passed: boolean;
  readonly decision: Decision;
}

/** What the administrator says that a target does. */
export type EffectOf = (key: string) => Asked['effect'];

/**
 * Runs tests in order.
 *
 * @param policy the rules.
 * @param effectOf the effect of a target; without it none has one.
 */
export function runPolicyTests(
  tests: readonly PolicyTest[],
  policy: Policy,
  effectOf: EffectOf = () => undefined,
): readonly TestOutcome[] {
  return tests.map((test) => {
    const asker = askerOf([test.as], test.caller, policy);
    const target = askedOf(test.kind, test.call, effectOf);
    const args = test.kind === 'resources' ? { uri: target.name } : test.args;
    const decision = decideFor(asker, test.kind, target, args);
    const actual = outcomeOf(decision, asker, test.kind, target);
    return { test, actual, passed: actual === test.expect, decision };
  });
}

function outcomeOf(decision: Decision, asker: Asker, kind: GrantKind, target: Asked): Expectation {
  if (decision.effect === 'allow') return 'allowed';
  if (decision.because === 'scopes') return 'step-up';
  return canSee(asker, kind, target) ? 'denied' : 'unknown';
}

/** A caller that holds some roles, and of whom more may be known. */
export function askerOf(roles: readonly string[], caller: TestCaller, policy: Policy): Asker {
  const { id = 'test', agent, scopes, claims } = caller;
  const isToken = agent !== undefined || scopes !== undefined || claims !== undefined;
  return {
    id,
    kind: caller.kind ?? (isToken ? 'jwt' : 'key'),
    roles,
    access: policy.access(roles, scopes),
    ...(agent === undefined ? {} : { agent }),
    ...(scopes === undefined ? {} : { scopes }),
    ...(claims === undefined ? {} : { claims }),
  };
}

const kinds = ['key', 'jwt', 'cert', 'local', 'account', 'anonymous'] as const;

/**
 * Reads what is known of a caller from JSON.
 *
 * @returns the facts, or what is wrong in words.
 */
export function readTestCaller(told: Readonly<Record<string, unknown>>): TestCaller | string {
  const { id, kind, agent, scopes, claims, ...others } = told;
  const [other] = Object.keys(others);
  if (other !== undefined) return `there is no "${other}"; known are id, kind, agent, scopes and claims`;
  const known = kinds.find((one) => one === kind);
  if (kind !== undefined && known === undefined) return `kind is one of ${kinds.join(', ')}`;
  if (id !== undefined && typeof id !== 'string') return 'id is text';
  if (agent !== undefined && typeof agent !== 'string') return 'agent is text';
  if (scopes !== undefined && !isTexts(scopes)) return 'scopes is a list of texts';
  if (claims !== undefined && !isRecord(claims)) return 'claims is an object';
  return { id, kind: known, agent, scopes, claims };
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const targetKinds = { tools: 'tool', resources: 'resource', prompts: 'prompt' } as const;

/** A target by its key, `upstream.name`. */
export function askedOf(kind: GrantKind, key: string, effectOf: EffectOf = () => undefined): Asked {
  const dot = key.indexOf('.');
  const effect = kind === 'tools' ? effectOf(key) : undefined;
  return {
    kind: targetKinds[kind],
    upstream: key.slice(0, dot),
    name: key.slice(dot + 1),
    key,
    ...(effect === undefined ? {} : { effect }),
  };
}

/** Returns a failed test as a problem that points at its line, and names the rule that decided. */
export function toProblem(outcome: TestOutcome): Problem {
  const { test, actual, decision } = outcome;
  const { rule } = decision;
  const by = rule === undefined ? '' : ` by '${rule.pattern}' (${rule.origin.file}:${rule.origin.line})`;
  const scopes =
    decision.effect === 'deny' && decision.scopes !== undefined ? `, needing ${decision.scopes.join(' ')}` : '';
  const args = Object.keys(test.args).length === 0 ? '' : ` ${shellQuote(JSON.stringify(test.args))}`;
  const caller = Object.keys(test.caller).length === 0 ? '' : ` --caller ${shellQuote(JSON.stringify(test.caller))}`;
  return {
    code: 'value',
    file: test.origin.file,
    line: test.origin.line,
    column: test.origin.column,
    length: 1,
    message: `test failed: ${test.call} as ${test.as} is ${actual}${by}${scopes}, expected ${test.expect}`,
    suggestion: `see why: sallyport explain --as ${test.as}${caller} ${test.call}${args}`,
  };
}

function shellQuote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
