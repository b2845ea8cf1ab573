/** How the parts of a condition came out, one by one, for explanations. */
import { compile, type Evaluator } from './evaluate.ts';
import type { Part } from './syntax.ts';
import { childrenOf, type Node } from './tree.ts';
import { Fault, toJson, typeOf, type Outcome } from './values.ts';

/** One part of a condition, and how it came out. */
export interface PartOutcome {
  /** The part as CEL. */
  readonly text: string;
  readonly outcome: 'holds' | 'fails' | 'error';
  /** Why it has no value; present for `error`. */
  readonly fault?: string;
  /** What it looked at, by name: `args.schema`. Absent members had no value. */
  readonly values: readonly { readonly name: string; readonly value: unknown }[];
}

/** Prepares to say how each part comes out. `ask` evaluates a part. */
export function traceOf(parts: readonly Part[]): (ask: (part: Evaluator) => Outcome) => readonly PartOutcome[] {
  const prepared = parts.map(({ node, text }) => ({
    text,
    evaluate: compile(node),
    looks: [...new Map(looksOf(node)).entries()].map(([name, look]) => ({ name, evaluate: compile(look) })),
  }));
  return (ask) =>
    prepared.map(({ text, evaluate, looks }): PartOutcome => {
      const outcome = ask(evaluate);
      const values = looks.flatMap((look) => {
        const value = ask(look.evaluate);
        return value instanceof Fault ? [] : [{ name: look.name, value: toJson(value) }];
      });
      if (outcome === true) return { text, outcome: 'holds', values };
      if (outcome === false) return { text, outcome: 'fails', values };
      const fault = outcome instanceof Fault ? outcome.message : `this is ${typeOf(outcome)}, not true or false`;
      return { text, outcome: 'error', fault, values };
    });
}

/** The fields that a part looks at, with their names. */
function looksOf(node: Node): readonly (readonly [string, Node])[] {
  const name = nameOf(node);
  if (name !== undefined) return [[name, node]];
  return childrenOf(node).flatMap(looksOf);
}

function nameOf(node: Node): string | undefined {
  if (node.kind === 'root') return node.name;
  if (node.kind === 'select') {
    const of = nameOf(node.of);
    return of === undefined ? undefined : `${of}.${node.field}`;
  }
  const [of, index] = node.kind === 'call' && node.name === '_[_]' ? node.operands : [];
  if (of === undefined || index?.kind !== 'constant') return undefined;
  const name = nameOf(of);
  return name === undefined ? undefined : `${name}[${JSON.stringify(toJson(index.value))}]`;
}
