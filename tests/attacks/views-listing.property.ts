/**
 * The property of lists and calls, at views: what is listed there is what some call there may reach, which is what the
 * rules allow and the view lists; and a server is there where something of it is.
 */
import {
  canReachServer,
  canSee,
  compilePolicy,
  compileView,
  decideFor,
  isOpenView,
  mayReachServer,
  observePolicy,
  type Asker,
  type GrantKind,
  type ViewLine,
  type ViewModel,
} from '@sallyport/guard';
import fc from 'fast-check';
import { listingCase, matchesByTable, type ListingCase } from './listing.property.ts';
import { triedArguments } from './random-conditions.ts';

const kinds: readonly GrantKind[] = ['tools', 'resources', 'prompts'];
const targetKinds = { tools: 'tool', resources: 'resource', prompts: 'prompt' } as const;

type ViewCase = ListingCase & { readonly view: ViewModel };

/** A view is written with the patterns of the policy, so that they often meet. */
const viewCase: fc.Arbitrary<ViewCase> = listingCase.chain((made) => {
  const written = made.model.roles.flatMap((role) => [...role.tools, ...role.resources, ...role.prompts]);
  const patterns = [...written.map(({ pattern }) => pattern), '*', 'files.*', '*a', '*.a*'];
  const line = fc
    .tuple(fc.constantFrom(...patterns), fc.integer({ min: 0, max: 3 }))
    .map(([pattern, sign]): ViewLine => ({
      pattern,
      isSubtraction: sign === 0,
      origin: { file: 'random.yaml', line: 1, column: 1 },
    }));
  const list = fc.array(line, { maxLength: 4 });
  const roles = fc.option(fc.subarray(['reader', 'writer', 'admin'], { minLength: 1 }), { nil: undefined });
  return fc.tuple(list, list, list, roles).map(([tools, resources, prompts, held]) => ({
    ...made,
    view: {
      name: 'page',
      mode: 'all',
      tools,
      resources,
      prompts,
      for: held,
      origin: { file: 'random.yaml', line: 1, column: 1 },
    },
  }));
});

function isHeld(lines: readonly ViewLine[], key: string): boolean {
  const matching = lines.filter((line) => matchesByTable(line.pattern, key));
  return matching.length > 0 && matching.every((line) => !line.isSubtraction);
}

/** What a view and its server are about. */
interface Place {
  readonly here: Asker;
  readonly everywhere: Asker;
  readonly observed: Asker;
  /** Whether the view is there for the caller. */
  readonly isOpen: boolean;
}

function check({ model, callers, keys, view: written }: ViewCase): void {
  const policy = compilePolicy(model);
  const view = compileView(written);
  const servers = new Set(keys.map((key) => key.slice(0, key.indexOf('.'))));
  const rules = { servers, views: new Map([[view.name, view]]) };
  for (const { roles, agent, scopes } of callers) {
    const asker: Asker = {
      id: 'jwt:ada',
      kind: 'jwt',
      roles,
      access: policy.access(roles, scopes),
      ...(agent === undefined ? {} : { agent }),
      ...(scopes === undefined ? {} : { scopes }),
    };
    const isOpen = isOpenView('page', asker, rules);
    if (isOpen && !view.isFor(roles)) throw new Error(`the view is open to ${roles.join('+')}`);
    const watched = observePolicy(policy).access(roles, scopes);
    const place: Place = {
      everywhere: asker,
      here: { ...asker, access: view.narrow(asker.access) },
      observed: { ...asker, access: view.narrow(watched) },
      isOpen: isOpen || !view.isFor(roles),
    };
    for (const kind of kinds) {
      for (const key of keys) {
        const isDenied = model.deny.some((denial) => matchesByTable(denial.pattern, key));
        checkTarget(kind, key, { ...place, isHeld: isHeld(written[kind], key), isDenied });
      }
    }
  }
}

function checkTarget(
  kind: GrantKind,
  key: string,
  { here, everywhere, observed, isOpen, isHeld: held, isDenied }: Place & { isHeld: boolean; isDenied: boolean },
): void {
  const server = key.slice(0, key.indexOf('.'));
  const target = { kind: targetKinds[kind], upstream: server, name: key.slice(server.length + 1), key };
  const where = `${kind} ${key} for ${here.roles.join('+')}`;
  const isListed = canSee(here, kind, target);
  if (isListed !== (held && canSee(everywhere, kind, target))) throw new Error(`${where}: listed ${isListed}`);
  let mayBeAllowed = isListed;
  for (const args of triedArguments) {
    const [one, other] = [here, everywhere].map((asker) => decideFor(asker, kind, target, args));
    const expected = held ? JSON.stringify(other) : 'deny';
    const found = held ? JSON.stringify(one) : one?.effect;
    if (found !== expected) throw new Error(`${where}: ${found}, the rules say ${expected}`);
    mayBeAllowed ||= one?.effect === 'allow' || (one?.effect === 'deny' && one.scopes !== undefined);
  }
  if (isListed && !canReachServer(here.access, server)) throw new Error(`${where}: its server is not there`);
  if (mayBeAllowed && !mayReachServer(here.access, server)) throw new Error(`${where}: its server is not there`);
  if (mayBeAllowed && !isOpen) throw new Error(`${where}: the view is closed`);
  if (canSee(observed, kind, target) !== (held && !isDenied)) throw new Error(`${where}: observed wrongly`);
}

/**
 * Runs the property; throws with the shrunk counterexample when it does not hold.
 *
 * @param runs how many random policies and views are tried.
 * @param seed makes the runs repeatable.
 */
export function runViewProperty(runs: number, seed: number): { readonly runs: number; readonly seed: number } {
  fc.assert(fc.property(viewCase, check), { numRuns: runs, seed });
  return { runs, seed };
}
