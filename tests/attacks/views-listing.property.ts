/**
 * The property of lists and calls, at views: what is listed there is what some call there may reach, which is what the
 * rules allow and the view lists; and a server is there where something of it is.
 */
import {
  canList,
  canReachServer,
  compilePolicy,
  compileView,
  decideCall,
  isOpenView,
  observePolicy,
  type GrantKind,
  type ViewLine,
  type ViewModel,
} from '@sallyport/guard';
import fc from 'fast-check';
import { listingCase, matchesByTable, type ListingCase } from './listing.property.ts';

const kinds: readonly GrantKind[] = ['tools', 'resources', 'prompts'];
const facts: readonly number[] = [0, 1, 2, 3];

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

function check({ model, callers, keys, view: written }: ViewCase): void {
  const policy = compilePolicy(model);
  const view = compileView(written);
  const servers = new Set(keys.map((key) => key.slice(0, key.indexOf('.'))));
  const rules = { servers, views: new Map([[view.name, view]]) };
  for (const roles of callers) {
    const everywhere = policy.access(roles);
    const here = view.narrow(everywhere);
    const observed = view.narrow(observePolicy(policy).access(roles));
    for (const kind of kinds) {
      for (const key of keys) {
        const where = `${kind} ${key} for ${roles.join('+')}`;
        const isInView = isHeld(written[kind], key);
        const calls = facts.map((fact) => decideCall(here, kind, key, fact).effect === 'allow');
        const expected = facts.map((fact) => isInView && decideCall(everywhere, kind, key, fact).effect === 'allow');
        if (calls.join() !== expected.join())
          throw new Error(`${where}: calls ${calls.join()}, rules ${expected.join()}`);
        const isListed = canList(here, kind, key);
        if (isListed !== calls.includes(true)) throw new Error(`${where}: listed ${isListed}, calls ${calls.join()}`);
        if (isListed && !canReachServer(here, key.slice(0, key.indexOf('.')))) throw new Error(`${where}: no server`);
        const isOpen = isOpenView('page', { roles, access: everywhere }, rules);
        if (isListed && view.isFor(roles) && !isOpen) throw new Error(`${where}: the view is closed`);
        if (!view.isFor(roles) && isOpen) throw new Error(`${where}: the view is open to others`);
        const isDenied = model.deny.some((denial) => matchesByTable(denial.pattern, key));
        if (canList(observed, kind, key) !== (isInView && !isDenied)) throw new Error(`${where}: observed wrongly`);
      }
    }
  }
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
