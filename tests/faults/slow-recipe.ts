// What a slow peer is to the program that runs them: somebody who holds on until the gateway, or we, end it.
import type { Gateway } from '@sallyport/testkit';
import type { TroubleServer } from './trouble-server.ts';

/** Where the recipes are played. */
export interface Stage {
  readonly gateway: Gateway;
  /** Key of the slow caller. Others have another. */
  readonly key: string;
  readonly upstream: TroubleServer;
  readonly size: 'ci' | 'full';
}

/** One slow peer. */
export interface Peer {
  /** How it ended, in a word or two of the recipe's choice. */
  readonly outcome: Promise<string>;
  /** Ends it from our side. */
  end?(): void;
}

/** One way to be slow. */
export interface Recipe {
  /** Begins; the peers are slow from then on. */
  play(stage: Stage): Peer[] | Promise<Peer[]>;
  /** The ending that every peer has to have, or what the endings together have to be. */
  readonly ends: RegExp | ((endings: readonly string[], stage: Stage) => boolean);
  /** What it comes to, in words. */
  readonly what: string;
  /** True where it is fine to be like this for long: we end it when others have had their time. */
  readonly isHeld?: boolean;
}

/** Peers of one kind. */
export function several(count: number, make: (index: number) => Peer): Peer[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

/** True when the endings suit the recipe. */
export function isBounded({ ends }: Recipe, endings: readonly string[], stage: Stage): boolean {
  if (typeof ends === 'function') return ends(endings, stage);
  return endings.length > 0 && endings.every((each) => ends.test(each));
}
