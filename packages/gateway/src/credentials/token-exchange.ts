/**
 * A token for each caller, made from the verified token that the caller came with (RFC 8693; on-behalf-of of Entra; the
 * identity assertion grant of ID-JAG). The caller's token goes to the token endpoint that the operator wrote, and
 * nowhere else.
 */
import { createHash } from 'node:crypto';
import { genericTokenEndpointRequest, processGenericTokenEndpointResponse } from 'oauth4webapi';
import type { TokenExchangeConfig } from '../config/credential-types.ts';
import { linkFailure, type LinkFailure } from '../upstreams/link.ts';
import { createRedaction } from '../upstreams/redact.ts';
import type { CredentialContext } from './context.ts';
import { fetchOver, type OAuthFetch } from './egress-fetch.ts';
import { boundScopes } from './scope-bound.ts';
import type { ServerDirectory } from './server-metadata.ts';
import type { CredentialSource, CredentialSubject } from './source.ts';
import { readToken } from './token-answer.ts';
import { TokenCredential, type Token, type TokenWish } from './token-credential.ts';
import { readTokenFault } from './token-fault.ts';
import { meetServer } from './token-party.ts';

const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:';

/** Callers whose tokens are kept at once; the one that was away for longest makes room. */
const MOST_KEPT = 10_000;

/**
 * Makes the source.
 *
 * @param name - the upstream's name, for texts
 * @param operators - URLs that the operator wrote for this upstream
 */
export function createTokenExchange(
  name: string,
  config: TokenExchangeConfig,
  operators: readonly string[],
  { clock, egress, directory }: CredentialContext,
): CredentialSource {
  const fetch = fetchOver(egress, operators);
  const kept = new Map<string, TokenCredential>();
  const fixed = [config.clientSecret, config.target?.clientSecret].flatMap((one) => one?.reveal() ?? []);

  const obtainFor = ({ token, kind }: CredentialSubject) => {
    return async ({ scopes }: TokenWish): Promise<Token | LinkFailure> => {
      if (token === undefined) {
        const text = `a caller that comes with ${kind === 'key' ? 'an API key' : 'no token'} cannot be acted for`;
        return linkFailure('identity', text, { detail: `${name}: no token to exchange (${kind})` });
      }
      const now = clock.now();
      const wanted = boundScopes(config.scopes, scopes, name);
      if ('reason' in wanted) return wanted;
      try {
        return readToken(await exchange(config, token, wanted, fetch, directory), now);
      } catch (thrown) {
        const { detail } = readTokenFault(thrown, createRedaction([...fixed, token]));
        return linkFailure('credentials', `The credentials for ${name} could not be had.`, { detail });
      }
    };
  };

  /** Credentials are the token's, not only the person's: two tokens of one person may allow different things. */
  const keyOf = ({ principal, token }: CredentialSubject): string =>
    `${createHash('sha256')
      .update(token ?? '')
      .digest('base64url')} ${principal}`;

  return {
    shared: undefined,
    of: (subject) => {
      const key = keyOf(subject);
      const known = kept.get(key);
      if (known !== undefined) {
        known.usedAt = clock.monotonic();
        return known;
      }
      if (kept.size >= MOST_KEPT) dropOldest(kept);
      const made = new TokenCredential({ key, name, clock, obtain: obtainFor(subject) });
      kept.set(key, made);
      return made;
    },
    secrets: () => [...kept.values()].flatMap(({ secret }) => secret ?? []),
    close: () => kept.clear(),
  };
}

function dropOldest(kept: Map<string, TokenCredential>): void {
  let oldest: readonly [string, number] | undefined;
  for (const [key, { usedAt }] of kept) if (oldest === undefined || usedAt < oldest[1]) oldest = [key, usedAt];
  if (oldest !== undefined) kept.delete(oldest[0]);
}

type Answer = Awaited<ReturnType<typeof processGenericTokenEndpointResponse>>;

async function exchange(
  config: TokenExchangeConfig,
  subject: string,
  scopes: readonly string[],
  fetch: OAuthFetch,
  directory: ServerDirectory,
): Promise<Answer> {
  const scope = scopes.length === 0 ? {} : { scope: scopes.join(' ') };
  const { resource, audience } = config;
  const place = { ...(resource === undefined ? {} : { resource }), ...(audience === undefined ? {} : { audience }) };
  const asked = {
    subject_token: subject,
    subject_token_type: `${TOKEN_TYPE}${config.subjectTokenType}`,
    ...place,
    ...scope,
  };
  switch (config.how) {
    case 'rfc8693':
      return ask(
        config,
        TOKEN_EXCHANGE,
        { ...asked, requested_token_type: `${TOKEN_TYPE}access_token` },
        fetch,
        directory,
      );
    case 'entra-obo':
      return ask(
        config,
        JWT_BEARER,
        { assertion: subject, requested_token_use: 'on_behalf_of', ...scope },
        fetch,
        directory,
      );
    case 'id-jag': {
      const wanted = { ...asked, requested_token_type: `${TOKEN_TYPE}id-jag` };
      const { access_token: assertion, issued_token_type: type } = await ask(
        config,
        TOKEN_EXCHANGE,
        wanted,
        fetch,
        directory,
      );
      if (type !== `${TOKEN_TYPE}id-jag`) throw new TypeError('what was issued is no identity assertion');
      const { target } = config;
      if (target === undefined) throw new TypeError('no server takes the assertion');
      return ask(target, JWT_BEARER, { assertion, ...scope }, fetch, directory, audience);
    }
  }
}

async function ask(
  party: Parameters<typeof meetServer>[0],
  grant: string,
  parameters: Readonly<Record<string, string>>,
  fetch: OAuthFetch,
  directory: ServerDirectory,
  issuer?: string,
): Promise<Answer> {
  const { server, client, auth, options } = await meetServer(party, fetch, directory, party.issuer ?? issuer);
  const response = await genericTokenEndpointRequest(server, client, auth, grant, { ...parameters }, options);
  // An assertion is no token that could be presented (RFC 8693 §2.2.1).
  return processGenericTokenEndpointResponse(server, client, response, {
    recognizedTokenTypes: { n_a: () => undefined },
  });
}
