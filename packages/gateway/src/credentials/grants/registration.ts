/**
 * Who the gateway is at an authorization server: as the operator registered it, by a document at the gateway's own
 * address (client id metadata), or registered by itself (RFC 7591), in this order.
 */
import {
  dynamicClientRegistrationRequest,
  None,
  processDynamicClientRegistrationResponse,
  ClientSecretBasic,
  ClientSecretPost,
  type AuthorizationServer,
  type ClientAuth,
} from 'oauth4webapi';
import type { OAuthGrantConfig } from '../../config/credential-types.ts';
import { MetadataFault } from '../server-metadata.ts';
import type { RequestOptions } from '../token-party.ts';
import type { ClientIdentity } from './grant.ts';
import type { GrantStore } from './grant-store.ts';

/** Path of the document by which authorization servers know the gateway. */
export const CLIENT_DOCUMENT_PATH = '/oauth/client.json';
/** Path to which people are sent back. */
export const CALLBACK_PATH = '/oauth/callback';

/** The document by which authorization servers know the gateway. */
export function clientDocument(base: string): object {
  return {
    client_id: `${base}${CLIENT_DOCUMENT_PATH}`,
    ...clientMetadata(base),
    token_endpoint_auth_method: 'none',
  };
}

function clientMetadata(base: string): {
  client_name: string;
  client_uri: string;
  redirect_uris: string[];
  grant_types: string[];
  response_types: string[];
  application_type: string;
} {
  return {
    client_name: 'Sallyport',
    client_uri: base,
    redirect_uris: [`${base}${CALLBACK_PATH}`],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    // Addresses of this machine are those of a program, not of a site (OpenID Connect Registration §2).
    application_type: base.startsWith('https:') ? 'web' : 'native',
  };
}

/** What registering needs. */
export interface RegistrationContext {
  readonly store: Pick<GrantStore, 'findRegistration' | 'saveRegistration'>;
  /** The upstream's name. */
  readonly upstream: string;
  /** Our own address. */
  readonly base: string;
  readonly options: RequestOptions;
}

/**
 * Says who the gateway is, and registers it where that is needed.
 *
 * @throws MetadataFault when the server knows no way; what `oauth4webapi` throws when it refuses
 */
export async function identifyClient(
  config: OAuthGrantConfig,
  server: AuthorizationServer,
  { store, upstream, base, options }: RegistrationContext,
): Promise<ClientIdentity> {
  const { clientId, clientSecret, clientAuth } = config;
  const methods = server.token_endpoint_auth_methods_supported;
  if (clientId !== undefined) {
    if (clientSecret === undefined) return { id: clientId, secret: undefined, auth: 'none' };
    return { id: clientId, secret: clientSecret.reveal(), auth: clientAuth ?? secretWay(methods) };
  }
  if (server.client_id_metadata_document_supported === true && base.startsWith('https:')) {
    return { id: `${base}${CLIENT_DOCUMENT_PATH}`, secret: undefined, auth: 'none' };
  }
  const redirectUri = `${base}${CALLBACK_PATH}`;
  const known = await store.findRegistration(upstream, server.issuer, redirectUri);
  if (known !== undefined) return known;
  if (server.registration_endpoint === undefined) {
    throw new MetadataFault(
      `${server.issuer} takes no registration: write clientId (and clientSecret) under auth.oauth`,
    );
  }
  const wanted = methods?.includes('none') === true ? 'none' : secretWay(methods);
  const metadata = { ...clientMetadata(base), token_endpoint_auth_method: METHOD_NAMES[wanted] };
  const response = await dynamicClientRegistrationRequest(server, metadata, options);
  const made = await processDynamicClientRegistrationResponse(response);
  const { client_id: id, client_secret: secret, client_secret_expires_at: end } = made;
  const given = Object.entries(METHOD_NAMES).find(([, name]) => name === made.token_endpoint_auth_method);
  const auth = secret === undefined ? 'none' : given?.[0] === 'post' ? 'post' : 'basic';
  const identity: ClientIdentity = { id, secret: typeof secret === 'string' ? secret : undefined, auth };
  const expiresAt = typeof end === 'number' && end > 0 ? end * 1000 : undefined;
  await store.saveRegistration(upstream, server.issuer, redirectUri, identity, expiresAt);
  return identity;
}

const METHOD_NAMES = { basic: 'client_secret_basic', post: 'client_secret_post', none: 'none' } as const;

function secretWay(methods: readonly string[] | undefined): 'basic' | 'post' {
  const takesPostOnly = methods?.includes('client_secret_basic') === false && methods.includes('client_secret_post');
  return takesPostOnly ? 'post' : 'basic';
}

/** How an identity is proven at the token endpoint. */
export function proofOf({ secret, auth }: ClientIdentity): ClientAuth {
  if (secret === undefined || auth === 'none') return None();
  return auth === 'post' ? ClientSecretPost(secret) : ClientSecretBasic(secret);
}
