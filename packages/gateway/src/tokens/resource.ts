/** What the gateway says about itself as an OAuth resource server: its identifier, whose tokens it takes, what to ask for. */
import type { Access, Policy, ResourceRules } from '@sallyport/guard';

/** An issuer, as far as clients have to know it. */
export interface TokenIssuer {
  readonly issuer: string;
  /** Roles that its tokens can give. */
  readonly roles: readonly string[];
  /** What clients write before a scope when they ask this issuer for it. */
  readonly scopePrefix: string | undefined;
}

/** A name under `/mcp/`, and which roles reach something there. */
export interface NamedDoor {
  readonly name: string;
  isReachedBy(role: string): boolean;
}

const kinds = ['tools', 'resources', 'prompts'] as const;

/** Says whether an access may lead to something of a server, for a caller of whom nothing else is known. */
export function leadsTo(access: Access, server: string): boolean {
  return kinds.some((kind) => access.mayMatchPrefix(kind, `${server}.`));
}

/** The door of a server. */
export function serverDoor(name: string, policy: Policy): NamedDoor {
  return { name, isReachedBy: (role) => leadsTo(policy.access([role]), name) };
}

/**
 * Makes the rules of the resource server.
 *
 * @param url origin under which callers reach the doors
 * @param issuers whose tokens are accepted, in the order of the file; without any there is no resource server
 * @param doors of servers and views; those that no role of a token reaches stay as unknown as names that are nobody's
 * @param policy roles and what they reach
 */
export function makeResource(
  url: string,
  issuers: readonly TokenIssuer[],
  doors: readonly NamedDoor[],
  policy: Policy,
): ResourceRules | undefined {
  if (issuers.length === 0) return undefined;
  const given = new Set(issuers.flatMap(({ roles }) => roles));
  // In the order of the file, so that of two equals the first counts.
  const roles = [...policy.roles.keys()].filter((role) => given.has(role));
  const named = new Map<string, readonly string[]>();
  for (const { name, isReachedBy } of doors) {
    const reaching = roles.filter(isReachedBy);
    if (reaching.length > 0) named.set(name, firstScopes(reaching, policy));
  }
  const prefixes = issuers.map(({ issuer, scopePrefix = '' }) => [issuer, scopePrefix] as const);
  return {
    url,
    authorizationServers: [...new Set(issuers.map(({ issuer }) => issuer))],
    scopes: firstScopes(roles, policy),
    named,
    ...(prefixes.some(([, prefix]) => prefix !== '') ? { scopePrefixes: new Map(prefixes) } : {}),
  };
}

/**
 * What to ask for at a first login: the scopes of the role that asks for the fewest, because more can be asked for when a
 * call needs it. Roles that ask for none say nothing about it.
 */
function firstScopes(names: readonly string[], policy: Policy): readonly string[] {
  let fewest: readonly string[] = [];
  for (const name of names) {
    const scopes = (policy.roles.get(name)?.scopes ?? []).filter((scope) => scope !== 'offline_access');
    if (scopes.length > 0 && (fewest.length === 0 || scopes.length < fewest.length)) fewest = scopes;
  }
  return fewest;
}
