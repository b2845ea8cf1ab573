/**
 * Finds out who issues tokens for an upstream and what to ask for (2026-07-28 authorization: RFC 9728 metadata of the
 * resource, then RFC 8414 metadata of its authorization server), and refuses what a safe client must not use.
 */
import type { AuthorizationServer } from 'oauth4webapi';
import type { OAuthGrantConfig } from '../../config/credential-types.ts';
import { readChallenge, readScopes } from '../challenge.ts';
import type { OAuthFetch } from '../egress-fetch.ts';
import { discoverServer, fetchDocument, isSafeUrl, MetadataFault, type ServerDirectory } from '../server-metadata.ts';

/** How consent at an upstream goes. */
export interface ResourcePlan {
  readonly server: AuthorizationServer;
  /** Where people are sent. */
  readonly authorizationEndpoint: string;
  /** The resource indicator (RFC 8707); `undefined` for servers that refuse it. */
  readonly resource: string | undefined;
  readonly scopes: readonly string[];
}

/**
 * Makes the plan.
 *
 * @param url - the upstream's
 * @param challenge - how it last refused somebody without a credential
 * @param more - scopes that it asked for beyond the usual ones
 * @throws MetadataFault, EgressError
 */
export async function planConsent(
  url: string,
  config: OAuthGrantConfig,
  challenge: string | undefined,
  more: readonly string[],
  fetch: OAuthFetch,
  directory: ServerDirectory,
): Promise<ResourcePlan> {
  const bearer = challenge === undefined ? undefined : readChallenge(challenge);
  const metadata = await findResource(url, bearer?.resourceMetadata, fetch);
  const server = await serverOf(url, config.issuer, metadata, fetch, directory);
  const { authorization_endpoint: endpoint, code_challenge_methods_supported: methods } = server;
  if (!isSafeUrl(endpoint)) throw new MetadataFault(`${server.issuer} names no authorization endpoint`);
  if (config.profile === 'standard' && methods?.includes('S256') !== true) {
    throw new MetadataFault(`${server.issuer} does not say that it knows PKCE with S256`);
  }
  const own = config.scopes ?? firstOf(bearer?.scopes, metadata?.scopes);
  // Without it some servers give nothing that outlives the first hour.
  const offline = config.scopes === undefined && server.scopes_supported?.includes('offline_access') === true;
  return {
    server,
    authorizationEndpoint: endpoint,
    resource: config.profile === 'entra' ? undefined : (metadata?.resource ?? canonicalResource(url)),
    scopes: [...new Set([...own, ...more, ...(offline ? ['offline_access'] : [])])],
  };
}

function firstOf(...lists: readonly (readonly string[] | undefined)[]): readonly string[] {
  return lists.find((list) => list !== undefined && list.length > 0) ?? [];
}

interface ResourceMetadata {
  readonly resource: string;
  readonly servers: readonly string[];
  readonly scopes: readonly string[];
}

async function findResource(
  url: string,
  named: string | undefined,
  fetch: OAuthFetch,
): Promise<ResourceMetadata | undefined> {
  for (const place of isSafeUrl(named) ? [named] : resourcePlaces(url)) {
    const document = await fetchDocument(place, fetch);
    if (document === undefined) continue;
    const { resource, authorization_servers: servers, scopes_supported: scopes } = document;
    if (typeof resource !== 'string' || !isAbove(resource, url)) {
      throw new MetadataFault(`${place} speaks of another resource than ${url}`);
    }
    return {
      resource,
      servers: Array.isArray(servers) ? servers.filter((one) => isSafeUrl(one)) : [],
      scopes: Array.isArray(scopes) ? readScopes(scopes.filter((one) => typeof one === 'string').join(' ')) : [],
    };
  }
  return undefined;
}

/** Where the metadata of a resource can be: at its path, then for all of its host (RFC 9728 §3.1). */
export function resourcePlaces(url: string): readonly string[] {
  const { origin, pathname, search } = new URL(canonicalResource(url));
  const root = `${origin}/.well-known/oauth-protected-resource`;
  return pathname === '/' ? [root] : [`${root}${pathname}${search}`, root];
}

/** The identifier of a resource (2026-07-28 authorization, canonical server URI): no fragment, no lone slash. */
export function canonicalResource(url: string): string {
  const parsed = new URL(url.replace(/^ws(s?):/i, 'http$1:'));
  parsed.hash = '';
  return parsed.pathname === '/' && parsed.search === '' ? parsed.origin : parsed.href;
}

/** True where a token for this resource is one for the upstream: the same, or the host or folder that it is in. */
function isAbove(resource: string, url: string): boolean {
  if (!isSafeUrl(resource) || resource.includes('#')) return false;
  const [above, own] = [new URL(resource), new URL(canonicalResource(url))];
  if (above.origin !== own.origin) return false;
  if (above.pathname === own.pathname) return above.search === '' || above.search === own.search;
  const folder = above.pathname.endsWith('/') ? above.pathname : `${above.pathname}/`;
  return above.search === '' && own.pathname.startsWith(folder);
}

async function serverOf(
  url: string,
  written: string | undefined,
  metadata: ResourceMetadata | undefined,
  fetch: OAuthFetch,
  directory: ServerDirectory,
): Promise<AuthorizationServer> {
  const issuer = written ?? metadata?.servers[0];
  if (issuer !== undefined) return discoverServer(issuer, fetch, directory);
  if (metadata !== undefined) throw new MetadataFault(`${url} names no authorization server that can be used`);
  // Servers of 2025-03-26 know no metadata of resources: their host is their authorization server.
  const { origin } = new URL(canonicalResource(url));
  try {
    return await discoverServer(origin, fetch, directory);
  } catch (thrown) {
    if (!(thrown instanceof MetadataFault)) throw thrown;
    return discoverServer(`${origin}/`, fetch, directory);
  }
}
