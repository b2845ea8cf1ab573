/**
 * The part of a client program that logs its person in, as the official SDKs want it: it keeps what they ask it to keep,
 * and has the browser of the tests in place of a person's.
 */
import type { OAuthClientProvider } from '@modelcontextprotocol/client';
import type { IdentityProvider } from '../../fixtures/identity-provider/identity-provider.ts';

/** Where the provider sends people back to; nothing listens there, because the browser stops before it. */
export const callback = 'http://127.0.0.1:9/callback';

/** How the client is known to the authorization server. */
export type Registration =
  | { readonly kind: 'dynamic' }
  | { readonly kind: 'document'; readonly url: string }
  | { readonly kind: 'known'; readonly id: string; readonly secret?: string };

/** What one client program does about logging in. */
export interface LoginOptions {
  readonly idp: IdentityProvider;
  readonly registration: Registration;
  /** Who logs in; the provider's first account by default. */
  readonly account?: string;
  /** Leaves out the resource indicator, for servers that take none. */
  readonly namesNoResource?: boolean;
  /** Whether it keeps refresh tokens. Default true. */
  readonly refreshes?: boolean;
}

/** A login under way, and what became of earlier ones. */
export interface Login {
  readonly provider: OAuthClientProvider;
  /** Where the person was sent, in order. */
  readonly visits: readonly URL[];
  /** Parameters that the person came back with last. */
  readonly returned: () => URLSearchParams;
  /** The access token in use. */
  readonly token: () => string | undefined;
}

/** Makes a client program's login. */
export function createLogin({ idp, registration, account, namesNoResource, refreshes }: LoginOptions): Login {
  const visits: URL[] = [];
  let returned = new URLSearchParams();
  let verifier = '';
  let tokens: Awaited<ReturnType<OAuthClientProvider['tokens']>>;
  let client: Awaited<ReturnType<OAuthClientProvider['clientInformation']>> =
    registration.kind === 'known'
      ? {
          client_id: registration.id,
          // The issuer to which these belong; the SDK would guess, and warn.
          issuer: idp.issuer,
          ...(registration.secret === undefined ? {} : { client_secret: registration.secret }),
        }
      : undefined;
  let discovered: Awaited<ReturnType<NonNullable<OAuthClientProvider['discoveryState']>>>;
  const provider: OAuthClientProvider = {
    redirectUrl: callback,
    ...(registration.kind === 'document' ? { clientMetadataUrl: registration.url } : {}),
    clientMetadata: {
      client_name: 'A client of the tests',
      redirect_uris: [callback],
      grant_types: refreshes === false ? ['authorization_code'] : ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    },
    clientInformation: () => client,
    saveClientInformation: (found) => {
      client = found;
    },
    tokens: () => tokens,
    saveTokens: ({ refresh_token: refresh, ...found }) => {
      tokens = refresh === undefined || refreshes === false ? found : { ...found, refresh_token: refresh };
    },
    saveCodeVerifier: (made) => {
      verifier = made;
    },
    codeVerifier: () => verifier,
    discoveryState: () => discovered,
    saveDiscoveryState: (found) => {
      discovered = found;
    },
    redirectToAuthorization: async (url) => {
      visits.push(url);
      returned = (await idp.browse(url, account === undefined ? {} : { account })).searchParams;
    },
    ...(namesNoResource === true ? { validateResourceURL: () => Promise.resolve(undefined) } : {}),
  };
  return { provider, visits, returned: () => returned, token: () => tokens?.access_token };
}
