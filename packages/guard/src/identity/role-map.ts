/** From what an identity provider calls its groups to the roles of this gateway, by patterns. */
import { compileTextPattern, matchesPattern, type Pattern } from '../policy/pattern.ts';

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

/** Says what is wrong with a pattern of a role map, or nothing. */
export function findMappingFault(pattern: string): string | undefined {
  const compiled = compileTextPattern(pattern);
  return compiled.kind === 'fault' ? compiled.message : undefined;
}

/** Compiles a role map. Patterns that are none were refused when the configuration was read; here they match nothing. */
export function compileRoleMap(mappings: readonly RoleMapping[]): RoleMap {
  const rows = mappings.flatMap(({ pattern, roles }): { pattern: Pattern; roles: readonly string[] }[] => {
    const compiled = compileTextPattern(pattern);
    return compiled.kind === 'pattern' ? [{ pattern: compiled, roles }] : [];
  });
  return {
    rolesOf(values) {
      const matching = rows.filter(({ pattern }) => values.some((value) => matchesPattern(pattern, value)));
      return [...new Set(matching.flatMap(({ roles }) => roles))];
    },
  };
}
