/** Makes the source of an upstream's credentials, as its entry says. */
import type { UpstreamConfig } from '../config/types.ts';
import { createClientCredentials } from './client-credentials.ts';
import type { CredentialContext } from './context.ts';
import type { Connections } from './grants/connections.ts';
import type { CredentialSource } from './source.ts';
import { createTokenExchange } from './token-exchange.ts';

/** Makes the source; `undefined` where fixed headers and a certificate are all that is presented. */
export function makeSource(
  upstream: UpstreamConfig,
  context: CredentialContext,
  connections: Pick<Connections, 'source'>,
): CredentialSource | undefined {
  if (upstream.kind === 'stdio' || upstream.tokens === undefined) return undefined;
  const { name, url, tokens } = upstream;
  switch (tokens.kind) {
    case 'client-credentials':
      return createClientCredentials(name, tokens, writtenUrls(tokens), context);
    case 'token-exchange': {
      const { target, audience } = tokens;
      const further =
        tokens.how === 'id-jag' ? [...writtenUrls(target ?? {}), ...(audience === undefined ? [] : [audience])] : [];
      return createTokenExchange(name, tokens, [...writtenUrls(tokens), ...further], context);
    }
    case 'oauth':
      return connections.source(name, url, tokens);
  }
}

function writtenUrls({ issuer, tokenUrl }: { issuer?: string | undefined; tokenUrl?: string | undefined }): string[] {
  return [issuer, tokenUrl].filter((url) => url !== undefined);
}
