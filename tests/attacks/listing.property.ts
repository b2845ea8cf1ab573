/**
 * The property that nothing is listed that no call may reach, and nothing reachable is hidden: random roles, scopes,
 * patterns, conditions and denials against an oracle written from the rules alone (design §2, §4.1).
 */
import {
  canSee,
  compileCondition,
  compilePolicy,
  decide,
  decideFor,
  type Asked,
  type Asker,
  type Condition,
  type Denial,
  type Grant,
  type GrantKind,
  type PolicyModel,
  type Role,
} from '@sallyport/guard';
import fc from 'fast-check';
import {
  triedAgents,
  triedArguments,
  triedScopes,
  twofoldCondition,
  type OracleFacts,
  type TwofoldCondition,
} from './random-conditions.ts';

const KINDS: readonly GrantKind[] = ['tools', 'resources', 'prompts'];
const ORIGIN = { file: 'random.yaml', line: 1, column: 1 };

/** What the oracle knows of a condition, by the condition that the policy has. */
const oracles = new WeakMap<Condition, TwofoldCondition>();

/** Who calls in one case. */
export interface ListingCaller {
  readonly roles: readonly string[];
  readonly agent: string | undefined;
  /** `undefined` for a key. */
  readonly scopes: readonly string[] | undefined;
}

/** One random policy with the callers and targets to try it on. */
export interface ListingCase {
  readonly model: PolicyModel;
  readonly callers: readonly ListingCaller[];
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

const condition = twofoldCondition.map((made): Condition => {
  const compiled = compileCondition(made.source);
  if ('offset' in compiled) throw new Error(`${made.source}: ${compiled.message} at ${compiled.offset}`);
  oracles.set(compiled, made);
  return compiled;
});

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
const roles = fc.subarray(roleNames).chain((names) =>
  fc.tuple(
    ...names.map((roleName) =>
      fc
        .record({
          tools: list,
          resources: list,
          prompts: list,
          deny: denials,
          scopes: fc.option(fc.subarray([...triedScopes]), { nil: undefined }),
        })
        .map(({ scopes, ...made }): Role => ({
          name: roleName,
          origin: ORIGIN,
          ...made,
          ...(scopes === undefined ? {} : { scopes }),
        })),
    ),
  ),
);

/** Random policies with callers and targets. */
export const listingCase: fc.Arbitrary<ListingCase> = fc.record({
  model: fc.record({ roles, deny: denials }),
  callers: fc.array(
    fc.record({
      roles: fc.shuffledSubarray([...roleNames, 'unheard-of']),
      agent: fc.constantFrom(...triedAgents),
      scopes: fc.option(fc.subarray([...triedScopes]), { nil: undefined }),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  keys: fc.array(key, { minLength: 1, maxLength: 4 }),
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

/** What the rules come to for one call. */
type Verdict = 'allowed' | 'barred' | 'refused';

/** What speaks about one target for one caller, found once for all calls that are tried. */
interface Relevant {
  readonly isBarred: boolean;
  readonly roles: readonly { readonly scopes: readonly string[]; readonly grants: readonly Grant[] }[];
}

function findRelevant(model: PolicyModel, caller: ListingCaller, kind: GrantKind, target: string): Relevant {
  const held = model.roles.filter((role) => caller.roles.includes(role.name));
  const forbidding = [...model.deny, ...held.flatMap((role) => role.deny)];
  return {
    isBarred: forbidding.some((denial) => matchesByTable(denial.pattern, target)),
    roles: held.flatMap((role) => {
      const matching = role[kind].filter((entry) => matchesByTable(entry.pattern, target));
      const isTaken = matching.some((entry) => entry.isSubtraction);
      return matching.length === 0 || isTaken ? [] : [{ scopes: role.scopes ?? [], grants: matching }];
    }),
  };
}

/** Says by the rules alone what becomes of one call. */
function verdictOf({ isBarred, roles: held }: Relevant, facts: OracleFacts): Verdict {
  if (isBarred) return 'barred';
  const { scopes } = facts;
  const isAllowed = held.some(
    (role) =>
      (scopes === undefined || role.scopes.every((scope) => scopes.includes(scope))) &&
      role.grants.some(({ condition: when }) => when === undefined || oracleOf(when).holds(facts) === true),
  );
  return isAllowed ? 'allowed' : 'refused';
}

function oracleOf(found: Condition): TwofoldCondition {
  const oracle = oracles.get(found);
  if (oracle === undefined) throw new Error('a condition that was not made here');
  return oracle;
}

/** Every set of scopes that holds at least those given. */
const allScopes: readonly (readonly string[])[] = Array.from({ length: 2 ** triedScopes.length }, (_, bits) =>
  triedScopes.filter((_scope, index) => (bits >> index) % 2 === 1),
);

/** The fewest scopes that a caller lacks for a call; `undefined` where no scopes would help. */
function fewestMissing(judge: (scopes: readonly string[]) => Verdict, carried: readonly string[]): number | undefined {
  const helping = allScopes
    .map((set) => [...new Set([...carried, ...set])])
    .filter((set) => judge(set) === 'allowed')
    .map((set) => set.length - carried.length);
  return helping.length === 0 ? undefined : Math.min(...helping);
}

/** Where nothing undecidable stands in the way, what is listed can be called. */
function isDecidable({ roles: held }: Relevant): boolean {
  return held.every(({ grants }) =>
    grants.every(({ condition: when }) => when === undefined || oracleOf(when).isDecidable),
  );
}

const targetKinds = { tools: 'tool', resources: 'resource', prompts: 'prompt' } as const;

function check({ model, callers, keys }: ListingCase): void {
  const policy = compilePolicy(model);
  for (const caller of callers) {
    const { roles: held, agent, scopes } = caller;
    const asker: Asker = {
      id: 'jwt:ada',
      kind: 'jwt',
      roles: held,
      access: policy.access(held, scopes),
      ...(agent === undefined ? {} : { agent }),
      ...(scopes === undefined ? {} : { scopes }),
    };
    for (const kind of KINDS) for (const key of keys) checkTarget(model, caller, asker, kind, key);
  }
}

function checkTarget(model: PolicyModel, caller: ListingCaller, asker: Asker, kind: GrantKind, target: string): void {
  const dot = target.indexOf('.');
  const asked: Asked = {
    kind: targetKinds[kind],
    upstream: target.slice(0, dot),
    name: target.slice(dot + 1),
    key: target,
  };
  const where = `${kind} ${target} for ${JSON.stringify(caller)}`;
  const relevant = findRelevant(model, caller, kind, target);
  let isCallable = false;
  let areAllCallable = true;
  // What a resource is read with is known.
  const tried = kind === 'resources' ? [{ uri: asked.name }] : triedArguments;
  // With nothing that looks at arguments, one call stands for all.
  const isAlike = relevant.roles.every(({ grants }) => grants.every(({ condition: when }) => when === undefined));
  for (const args of isAlike ? tried.slice(0, 1) : tried) {
    const judge = (scopes: readonly string[] | undefined): Verdict =>
      verdictOf(relevant, { args, agent: caller.agent, scopes });
    const expected = judge(caller.scopes);
    const decision = decideFor(asker, kind, asked, args);
    const isAllowed = decision.effect === 'allow';
    if (isAllowed !== (expected === 'allowed')) {
      throw new Error(`${where}: ${JSON.stringify(args)} is ${decision.effect}, the rules say ${expected}`);
    }
    isCallable ||= isAllowed;
    areAllCallable &&= isAllowed;
    if (decision.effect === 'allow' || caller.scopes === undefined) continue;
    const missing = expected === 'barred' ? undefined : fewestMissing(judge, caller.scopes);
    const named = decision.scopes?.filter((scope) => caller.scopes?.includes(scope) !== true);
    if (named?.length !== missing) {
      throw new Error(`${where}: ${JSON.stringify(args)} names ${named?.join()}, ${missing} would do`);
    }
    if (named !== undefined && judge([...caller.scopes, ...named]) !== 'allowed') {
      throw new Error(`${where}: ${JSON.stringify(args)} is refused with ${named.join()} too`);
    }
  }
  const isListed = canSee(asker, kind, asked);
  if (isCallable && !isListed) throw new Error(`${where}: hidden, but some call is allowed`);
  if (isListed && !isCallable && isDecidable(relevant)) {
    throw new Error(`${where}: listed, but no call is allowed`);
  }
  const isAlways = decide(asker.access, kind, target).effect === 'allow';
  if (isAlways && !areAllCallable) throw new Error(`${where}: allowed for any arguments, but not for all`);
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
