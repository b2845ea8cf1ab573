/** Metadata of authorization servers (RFC 8414, OpenID Connect Discovery): found, checked against the issuer, kept a while. */
import type { Clock } from '@sallyport/guard';
import { isObject } from '@sallyport/protocol';
import type { AuthorizationServer } from 'oauth4webapi';
import type { OAuthFetch } from './egress-fetch.ts';

/** What is known of authorization servers. */
export interface ServerDirectory {
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly known: Map<string, { readonly until: number; readonly found: Promise<AuthorizationServer> }>;
}

/** Makes an empty directory. */
export function createDirectory(clock: Pick<Clock, 'monotonic'>): ServerDirectory {
  return { clock, known: new Map() };
}

/** Metadata that cannot be used. The message is for operators. */
export class MetadataFault extends Error {
  override readonly name = 'MetadataFault';
}

const KEEP_MS = 600_000;
const MOST_KEPT = 1000;

/**
 * Finds the metadata of an issuer at the places that the protocol names, in its order (2026-07-28, authorization server
 * metadata discovery). Of requests that come at once, one is sent.
 *
 * @param issuer - as the operator or the resource wrote it; the metadata must name the very same
 * @throws MetadataFault when there is none, or it is another's; EgressError when it could not be asked for
 */
export function discoverServer(
  issuer: string,
  fetch: OAuthFetch,
  { clock, known }: ServerDirectory,
): Promise<AuthorizationServer> {
  const kept = known.get(issuer);
  if (kept !== undefined && clock.monotonic() < kept.until) return kept.found;
  const found = findServer(issuer, fetch);
  if (known.size >= MOST_KEPT) known.clear();
  known.set(issuer, { until: clock.monotonic() + KEEP_MS, found });
  found.catch(() => {
    if (known.get(issuer)?.found === found) known.delete(issuer);
  });
  return found;
}

async function findServer(issuer: string, fetch: OAuthFetch): Promise<AuthorizationServer> {
  const tried: string[] = [];
  for (const url of metadataPlaces(issuer)) {
    const document = await fetchDocument(url, fetch);
    if (document === undefined) {
      tried.push(url);
      continue;
    }
    if (document['issuer'] !== issuer) {
      throw new MetadataFault(`${url} speaks for the issuer ${shown(document['issuer'])}, not for ${issuer}`);
    }
    return readServer(document, url);
  }
  throw new MetadataFault(`${issuer} publishes no metadata (tried ${tried.join(', ')})`);
}

/** Where the metadata of an issuer can be. */
export function metadataPlaces(issuer: string): readonly string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname === '/' ? '' : pathname.replace(/\/$/, '');
  const [oauth, openid] = ['oauth-authorization-server', 'openid-configuration'];
  const inserted = [`${origin}/.well-known/${oauth}${path}`, `${origin}/.well-known/${openid}${path}`];
  return path === '' ? inserted : [...inserted, `${origin}${path}/.well-known/${openid}`];
}

/** Fetches a JSON document; `undefined` where there is none. */
export async function fetchDocument(url: string, fetch: OAuthFetch): Promise<Record<string, unknown> | undefined> {
  const response = await fetch(url, { method: 'GET', headers: { accept: 'application/json' } });
  if (response.status >= 400 && response.status < 500) return undefined;
  if (response.status !== 200) throw new MetadataFault(`${url} answered HTTP ${response.status}`);
  const type = response.headers.get('content-type') ?? '';
  if (!/^application\/(?:[\w.-]+\+)?json\b/i.test(type)) return undefined;
  const document: unknown = await response.json().catch(() => undefined);
  if (!isObject(document)) throw new MetadataFault(`${url} holds no JSON object`);
  return { ...document };
}

/** Endpoints that are used, which must be URLs where they are there. */
const ENDPOINTS = [
  'authorization_endpoint',
  'token_endpoint',
  'registration_endpoint',
  'revocation_endpoint',
  'pushed_authorization_request_endpoint',
] as const;

/** Lists that are looked into. */
const LISTS = [
  'code_challenge_methods_supported',
  'scopes_supported',
  'token_endpoint_auth_methods_supported',
] as const;

function readServer(document: Record<string, unknown>, place: string): AuthorizationServer {
  for (const name of ENDPOINTS) {
    const value = document[name];
    if (value !== undefined && !isSafeUrl(value)) throw new MetadataFault(`${place}: ${name} is no https URL`);
  }
  for (const name of LISTS) {
    const value = document[name];
    if (value !== undefined && !(Array.isArray(value) && value.every((item) => typeof item === 'string'))) {
      throw new MetadataFault(`${place}: ${name} is no list of strings`);
    }
  }
  if (document['token_endpoint'] === undefined) throw new MetadataFault(`${place} names no token_endpoint`);
  // Each member that is used was looked at above.
  return document as unknown as AuthorizationServer;
}

/** True for https, and for http on this machine. */
export function isSafeUrl(value: unknown): value is string {
  if (typeof value !== 'string' || !URL.canParse(value)) return false;
  const { protocol, hostname, username, password } = new URL(value);
  if (username !== '' || password !== '') return false;
  if (protocol === 'https:') return true;
  return (
    protocol === 'http:' && (hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname))
  );
}

function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 200)) : `a ${typeof value}`;
}
