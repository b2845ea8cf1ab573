/**
 * Random conditions for the property of lists and calls: each as CEL, and as a plain function that says the same. The
 * function shares no code with the product.
 */
import fc from 'fast-check';

/** What the function looks at. */
export interface OracleFacts {
  readonly args: Readonly<Record<string, unknown>>;
  readonly agent: string | undefined;
  readonly scopes: readonly string[] | undefined;
}

/** A condition twice. */
export interface TwofoldCondition {
  readonly source: string;
  /** `undefined` where it has no value. */
  holds(facts: OracleFacts): boolean | undefined;
  /** False where nothing can be said of it before the arguments are known. */
  readonly isDecidable: boolean;
}

/** Arguments to try: every value that conditions name, one of each kind that none names, and none at all. */
export const triedArguments: readonly Readonly<Record<string, unknown>>[] = [undefined, 0, 1, 2, 9].flatMap((a) =>
  [undefined, 'x', 'y', 'other'].flatMap((b) =>
    [undefined, true, false].map((c) => ({
      ...(a === undefined ? {} : { a }),
      ...(b === undefined ? {} : { b }),
      ...(c === undefined ? {} : { c }),
    })),
  ),
);

export const triedAgents: readonly (string | undefined)[] = [undefined, 'p', 'q'];
export const triedScopes: readonly string[] = ['r', 'w', 'z'];

const value = (name: string): fc.Arbitrary<unknown> =>
  name === 'a' ? fc.constantFrom<unknown>(0, 1, 2) : fc.constantFrom<unknown>('x', 'y');

const written = (one: unknown): string => (typeof one === 'string' ? `'${one}'` : String(one));

const argument = fc.constantFrom('a', 'b');

const equal = argument.chain((name) =>
  fc.tuple(value(name), fc.boolean(), fc.boolean()).map(([given, isTurned, isUnequal]): TwofoldCondition => {
    const sign = isUnequal ? '!=' : '==';
    return {
      source: isTurned ? `${written(given)} ${sign} args.${name}` : `args.${name} ${sign} ${written(given)}`,
      holds: ({ args }) => (Object.hasOwn(args, name) ? (args[name] === given) !== isUnequal : undefined),
      isDecidable: true,
    };
  }),
);

const oneOf = argument.chain((name) =>
  fc.array(value(name), { maxLength: 3 }).map((values): TwofoldCondition => ({
    source: `args["${name}"] in [${values.map(written).join(', ')}]`,
    holds: ({ args }) => (Object.hasOwn(args, name) ? values.includes(args[name]) : undefined),
    isDecidable: true,
  })),
);

const flag = fc.constant<TwofoldCondition>({
  source: 'args.c',
  holds: ({ args }) => (typeof args['c'] === 'boolean' ? args['c'] : undefined),
  isDecidable: true,
});

const agent = fc.constantFrom('p', 'q').map((name): TwofoldCondition => ({
  source: `caller.agent == '${name}'`,
  holds: (facts) => (facts.agent === undefined ? undefined : facts.agent === name),
  isDecidable: true,
}));

const present = argument.map((name): TwofoldCondition => ({
  source: `has(args.${name})`,
  holds: ({ args }) => Object.hasOwn(args, name),
  isDecidable: false,
}));

const larger = fc.integer({ min: 0, max: 9 }).map((least): TwofoldCondition => ({
  source: `args.a >= ${least}`,
  holds: ({ args }) => (typeof args['a'] === 'number' ? args['a'] >= least : undefined),
  isDecidable: false,
}));

const leaf = fc.oneof(equal, oneOf, flag, agent, present, larger);

/** What `&&` comes to when one of the sides may have no value: a side that settles it is enough. */
function settle(values: readonly (boolean | undefined)[], settling: boolean): boolean | undefined {
  if (values.includes(settling)) return settling;
  return values.includes(undefined) ? undefined : !settling;
}

function joined(sign: '&&' | '||', parts: readonly TwofoldCondition[]): TwofoldCondition {
  return {
    source: parts.map(({ source }) => `(${source})`).join(` ${sign} `),
    holds: (facts) =>
      settle(
        parts.map((part) => part.holds(facts)),
        sign === '||',
      ),
    isDecidable: parts.every((part) => part.isDecidable),
  };
}

function negated(part: TwofoldCondition): TwofoldCondition {
  return {
    source: `!(${part.source})`,
    holds: (facts) => {
      const outcome = part.holds(facts);
      return outcome === undefined ? undefined : !outcome;
    },
    isDecidable: part.isDecidable,
  };
}

function chosen([test, yes, no]: readonly [TwofoldCondition, TwofoldCondition, TwofoldCondition]): TwofoldCondition {
  return {
    source: `(${test.source}) ? (${yes.source}) : (${no.source})`,
    holds: (facts) => {
      const outcome = test.holds(facts);
      return outcome === undefined ? undefined : outcome ? yes.holds(facts) : no.holds(facts);
    },
    isDecidable: [test, yes, no].every((part) => part.isDecidable),
  };
}

const branch = fc.oneof(
  { weight: 3, arbitrary: leaf },
  { weight: 1, arbitrary: leaf.map(negated) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom<'&&' | '||'>('&&', '||'), fc.array(leaf, { minLength: 2, maxLength: 3 }))
      .map(([sign, parts]) => joined(sign, parts)),
  },
  { weight: 1, arbitrary: fc.tuple(leaf, leaf, leaf).map(chosen) },
);

const scope = fc.constantFrom(...triedScopes).map((name): TwofoldCondition => ({
  source: `"${name}" in caller.scopes`,
  holds: ({ scopes }) => scopes?.includes(name),
  isDecidable: true,
}));

/** Random conditions. A scope is asked for where it must be carried in any case. */
export const twofoldCondition: fc.Arbitrary<TwofoldCondition> = fc.oneof(
  { weight: 3, arbitrary: branch },
  { weight: 2, arbitrary: fc.tuple(branch, branch).map((parts) => joined('&&', parts)) },
  { weight: 1, arbitrary: branch.map(negated) },
  {
    weight: 1,
    arbitrary: fc.tuple(scope, branch).map((parts): TwofoldCondition => {
      const both = joined('&&', parts);
      return {
        ...both,
        source: parts.map(({ source }) => (source.includes('in caller') ? source : `(${source})`)).join(' && '),
      };
    }),
  },
);
