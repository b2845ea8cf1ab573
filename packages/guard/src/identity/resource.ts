/**
 * Sallyport as an OAuth 2.0 protected resource: the identifiers of its doors (RFC 8707), where their metadata is, and what
 * it says (RFC 9728). All of it comes from the rules; nothing from a request but the path of the door.
 */
import type { DoorPath, Principal } from '../exchange.ts';
import type { ResourceRules } from '../rules.ts';

/** Path below which a protected resource's metadata stands (RFC 9728 §3). */
export const METADATA_PATH = '/.well-known/oauth-protected-resource';

/** Name of the server or view that a door path leads to; `undefined` for all servers. */
export function nameOf(path: DoorPath): string | undefined {
  if (path.kind === 'all') return undefined;
  return path.kind === 'view' ? path.view : path.server;
}

/** The resource identifier of a door: what tokens for it name as their audience. */
export function resourceOf({ url }: ResourceRules, name: string | undefined): string {
  return name === undefined ? `${url}/mcp` : `${url}/mcp/${name}`;
}

/**
 * What is said about one door.
 *
 * @param resource the rules
 * @param name the server or view; `undefined` for all servers
 * @returns the members of its metadata document; `undefined` where there is none
 */
export function metadataOf(resource: ResourceRules, name: string | undefined): object | undefined {
  const scopes = name === undefined ? resource.scopes : resource.named?.get(name);
  if (scopes === undefined) return undefined;
  const announced = announce(resource, scopes, undefined);
  return {
    resource: resourceOf(resource, name),
    authorization_servers: resource.authorizationServers,
    ...(announced.length === 0 ? {} : { scopes_supported: announced }),
    bearer_methods_supported: ['header'],
  };
}

/** What a refused caller may learn about its way in. */
export interface ChallengeFacts {
  /** `error` of RFC 6750 §3.1; absent where no credential was sent. */
  readonly error?: 'invalid_request' | 'invalid_token' | 'insufficient_scope';
  /** For people, without a quote or backslash; said where there is a way to log in. */
  readonly description?: string;
  /** Scopes that the operation needs, as tokens carry them; those of a first login by default. */
  readonly scopes?: readonly string[];
  /** Who asks, where that is known. */
  readonly principal?: Principal | undefined;
}

/**
 * The value of `WWW-Authenticate` for a refusal (RFC 6750 §3, RFC 9728 §5.1).
 *
 * @param resource the rules; without them no way to get a token is known
 * @param path the door that was asked
 * @param facts what is wrong, and what would help
 */
export function challengeOf(resource: ResourceRules | undefined, path: DoorPath, facts: ChallengeFacts): string {
  const parts = ['realm="sallyport"'];
  if (facts.error !== undefined) parts.push(`error="${facts.error}"`);
  if (resource !== undefined) {
    if (facts.description !== undefined) parts.push(`error_description="${facts.description}"`);
    const name = nameOf(path);
    const isNamed = name !== undefined && resource.named?.has(name) === true;
    const scopes = facts.scopes ?? (isNamed ? resource.named?.get(name) : resource.scopes) ?? [];
    const announced = announce(resource, scopes, facts.principal).filter((scope) => scopeForm.test(scope));
    if (announced.length > 0) parts.push(`scope="${announced.join(' ')}"`);
    parts.push(`resource_metadata="${resource.url}${METADATA_PATH}/mcp${isNamed ? `/${name}` : ''}"`);
  }
  return `Bearer ${parts.join(', ')}`;
}

/** A scope as RFC 6749 §3.3 allows it, which is safe between quotes. */
const scopeForm = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/** Scopes as a client has to ask for them: at the issuer of the caller's token, or at the one that clients take first. */
function announce(resource: ResourceRules, scopes: readonly string[], principal: Principal | undefined): string[] {
  const issuer = principal?.claims?.['iss'];
  const known = resource.scopePrefixes?.get(typeof issuer === 'string' ? issuer : '');
  const prefix = known ?? resource.scopePrefixes?.get(resource.authorizationServers[0] ?? '') ?? '';
  return scopes.map((scope) => prefix + scope);
}
