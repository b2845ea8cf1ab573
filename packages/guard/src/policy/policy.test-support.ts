/** Short ways to write policies in tests. */
import type { Denial, Grant, Origin, Rate, Role } from './model.ts';

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
