/** Both sides of a token request: the authorization server with its endpoint, and the gateway as its client. */
import { createPrivateKey, webcrypto, type KeyObject } from 'node:crypto';
import {
  allowInsecureRequests,
  ClientSecretBasic,
  ClientSecretPost,
  customFetch,
  modifyAssertion,
  PrivateKeyJwt,
  type AuthorizationServer,
  type Client,
  type ClientAuth,
} from 'oauth4webapi';
import type { TokenClientConfig } from '../config/credential-types.ts';
import { discoverServer, type ServerDirectory } from './server-metadata.ts';
import type { OAuthFetch } from './egress-fetch.ts';

/** Everything that a request to a token endpoint is made of. */
export interface TokenParty {
  readonly server: AuthorizationServer;
  readonly client: Client;
  readonly auth: ClientAuth;
  readonly options: RequestOptions;
}

/** How `oauth4webapi` sends. Plain HTTP is refused by the configuration, but for this machine. */
export interface RequestOptions {
  readonly [customFetch]: OAuthFetch;
  readonly [allowInsecureRequests]: true;
}

/** Makes the options of requests. */
export function sendOver(fetch: OAuthFetch): RequestOptions {
  return { [customFetch]: fetch, [allowInsecureRequests]: true };
}

/**
 * Finds the token endpoint, and prepares the proof of who the gateway is.
 *
 * @param issuer - stands in for a configuration that names neither issuer nor endpoint
 * @throws what `discoverServer` does
 */
export async function meetServer(
  config: TokenClientConfig,
  fetch: OAuthFetch,
  directory: ServerDirectory,
  issuer = config.issuer,
): Promise<TokenParty> {
  const server =
    config.tokenUrl === undefined
      ? await discoverServer(issuer ?? '', fetch, directory)
      : { issuer: new URL(config.tokenUrl).origin, token_endpoint: config.tokenUrl };
  const client: Client = { client_id: config.clientId };
  return { server, client, auth: await proofOf(config, server), options: sendOver(fetch) };
}

async function proofOf(config: TokenClientConfig, server: AuthorizationServer): Promise<ClientAuth> {
  const { privateKey, clientSecret, keyId, tokenUrl } = config;
  if (privateKey === undefined) return secretProof(clientSecret?.reveal() ?? '', config.clientAuth, server);
  const key = await importKey(createPrivateKey(privateKey.reveal()));
  const proof = keyId === undefined ? { key } : { key, kid: keyId };
  return PrivateKeyJwt(proof, {
    [modifyAssertion]: (_, payload) => {
      // Without metadata there is no issuer to speak to; the endpoint is what such servers expect (RFC 7523 §3).
      if (tokenUrl !== undefined) payload['aud'] = tokenUrl;
    },
  });
}

/** Sends a secret where the server takes it. */
export function secretProof(
  secret: string,
  wish: 'basic' | 'post' | undefined,
  { token_endpoint_auth_methods_supported: known }: AuthorizationServer,
): ClientAuth {
  const takesPostOnly =
    known !== undefined && !known.includes('client_secret_basic') && known.includes('client_secret_post');
  return (wish ?? (takesPostOnly ? 'post' : 'basic')) === 'post' ? ClientSecretPost(secret) : ClientSecretBasic(secret);
}

const CURVES: Readonly<Record<string, string>> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' };

function importKey(key: KeyObject): Promise<webcrypto.CryptoKey> {
  const pkcs8 = key.export({ type: 'pkcs8', format: 'der' });
  const algorithm = algorithmOf(key);
  return webcrypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']);
}

function algorithmOf(
  key: KeyObject,
): webcrypto.AlgorithmIdentifier | webcrypto.RsaHashedImportParams | webcrypto.EcKeyImportParams {
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
    case 'ec':
      return { name: 'ECDSA', namedCurve: CURVES[key.asymmetricKeyDetails?.namedCurve ?? ''] ?? '' };
    case 'ed25519':
      return { name: 'Ed25519' };
    default:
      throw new TypeError(`keys of the type ${String(key.asymmetricKeyType)} sign no assertions`);
  }
}
