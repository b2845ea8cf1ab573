/**
 * What callers are told that a tool does. Where an administrator has judged it, that stands in the place of the server's
 * own word; the rest of what the server says stays, and is a hint.
 */
import type { Effect } from '@sallyport/guard';
import { isObject, type Era, type JsonObject } from '@sallyport/protocol';
import type { PerEra } from '../catalog/definition.ts';

const hints: Readonly<Record<Effect, JsonObject>> = {
  read: { readOnlyHint: true, destructiveHint: false },
  write: { readOnlyHint: false, destructiveHint: false },
  destructive: { readOnlyHint: false, destructiveHint: true },
};

/** Texts as they were written last; they live as long as the definition. */
const written = new WeakMap<PerEra, Map<string, string>>();

/** A tool's definition as JSON with the hints of its effect. */
export function annotate(texts: PerEra, era: Era, effect: Effect): string {
  let known = written.get(texts);
  if (known === undefined) {
    known = new Map();
    written.set(texts, known);
  }
  const name = `${era} ${effect}`;
  let text = known.get(name);
  if (text === undefined) {
    const tool = JSON.parse(texts[era]) as JsonObject;
    const own = tool['annotations'];
    text = JSON.stringify({ ...tool, annotations: { ...(isObject(own) ? own : {}), ...hints[effect] } });
    known.set(name, text);
  }
  return text;
}
