/**
 * Conditions of grants: `when:` in CEL (design §4.1). This is the only place that knows the language; the rest of the
 * product knows `Condition`. Whatever is not exactly `true` denies.
 */
import { compileDecidable, scopesAskedFor } from './cel/decidable.ts';
import { compile, type Scope } from './cel/evaluate.ts';
import { readCondition } from './cel/syntax.ts';
import { traceOf } from './cel/trace.ts';
import type { ConditionFault } from './cel/tree.ts';
import { Abandoned, Fault, fromJson, Meter, toJson, type Outcome, type Value } from './cel/values.ts';
import type { CallFacts, KnownFacts } from './facts.ts';
import type { Condition } from './model.ts';

export type { ConditionFault } from './cel/tree.ts';

/** Steps that one condition may take; a few milliseconds at most. */
const MAX_STEPS = 20_000;

/**
 * Compiles a condition.
 *
 * @param source an expression over `args`, `caller` and `target`, at most 2,048 characters.
 * @returns the condition, or the first thing wrong with it.
 */
export function compileCondition(source: string): Condition | ConditionFault {
  const read = readCondition(source);
  if (read.kind === 'fault') return read;
  const { root, parts } = read;
  const evaluate = compile(root);
  const decidable = compileDecidable(root);
  const trace = traceOf(parts);
  return {
    source,
    usesCaller: root.usesCaller,
    usesTarget: root.usesTarget,
    scopes: scopesAskedFor(root),
    evaluate: (facts) => {
      const outcome = run(evaluate, facts);
      return outcome instanceof Fault ? outcome : outcome === true;
    },
    canHold: (known) => decidable.canHold(knownOf(known)),
    choices: (known) => {
      const found = decidable.choices(knownOf(known));
      return new Map([...found].map(([name, values]) => [name, values.map(toJson)]));
    },
    explain: (facts) => trace((part) => run(part, facts)),
  };
}

function run(evaluate: (scope: Scope) => Outcome, facts: CallFacts): Outcome {
  try {
    return evaluate({
      ...knownOf(facts),
      args: factOf(facts.args ?? {}),
      meter: new Meter(MAX_STEPS),
      item: null,
    });
  } catch (cause) {
    // What was too much for this condition denies; anything else is a bug and must be seen.
    if (cause instanceof Abandoned) return new Fault(cause.message);
    throw cause;
  }
}

function knownOf({ caller, target }: KnownFacts): Pick<Scope, 'caller' | 'target'> {
  return { caller: factOf(caller), target: factOf(target) };
}

function factOf(fact: unknown): Value {
  const value = fromJson(fact);
  return value instanceof Fault ? null : value;
}
