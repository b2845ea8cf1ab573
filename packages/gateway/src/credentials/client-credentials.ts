/** A token for the gateway itself, the same for every caller (RFC 6749 §4.4). */
import { clientCredentialsGrantRequest, processClientCredentialsResponse } from 'oauth4webapi';
import type { ClientCredentialsConfig } from '../config/credential-types.ts';
import { linkFailure, type LinkFailure } from '../upstreams/link.ts';
import { createRedaction } from '../upstreams/redact.ts';
import type { CredentialContext } from './context.ts';
import { fetchOver } from './egress-fetch.ts';
import { boundScopes } from './scope-bound.ts';
import type { CredentialSource } from './source.ts';
import { readToken } from './token-answer.ts';
import { TokenCredential, type Token, type TokenWish } from './token-credential.ts';
import { readTokenFault } from './token-fault.ts';
import { meetServer } from './token-party.ts';

/**
 * Makes the source.
 *
 * @param name - the upstream's name, for texts
 * @param operators - URLs that the operator wrote for this upstream
 */
export function createClientCredentials(
  name: string,
  config: ClientCredentialsConfig,
  operators: readonly string[],
  { clock, egress, directory }: CredentialContext,
): CredentialSource {
  const fetch = fetchOver(egress, operators);
  const redact = createRedaction(config.clientSecret === undefined ? [] : [config.clientSecret.reveal()]);
  const obtain = async ({ scopes }: TokenWish): Promise<Token | LinkFailure> => {
    const now = clock.now();
    const wanted = boundScopes(config.scopes, scopes, name);
    if ('reason' in wanted) return wanted;
    try {
      const { server, client, auth, options } = await meetServer(config, fetch, directory);
      const parameters = {
        ...(wanted.length === 0 ? {} : { scope: wanted.join(' ') }),
        ...(config.resource === undefined ? {} : { resource: config.resource }),
        ...(config.audience === undefined ? {} : { audience: config.audience }),
      };
      const response = await clientCredentialsGrantRequest(server, client, auth, parameters, options);
      return readToken(await processClientCredentialsResponse(server, client, response), now);
    } catch (thrown) {
      const { detail } = readTokenFault(thrown, redact);
      return linkFailure('credentials', `The credentials for ${name} could not be had.`, { detail });
    }
  };
  const credential = new TokenCredential({ key: '', name, clock, obtain });
  return {
    shared: credential,
    of: () => credential,
    secrets: () => (credential.secret === undefined ? [] : [credential.secret]),
    close: () => credential.forget(),
  };
}
