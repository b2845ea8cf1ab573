/** What in a configuration is right and yet probably not meant; `check` warns of it. Pure. */
import { compilePattern } from '@sallyport/guard';
import type { Config, Problem } from '@sallyport/gateway';

type Judged = Pick<Config, 'roles' | 'callers' | 'upstreams'>;

/** Characters outside of those that names of tools may have; tools with other names are held back. */
const outside = /[^A-Za-z0-9_.-]/;

/** Finds doubts, in the order of the file's parts. */
export function findDoubts(config: Judged): Problem[] {
  return [...patternDoubts(config), ...reachDoubts(config), ...issuerDoubts(config)];
}

function patternDoubts({ roles }: Judged): Problem[] {
  return roles.flatMap(({ tools }) =>
    tools.flatMap(({ pattern, origin }): Problem[] => {
      const compiled = compilePattern(pattern);
      if (compiled.kind === 'fault') return [];
      const strange = compiled.literals.map((literal) => outside.exec(literal)?.[0]).find((one) => one !== undefined);
      if (strange === undefined) return [];
      const message = `"${pattern}" matches no tool: no tool has "${strange}" in its name`;
      const suggestion = 'names of tools have letters, digits, _ . and - only';
      return [{ code: 'pattern', ...origin, length: pattern.length, message, suggestion }];
    }),
  );
}

/** Servers that nobody can reach. */
function reachDoubts({ roles, callers, upstreams }: Judged): Problem[] {
  const [first] = upstreams;
  if (first === undefined) return [];
  const place = { code: 'missing', ...first.origin, length: first.name.length } as const;
  if (roles.length === 0) {
    const message = 'nobody can reach the servers: there are no roles';
    return [{ ...place, message, suggestion: "add one:  roles: { reader: { tools: ['*'] } }" }];
  }
  if (callers.keys || callers.local !== undefined || callers.anonymous !== undefined) return [];
  if (callers.jwt.length > 0) return [];
  const message = 'nobody can reach the servers: keys are off, and callers.local and callers.anonymous name no role';
  return [{ ...place, message, suggestion: 'set callers.keys to on, or callers.local to a role' }];
}

/** Issuers whose callers have no role, and so see empty lists. */
function issuerDoubts({ callers }: Judged): Problem[] {
  return callers.jwt.flatMap(({ issuer, roles, origin }): Problem[] => {
    if (roles !== undefined) return [];
    const message = `callers with tokens of ${issuer} have no role, so nothing is allowed to them`;
    const suggestion =
      "add roles: { claim: groups, map: { GROUP: ROLE } }, or for all: { claim: sub, map: { '*': ROLE } }";
    return [{ code: 'missing', ...origin, length: 1, message, suggestion }];
  });
}
