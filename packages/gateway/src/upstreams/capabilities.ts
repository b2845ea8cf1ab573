/**
 * What a conversation that belongs to one caller declares of that caller (schema, ClientCapabilities). Only features that
 * are known are named, as being there or not: so callers cannot make any number of different conversations, and nothing
 * else of what they said reaches a server.
 */
import { isObject, type JsonObject } from '@sallyport/protocol';
import type { AskKind } from './link.ts';

/** What each kind of asking may consist of. */
const FEATURES: Readonly<Record<AskKind, readonly string[]>> = {
  elicitation: ['form', 'url'],
  sampling: ['tools', 'context'],
  // Nobody is told when a caller's roots change, so that is not declared either.
  roots: [],
};

/**
 * Returns the capabilities that a server may use toward a caller, in one order whatever the caller's.
 *
 * @param capabilities - what the caller declared
 * @param ask - the kinds that the upstream's entry allows
 */
export const askable = (capabilities: JsonObject, ask: readonly AskKind[]): JsonObject => {
  const allowed: Record<string, JsonObject> = {};
  for (const kind of ['elicitation', 'sampling', 'roots'] as const) {
    const declared = capabilities[kind];
    if (ask.includes(kind) && isObject(declared)) allowed[kind] = knownFeatures(declared, FEATURES[kind]);
  }
  return allowed;
};

const knownFeatures = (declared: JsonObject, names: readonly string[]): JsonObject => {
  const known: Record<string, unknown> = {};
  for (const name of names) {
    const feature = declared[name];
    if (isObject(feature)) known[name] = {};
    else if (feature === true) known[name] = true;
  }
  return known;
};
