/** The tree of a condition: what its parts are, and what may be wrong with it. */
import type { FunctionRow } from './functions.ts';
import type { Value } from './values.ts';

/** Names of the facts. */
export type Root = 'args' | 'caller' | 'target';

/** Which facts a part looks at, itself or below. */
export interface Uses {
  readonly usesArgs: boolean;
  readonly usesCaller: boolean;
  readonly usesTarget: boolean;
}

/** One part of an expression, and where it begins and ends in the text. */
export type Node = NodeBody & { readonly at: number; readonly end: number } & Uses;

/** Macros over the members of a list or the names of a map. */
export type Macro = 'all' | 'exists' | 'exists_one' | 'map' | 'filter';

/** What a part is. */
export type NodeBody =
  | { readonly kind: 'constant'; readonly value: Value }
  | { readonly kind: 'root'; readonly name: Root }
  /** The variable of a macro; macros do not nest, so there is one at most. */
  | { readonly kind: 'item' }
  | { readonly kind: 'select'; readonly of: Node; readonly field: string }
  | { readonly kind: 'has'; readonly of: Node; readonly field: string }
  | { readonly kind: 'call'; readonly name: string; readonly row: FunctionRow; readonly operands: readonly Node[] }
  | { readonly kind: 'list'; readonly items: readonly Node[] }
  | { readonly kind: 'map'; readonly entries: readonly (readonly [Node, Node])[] }
  | { readonly kind: 'and' | 'or'; readonly operands: readonly Node[] }
  | { readonly kind: 'not'; readonly of: Node }
  | { readonly kind: 'choose'; readonly test: Node; readonly yes: Node; readonly no: Node }
  | {
      readonly kind: 'macro';
      readonly macro: Macro;
      readonly over: Node;
      /** What is asked of each member; of `map` with two values, which members are taken. */
      readonly test: Node | undefined;
      /** What `map` makes of each member. */
      readonly make: Node | undefined;
    };

/** Why a text is no condition. */
export interface ConditionFault {
  readonly kind: 'fault';
  /** Offset of the first wrong character, in UTF-16 units from 0. */
  readonly offset: number;
  /** How many characters are wrong, at least 1. */
  readonly length: number;
  readonly message: string;
  readonly suggestion: string;
  /** A word that nobody knows, and those that could be meant, where that is what is wrong. */
  readonly unknown?: { readonly word: string; readonly known: readonly string[] };
}

/** Gives a part its place, and tells which facts it looks at. */
export function nodeOf(body: NodeBody, at: number, end: number): Node {
  const children = childrenOf(body);
  const uses = (name: Root, key: keyof Uses): boolean =>
    (body.kind === 'root' && body.name === name) || children.some((child) => child[key]);
  return {
    ...body,
    at,
    end,
    usesArgs: uses('args', 'usesArgs'),
    usesCaller: uses('caller', 'usesCaller'),
    usesTarget: uses('target', 'usesTarget'),
  };
}

/** The parts right below a part. */
export function childrenOf(body: NodeBody): readonly Node[] {
  switch (body.kind) {
    case 'constant':
    case 'root':
    case 'item':
      return [];
    case 'select':
    case 'has':
    case 'not':
      return [body.of];
    case 'call':
    case 'and':
    case 'or':
      return body.operands;
    case 'list':
      return body.items;
    case 'map':
      return body.entries.flat();
    case 'choose':
      return [body.test, body.yes, body.no];
    case 'macro':
      return [body.over, body.test, body.make].filter((child) => child !== undefined);
  }
}
