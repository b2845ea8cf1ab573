/**
 * The property that nothing is listed that no call may reach, and nothing reachable is hidden: random roles, patterns
 * and denials against an oracle written from the rules alone (design §2, §4.1).
 */
import { canList, compilePolicy, decide, decideCall } from '@sallyport/guard';
import type { Condition, Denial, Grant, GrantKind, PolicyModel, Role } from '@sallyport/guard';
import fc from 'fast-check';

const KINDS: readonly GrantKind[] = ['tools', 'resources', 'prompts'];
const ORIGIN = { file: 'random.yaml', line: 1, column: 1 };

/** What conditions look at in this property: one of a few numbers, so that every call can be tried. */
const FACTS: readonly number[] = [0, 1, 2, 3];

/** One random policy with the callers and targets to try it on. */
export interface ListingCase {
  readonly model: PolicyModel;
  readonly callers: readonly (readonly string[])[];
  readonly keys: readonly string[];
}

const server = fc.constantFrom('files', 'db', 'a', 'a-b');
const nameCharacter = fc.constantFrom('a', 'b', 'A', '.', '/', '*', '\\', '_', ':', 'é', '😀');
const name = fc.string({ unit: nameCharacter, maxLength: 8 });
const key = fc.tuple(server, name).map(([first, rest]) => `${first}.${rest}`);

/** Patterns cut from keys, so that they often match: characters are kept, escaped where needed, or become stars. */
const pattern = fc
  .tuple(key, fc.array(fc.nat({ max: 6 }), { minLength: 20, maxLength: 20 }), fc.nat({ max: 4 }))
  .map(([text, choices, shape]) => {
    const stars = [...text].map((character, at) => {
      if (choices[at % choices.length] === 0) return '*';
      return character === '*' || character === '\\' ? `\\${character}` : character;
    });
    const made = shape === 0 ? `*${stars.slice(3).join('')}` : stars.join('');
    return shape === 1 ? `${made}*` : made;
  })
  .filter((text) => text.includes('*') || !text.endsWith('.'))
  .map((text) => (/^(?:[a-z][a-z0-9-]*(?:\.(?!$)|\*)|\*)/.test(text) ? text : `*${text}`));

/** True for a few facts and otherwise everything that is not exactly `true`. */
const condition = fc
  .tuple(
    fc.subarray([...FACTS], { minLength: 1 }),
    fc.constantFrom<unknown>(false, undefined, 1, 'true', new Error('no')),
  )
  .map(([holding, otherwise]): Condition => ({
    source: `one of ${holding.join(', ')}`,
    evaluate(facts) {
      if (holding.some((fact) => fact === facts)) return true;
      if (otherwise instanceof Error) throw otherwise;
      return otherwise;
    },
  }));

const grant = fc
  .record({ pattern, isSubtraction: fc.boolean(), condition: fc.option(condition, { nil: undefined }) })
  .map((made): Grant => ({
    pattern: made.pattern,
    isSubtraction: made.isSubtraction,
    origin: ORIGIN,
    ...(made.condition === undefined || made.isSubtraction ? {} : { condition: made.condition }),
  }));
const list = fc.array(grant, { maxLength: 5 });
const denials = fc.array(
  pattern.map((text): Denial => ({ pattern: text, origin: ORIGIN })),
  { maxLength: 2 },
);
const roleNames = ['reader', 'writer', 'admin', 'ops'];
const roles = fc
  .subarray(roleNames)
  .chain((names) =>
    fc.tuple(
      ...names.map((roleName) =>
        fc
          .record({ tools: list, resources: list, prompts: list, deny: denials })
          .map((made): Role => ({ name: roleName, origin: ORIGIN, ...made })),
      ),
    ),
  );

/** Random policies with callers and targets. */
export const listingCase: fc.Arbitrary<ListingCase> = fc.record({
  model: fc.record({ roles, deny: denials }),
  callers: fc.array(fc.shuffledSubarray([...roleNames, 'unheard-of']), { minLength: 1, maxLength: 3 }),
  keys: fc.array(key, { minLength: 1, maxLength: 6 }),
});

/** Matches by a table over all prefixes of pattern and text: slow, and nothing like the matcher under test. */
export function matchesByTable(source: string, text: string): boolean {
  const tokens: { readonly isStar: boolean; readonly unit: string }[] = [];
  for (let at = 0; at < source.length; at += 1) {
    const isEscape = source[at] === '\\';
    if (isEscape) at += 1;
    tokens.push({ isStar: source[at] === '*' && !isEscape, unit: source[at] ?? '' });
  }
  let row = Array.from({ length: text.length + 1 }, (_, length) => length === 0);
  for (const token of tokens) {
    const next: boolean[] = [];
    for (let length = 0; length <= text.length; length += 1) {
      const isWider = token.isStar && (row[length] === true || next[length - 1] === true);
      const isSame = !token.isStar && length > 0 && row[length - 1] === true && text[length - 1] === token.unit;
      next.push(isWider || isSame);
    }
    row = next;
  }
  return row[text.length] === true;
}

/** Says by the rules alone whether one call is allowed. */
function isAllowed(
  model: PolicyModel,
  caller: readonly string[],
  kind: GrantKind,
  target: string,
  fact: number,
): boolean {
  const held = model.roles.filter((role) => caller.includes(role.name));
  const forbidding = [...model.deny, ...held.flatMap((role) => role.deny)];
  if (forbidding.some((denial) => matchesByTable(denial.pattern, target))) return false;
  return held.some((role) => {
    const matching = role[kind].filter((entry) => matchesByTable(entry.pattern, target));
    if (matching.some((entry) => entry.isSubtraction)) return false;
    return matching.some((entry) => entry.condition === undefined || entry.condition.source.includes(String(fact)));
  });
}

function check({ model, callers, keys }: ListingCase): void {
  const policy = compilePolicy(model);
  for (const caller of callers) {
    const access = policy.access(caller);
    for (const kind of KINDS) {
      for (const target of keys) {
        const calls = FACTS.map((fact) => decideCall(access, kind, target, fact).effect === 'allow');
        const expected = FACTS.map((fact) => isAllowed(model, caller, kind, target, fact));
        const where = `${kind} ${target} for ${caller.join('+')}`;
        if (calls.join() !== expected.join())
          throw new Error(`${where}: calls ${calls.join()}, rules ${expected.join()}`);
        const isListed = canList(access, kind, target);
        if (isListed !== calls.includes(true)) throw new Error(`${where}: listed ${isListed}, calls ${calls.join()}`);
        const isAlways = decide(access, kind, target).effect === 'allow';
        if (isAlways && calls.includes(false)) throw new Error(`${where}: allowed for any arguments, but not for all`);
      }
    }
  }
}

/** What one run of the property saw. */
export interface ListingReport {
  readonly runs: number;
  readonly seed: number;
}

/**
 * Runs the property; throws with the shrunk counterexample when it does not hold.
 *
 * @param runs how many random policies are tried.
 * @param seed makes the runs repeatable.
 */
export function runListingProperty(runs: number, seed: number): ListingReport {
  fc.assert(fc.property(listingCase, check), { numRuns: runs, seed });
  return { runs, seed };
}
