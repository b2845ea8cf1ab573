/**
 * Keeps judgements so that a decision costs one map look-up however many roles and patterns there are. The bound is
 * shared by all sets of roles of a policy: no mixture of tokens and made-up names can fill the memory.
 */
import type { GrantKind } from './model.ts';
import type { Judgement } from './rules.ts';

/** The kept judgements of all sets of roles of one policy. */
export interface JudgementStore {
  /** Wraps a judge of one set of roles in a map that answers the second time. */
  keep(judge: (kind: GrantKind, key: string) => Judgement): (kind: GrantKind, key: string) => Judgement;
  /** Judgements kept now. */
  readonly size: number;
}

type KeptByKind = Readonly<Record<GrantKind, Map<string, Judgement>>>;

/** Longer keys are judged each time, so that the bound on entries is a bound in bytes too. */
const LONGEST_KEPT_KEY = 512;

/**
 * Makes an empty store.
 *
 * @param capacity most judgements kept at once; at that number all are forgotten and judged anew when needed.
 */
export function createJudgementStore(capacity: number): JudgementStore {
  let size = 0;
  const filled = new Set<KeptByKind>();

  function forgetAll(): void {
    for (const maps of filled) {
      maps.tools.clear();
      maps.resources.clear();
      maps.prompts.clear();
    }
    filled.clear();
    size = 0;
  }

  return {
    keep(judge) {
      const kept: KeptByKind = { tools: new Map(), resources: new Map(), prompts: new Map() };
      return (kind, key) => {
        const known = kept[kind].get(key);
        if (known !== undefined) return known;
        const judgement = judge(kind, key);
        if (key.length > LONGEST_KEPT_KEY) return judgement;
        if (size >= capacity) forgetAll();
        kept[kind].set(key, judgement);
        filled.add(kept);
        size += 1;
        return judgement;
      };
    },
    get size() {
      return size;
    },
  };
}
