/**
 * The patterns of JSON Schema (ECMA-262) on an engine whose time is linear in the text. What the engine cannot do
 * (look-around, back references) is refused.
 */
import { RE2JS } from 're2js';
import { translatePattern, UnsupportedPattern, type Translation } from './ecma-pattern.ts';

/** A pattern that needs linear time. */
export interface LinearPattern {
  readonly kind: 'pattern';
  readonly source: string;
  /** Steps per character at worst. */
  readonly size: number;
  /** How much work compiling it was, in the unit of steps. */
  readonly work: number;
  /** Says whether any part of `text` matches. */
  test(text: string): boolean;
}

/** Why a pattern is refused. */
export interface LinearPatternFault {
  readonly kind: 'fault';
  readonly message: string;
}

/** Compiling a property's hundreds of ranges takes as long as compiling so many steps. */
const PROPERTY_WORK = 40;

/**
 * Compiles an ECMA-262 pattern as JSON Schema uses it: not anchored, Unicode, case-sensitive.
 *
 * @param source the pattern.
 * @param maxSize most steps per character; a pattern that needs more is refused. Default 2,000.
 */
export function compileLinearPattern(source: string, maxSize = 2000): LinearPattern | LinearPatternFault {
  let translated: Translation;
  try {
    translated = translatePattern(source);
  } catch (cause) {
    if (cause instanceof UnsupportedPattern) return { kind: 'fault', message: cause.message };
    throw cause;
  }
  try {
    const engine = RE2JS.compile(translated.text);
    const size = engine.programSize();
    if (size > maxSize) return { kind: 'fault', message: 'the pattern repeats too much' };
    const work = size + PROPERTY_WORK * translated.properties;
    return { kind: 'pattern', source, size, work, test: (text) => engine.test(text) };
  } catch (cause) {
    if (cause instanceof Error) return { kind: 'fault', message: 'the pattern is malformed or repeats too much' };
    throw cause;
  }
}
