/** What the gateway is as an OAuth resource server under a configuration: whose tokens, which doors, which name. */
import { compileView, type Policy, type Rules } from '@sallyport/guard';
import type { Config, JwtRolesConfig } from './config/types.ts';
import { introspectedIssuer } from './tokens/introspector.ts';
import { leadsTo, makeResource, serverDoor, type NamedDoor, type TokenIssuer } from './tokens/resource.ts';

/**
 * Makes the rules of the resource server; none where no issuer's tokens are accepted.
 *
 * @param config the configuration
 * @param url origin under which callers reach the doors
 * @param policy what roles reach, also where policy is only observed: nobody is told of a server by that
 */
export function resourceRules(config: Config, url: string, policy: Policy): Pick<Rules, 'resource'> {
  const doors = [...config.upstreams.map(({ name }) => serverDoor(name, policy)), ...viewDoors(config, policy)];
  const resource = makeResource(url, tokenIssuers(config.callers), doors, policy);
  return resource === undefined ? {} : { resource };
}

function viewDoors(config: Config, policy: Policy): NamedDoor[] {
  return config.views.map(compileView).map((view) => ({
    name: view.name,
    isReachedBy(role) {
      const access = view.narrow(policy.access([role]));
      return view.isFor([role]) && config.upstreams.some(({ name }) => leadsTo(access, name));
    },
  }));
}

/** Everybody whose tokens are accepted, as clients have to know them. */
function tokenIssuers({ jwt, introspection }: Config['callers']): TokenIssuer[] {
  const rolesOf = (roles: JwtRolesConfig | undefined): readonly string[] =>
    (roles?.map ?? []).flatMap((mapping) => mapping.roles);
  const asked = introspection === undefined ? [] : [{ ...introspection, issuer: introspectedIssuer(introspection) }];
  return [...jwt, ...asked].map(({ issuer, roles, scopePrefix }) => ({ issuer, roles: rolesOf(roles), scopePrefix }));
}
