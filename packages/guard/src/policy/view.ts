/**
 * A view: a part of what all servers offer, under a door path of its own (design §4.1). It only narrows. What it does not
 * list is unknown there, whatever the caller's roles say, and the same decision function says so to lists and calls.
 */
import type { Access } from './compile.ts';
import type { GrantKind, Origin } from './model.ts';
import { patternsMeet } from './meeting.ts';
import { createMemo } from './memo.ts';
import { compilePattern, matchesPattern, patternCoversPrefix, patternMayMatchPrefix, type Pattern } from './pattern.ts';
import type { Judgement } from './rules.ts';

/** One line of a view's list. */
export interface ViewLine {
  readonly pattern: string;
  /** True for `!pattern`: takes away from the other lines of the same list. */
  readonly isSubtraction: boolean;
  readonly origin: Origin;
}

/** How a view shows its tools: all of them, or three that find, describe and call the others. */
export type ViewMode = 'all' | 'search';

/** What a view says, before it is compiled. */
export interface ViewModel {
  readonly name: string;
  readonly tools: readonly ViewLine[];
  readonly resources: readonly ViewLine[];
  readonly prompts: readonly ViewLine[];
  readonly mode: ViewMode;
  /** The roles that may use it; `undefined` for all. */
  readonly for: readonly string[] | undefined;
  readonly origin: Origin;
}

/** A view, ready to judge. */
export interface View {
  readonly name: string;
  readonly mode: ViewMode;
  /** The kinds that it lists something of. */
  readonly kinds: ReadonlySet<GrantKind>;
  /** Says whether any of these roles may use it. */
  isFor(roles: readonly string[]): boolean;
  /** Says whether it may list something of a server. */
  mayHold(server: string): boolean;
  /** What is left of an access here; the same value for the same access. */
  narrow(access: Access): Access;
}

const kinds: readonly GrantKind[] = ['tools', 'resources', 'prompts'];

/** Answers kept for one access at a view. */
const keptAnswers = 10_000;

/** Longer keys are judged each time. */
const longestKeptKey = 512;

/** Compiles a view; its patterns must have been checked, a faulty one throws. */
export function compileView(model: ViewModel): View {
  const lists = {
    tools: compileLines(model.tools),
    resources: compileLines(model.resources),
    prompts: compileLines(model.prompts),
  };
  const roles = model.for === undefined ? undefined : new Set(model.for);
  const narrowed = new WeakMap<Access, Access>();
  const servers = new Map<string, boolean>();
  const absent: Judgement = {
    settled: {
      effect: 'deny',
      because: 'not-in-view',
      rule: { view: model.name, pattern: model.name, origin: model.origin },
    },
    conditional: [],
    unconditional: [],
    withheld: [],
  };

  function holds(kind: GrantKind, key: string): boolean {
    const { lines, subtractions } = lists[kind];
    return lines.some((one) => matchesPattern(one, key)) && !subtractions.some((one) => matchesPattern(one, key));
  }

  function mayMatchPrefix(kind: GrantKind, prefix: string): boolean {
    const { lines, subtractions } = lists[kind];
    if (subtractions.some((one) => patternCoversPrefix(one, prefix))) return false;
    return lines.some((one) => patternMayMatchPrefix(one, prefix));
  }

  /** Says whether something that the view lists is something that a role grants. */
  function share(access: Access, kind: GrantKind, prefix: string): boolean {
    if (access.strict !== undefined) return true;
    const isOpen = (key: string): boolean => key.startsWith(prefix) && holds(kind, key) && isShown(access, kind, key);
    const denials = [
      ...access.rules.topDenials,
      ...access.rules.roles.flatMap((role) => role.denials),
      ...access.rules.withheld.flatMap((role) => role.denials),
    ];
    return access.rules.roles.some(({ lists: { [kind]: granted } }) =>
      granted.grants.some(({ pattern }) => {
        const bars = [...denials, ...granted.subtractions].map((bar) => bar.pattern);
        return lists[kind].lines.some((line) => {
          const only = literalOf(line) ?? literalOf(pattern);
          if (only !== undefined) return isOpen(only);
          const isBarred = [...bars, ...lists[kind].subtractions].some(
            (bar) => covers(bar, line) || covers(bar, pattern),
          );
          return !isBarred && patternsMeet(line, pattern, prefix);
        });
      }),
    );
  }

  function narrow(access: Access): Access {
    let known = narrowed.get(access);
    if (known === undefined) {
      known = makeNarrow(access);
      narrowed.set(access, known);
      // What has been narrowed stays as it is.
      narrowed.set(known, known);
    }
    return known;
  }

  function makeNarrow(access: Access): Access {
    const held = createMemo<string, boolean>(keptAnswers);
    const isHeld = (kind: GrantKind, key: string): boolean => {
      if (key.length > longestKeptKey) return holds(kind, key);
      const name = `${kind} ${key}`;
      let known = held.get(name);
      if (known === undefined) {
        known = holds(kind, key);
        held.set(name, known);
      }
      return known;
    };
    return {
      ...access,
      key: `${access.key} at ${model.name}`,
      judge: (kind, key) => (isHeld(kind, key) ? access.judge(kind, key) : absent),
      mayMatchPrefix: (kind, prefix) => {
        const name = `prefix ${kind} ${prefix}`;
        const known = name.length > longestKeptKey ? undefined : held.get(name);
        if (known !== undefined) return known;
        const may = mayMatchPrefix(kind, prefix) && access.mayMatchPrefix(kind, prefix) && share(access, kind, prefix);
        if (name.length <= longestKeptKey) held.set(name, may);
        return may;
      },
      isWithin: mayMatchPrefix,
      ...(access.strict === undefined ? {} : { strict: narrow(access.strict) }),
    };
  }

  return {
    name: model.name,
    mode: model.mode,
    kinds: new Set(kinds.filter((kind) => lists[kind].lines.length > 0)),
    isFor: (held) => roles === undefined || held.some((role) => roles.has(role)),
    mayHold(server) {
      let known = servers.get(server);
      if (known === undefined) {
        known = kinds.some((kind) => mayMatchPrefix(kind, `${server}.`));
        servers.set(server, known);
      }
      return known;
    },
    narrow,
  };
}

/** Says whether one pattern matches all that another does, as far as that shows without trying. */
function covers(one: Pattern, other: Pattern): boolean {
  // In the place of a star stands what no name holds, so that only a star takes it in.
  return matchesPattern(one, other.literals.join('\0'));
}

/** The only text that a pattern without a star matches. */
function literalOf({ literals }: Pattern): string | undefined {
  return literals.length === 1 ? literals[0] : undefined;
}

function isShown(access: Access, kind: GrantKind, key: string): boolean {
  const { settled, conditional } = access.judge(kind, key);
  return settled.effect === 'allow' || conditional.length > 0;
}

interface CompiledLines {
  readonly lines: readonly Pattern[];
  readonly subtractions: readonly Pattern[];
}

function compileLines(all: readonly ViewLine[]): CompiledLines {
  const compiled = all.map(({ pattern, isSubtraction }) => ({ pattern: checkedPattern(pattern), isSubtraction }));
  return {
    lines: compiled.flatMap(({ pattern, isSubtraction }) => (isSubtraction ? [] : [pattern])),
    subtractions: compiled.flatMap(({ pattern, isSubtraction }) => (isSubtraction ? [pattern] : [])),
  };
}

function checkedPattern(source: string): Pattern {
  const compiled = compilePattern(source);
  if (compiled.kind === 'fault') throw new TypeError(`pattern ${JSON.stringify(source)}: ${compiled.message}`);
  return compiled;
}
