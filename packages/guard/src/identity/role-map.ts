/** From what an identity provider calls its groups to the roles of this gateway, by patterns. */
import { compilePattern, matchesPattern, type Pattern } from '../policy/pattern.ts';

/** One line of a role map. */
export interface RoleMapping {
  /** A name, or a pattern in which `*` stands for any run of characters. */
  readonly pattern: string;
  readonly roles: readonly string[];
}

/** A compiled role map. */
export interface RoleMap {
  /** Roles of a caller with these values, each once, in the order of the map. */
  rolesOf(values: readonly string[]): readonly string[];
}

/** Patterns of the policy begin with a server; groups have none, so pattern and value are matched behind the same one. */
const before = 'group.';

/** Says what is wrong with a pattern of a role map, or nothing. */
export function findMappingFault(pattern: string): string | undefined {
  if (pattern === '') return 'a pattern must not be empty';
  const compiled = compilePattern(before + pattern);
  return compiled.kind === 'fault' ? compiled.message : undefined;
}

/** Compiles a role map. Patterns that are none were refused when the configuration was read; here they match nothing. */
export function compileRoleMap(mappings: readonly RoleMapping[]): RoleMap {
  const rows = mappings.flatMap(({ pattern, roles }): { pattern: Pattern; roles: readonly string[] }[] => {
    const compiled = compilePattern(before + pattern);
    return compiled.kind === 'pattern' ? [{ pattern: compiled, roles }] : [];
  });
  return {
    rolesOf(values) {
      const keys = values.map((value) => before + value);
      const matching = rows.filter(({ pattern }) => keys.some((key) => matchesPattern(pattern, key)));
      return [...new Set(matching.flatMap(({ roles }) => roles))];
    },
  };
}
