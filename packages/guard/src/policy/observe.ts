/**
 * The policy of a gateway that observes (design §4.1): everything passes but what a top-level denial forbids, and beside
 * it stands what the rules would have said.
 */
import type { Access, Policy } from './compile.ts';
import { NO_GRANT_NEEDED } from './decision.ts';
import { patternCoversPrefix } from './pattern.ts';
import type { Judgement } from './rules.ts';

const open: Judgement = { settled: NO_GRANT_NEEDED, conditional: [], unconditional: [], withheld: [] };

/** Returns a policy that lets pass what `policy` would refuse; each access carries the one that it stands for. */
export function observePolicy(policy: Policy): Policy {
  const opened = new WeakMap<Access, Access>();
  return {
    ...policy,
    access(...given) {
      const strict = policy.access(...given);
      let known = opened.get(strict);
      if (known === undefined) {
        known = openAccess(strict);
        opened.set(strict, known);
      }
      return known;
    },
  };
}

function openAccess(strict: Access): Access {
  return {
    ...strict,
    key: `${strict.key} observed`,
    strict,
    isConditional: false,
    isPersonal: false,
    judge(kind, key) {
      const judgement = strict.judge(kind, key);
      const { settled } = judgement;
      return settled.effect === 'deny' && settled.because === 'top-deny' ? judgement : open;
    },
    mayMatchPrefix: (_, prefix) =>
      !strict.rules.topDenials.some((denial) => patternCoversPrefix(denial.pattern, prefix)),
  };
}
