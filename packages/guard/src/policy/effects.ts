/**
 * Effects that administrators assign to tools (design §4.1). What a server says of its own tools is a hint to callers and
 * never a reason to let anybody do anything.
 */
import type { Effect, Target } from '../exchange.ts';
import type { Origin } from './model.ts';
import { compilePattern, matchesPattern } from './pattern.ts';

/** One line: the tools that match have this effect, unless a line before it says otherwise. */
export interface EffectLine {
  readonly pattern: string;
  readonly effect: Effect;
  readonly origin: Origin;
}

/** All lines, ready to be asked. */
export interface Effects {
  /** The effect of a tool by `server.tool`; `undefined` when no line names it. */
  of(key: string): Effect | undefined;
  /** The same target with its effect; the same value for the same target. */
  assign<T extends Target>(target: T): T;
}

/** Effects kept at once; names of tools come from servers, so they are bounded. */
const keptEffects = 100_000;

/** Compiles lines, of which the first that matches counts; their patterns must have been checked, a faulty one throws. */
export function compileEffects(lines: readonly EffectLine[]): Effects {
  const compiled = lines.map(({ pattern, effect }) => {
    const read = compilePattern(pattern);
    if (read.kind === 'fault') throw new TypeError(`pattern ${JSON.stringify(pattern)}: ${read.message}`);
    return { pattern: read, effect };
  });
  const byKey = new Map<string, Effect | undefined>();
  const assigned = new WeakMap<Target, Target>();

  function effectOf(key: string): Effect | undefined {
    if (byKey.has(key)) return byKey.get(key);
    const found = compiled.find(({ pattern }) => matchesPattern(pattern, key))?.effect;
    if (byKey.size < keptEffects) byKey.set(key, found);
    return found;
  }

  return {
    of: effectOf,
    assign(target) {
      if (target.kind !== 'tool') return target;
      const known = assigned.get(target);
      // The map holds for each target a copy of that very target.
      if (known !== undefined) return known as typeof target;
      const effect = effectOf(target.key);
      const made = effect === target.effect ? target : { ...target, effect };
      assigned.set(target, made);
      return made;
    },
  };
}
