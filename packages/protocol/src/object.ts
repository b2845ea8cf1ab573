/** The one question that everything asks about a parsed value. */
import type { JsonObject } from './message.ts';

/**
 * Says whether a parsed value is a JSON object.
 *
 * @param value what `JSON.parse` made
 * @returns true for objects, false for arrays, null and scalars
 */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
