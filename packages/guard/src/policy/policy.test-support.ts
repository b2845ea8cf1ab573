/** Short ways to write policies in tests. */
import { compileCondition } from './condition.ts';
import type { CallFacts } from './facts.ts';
import type { Condition, Denial, Grant, Origin, Rate, Role } from './model.ts';

/** A place in a file that does not exist. */
export function at(line: number): Origin {
  return { file: 'sallyport.yaml', line, column: 7 };
}

/** A grant as a configuration file writes it: `!` in front subtracts. */
export function grant(text: string, extra: Partial<Grant> = {}, line = 1): Grant {
  const isSubtraction = text.startsWith('!');
  return { pattern: isSubtraction ? text.slice(1) : text, isSubtraction, origin: at(line), ...extra };
}

/** A denial. */
export function deny(pattern: string, line = 1): Denial {
  return { pattern, origin: at(line) };
}

/** A role with only the lists that matter. */
export function role(name: string, parts: Partial<Role> = {}): Role {
  return { name, tools: [], resources: [], prompts: [], deny: [], origin: at(1), ...parts };
}

/** A rate over a second. */
export function perSecond(tokens: number, burst = tokens): Rate {
  return { tokens, perMs: 1000, burst };
}

/** What conditions see of one call: of ada's key by default. */
export function factsOf(
  args: unknown = {},
  caller: Partial<CallFacts['caller']> = {},
  target: Partial<CallFacts['target']> = {},
): CallFacts {
  return {
    args,
    caller: { id: 'key:ada', kind: 'key', roles: ['reader'], ...caller },
    target: { server: 'db', name: 'query', key: 'db.query', kind: 'tool', ...target },
  };
}

/** A condition that must be sound. */
export function conditionOf(source: string): Condition {
  const compiled = compileCondition(source);
  if ('offset' in compiled) throw new TypeError(`${source}: ${compiled.message}`);
  return compiled;
}
