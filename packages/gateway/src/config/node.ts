/**
 * A YAML value that knows where it stands. Merging several files works on these, so that a value keeps the place it
 * came from and every later error can point there.
 */
import type { Origin } from '@sallyport/guard';

/** A string, number, boolean or nothing. */
export interface ScalarNode {
  readonly kind: 'scalar';
  readonly origin: Origin;
  readonly value: string | number | boolean | null;
  /** The characters as they stand in the file, quotes included. */
  readonly written: string;
}

/** A list. */
export interface ListNode {
  readonly kind: 'list';
  readonly origin: Origin;
  readonly items: readonly ConfigNode[];
}

/** One `key: value`. */
export interface Entry {
  readonly key: string;
  readonly keyOrigin: Origin;
  readonly value: ConfigNode;
}

/** A mapping, in the order of the file. */
export interface MapNode {
  readonly kind: 'map';
  readonly origin: Origin;
  readonly entries: readonly Entry[];
}

/** Any value in a configuration file. */
export type ConfigNode = ScalarNode | ListNode | MapNode;

/** Returns the entry of `map` named `key`, if there is one. */
export function entryOf(map: MapNode, key: string): Entry | undefined {
  return map.entries.find((entry) => entry.key === key);
}

/** Says what a value is, for error messages: `a list`, `a mapping`, `text`, `a number`, `a switch`, `nothing`. */
export function kindOf(node: ConfigNode): string {
  if (node.kind === 'list') return 'a list';
  if (node.kind === 'map') return 'a mapping';
  if (node.value === null) return 'nothing';
  if (typeof node.value === 'string') return 'text';
  return typeof node.value === 'number' ? 'a number' : 'a switch';
}
