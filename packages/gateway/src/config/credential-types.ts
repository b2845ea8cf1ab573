/** What `auth:` of an upstream comes to: fixed headers, a client certificate, and where tokens are had from. */
import type { CredentialHeader } from './types.ts';
import type { Secret } from './secret.ts';

/** A certificate that the gateway shows to an upstream, PEM. */
export interface ClientCertificateConfig {
  readonly cert: string;
  readonly key: Secret;
}

/** How the gateway proves at a token endpoint which client it is. */
export interface TokenClientConfig {
  /** Its metadata names the token endpoint; exclusive with `tokenUrl`. */
  readonly issuer: string | undefined;
  readonly tokenUrl: string | undefined;
  readonly clientId: string;
  readonly clientSecret: Secret | undefined;
  /** PEM; signs assertions (RFC 7523). */
  readonly privateKey: Secret | undefined;
  /** `kid` of those. */
  readonly keyId: string | undefined;
  /** Where the secret goes; `undefined`: as the metadata has it, else in the Authorization header. */
  readonly clientAuth: 'basic' | 'post' | undefined;
}

/** A token for the gateway itself (RFC 6749 §4.4). */
export interface ClientCredentialsConfig extends TokenClientConfig {
  readonly kind: 'client-credentials';
  readonly scopes: readonly string[];
  readonly resource: string | undefined;
  readonly audience: string | undefined;
}

/** A token for each caller, made from the one that it came with. */
export interface TokenExchangeConfig extends TokenClientConfig {
  readonly kind: 'token-exchange';
  readonly how: 'rfc8693' | 'entra-obo' | 'id-jag';
  readonly scopes: readonly string[];
  readonly resource: string | undefined;
  readonly audience: string | undefined;
  /** What the caller's token is called in the exchange. */
  readonly subjectTokenType: 'access_token' | 'id_token' | 'jwt';
  /** The upstream's own authorization server, which takes the grant of `id-jag`. */
  readonly target: TokenClientConfig | undefined;
}

/** A token for each person who consents to it. */
export interface OAuthGrantConfig {
  readonly kind: 'oauth';
  readonly scopes: readonly string[] | undefined;
  /** `undefined`: the one that the upstream names. */
  readonly issuer: string | undefined;
  /** `undefined`: the gateway registers itself. */
  readonly clientId: string | undefined;
  readonly clientSecret: Secret | undefined;
  readonly clientAuth: 'basic' | 'post' | undefined;
  /** `entra`: `resource` is left out, and the metadata need not say that PKCE is known. */
  readonly profile: 'standard' | 'entra';
}

/** Where tokens for an upstream are had from. */
export type TokensConfig = ClientCredentialsConfig | TokenExchangeConfig | OAuthGrantConfig;

/** The whole of `auth:`. */
export interface AuthConfig {
  readonly credentials: readonly CredentialHeader[];
  readonly certificate: ClientCertificateConfig | undefined;
  readonly tokens: TokensConfig | undefined;
}
