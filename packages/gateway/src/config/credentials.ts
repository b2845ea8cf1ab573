/** Reads the credentials that the gateway itself presents to an upstream at a URL. */
import { clientCertificate } from './client-certificate.ts';
import { plainSecret as secret } from './credential-secret.ts';
import type { AuthConfig, ClientCertificateConfig, TokensConfig } from './credential-types.ts';
import { object } from './object.ts';
import { quoted, text, wrongType, wrongValue, type Reader } from './reader.ts';
import type { Secret } from './secret.ts';
import { clientCredentials, oauth, tokenExchange } from './token-sources.ts';
import type { CredentialHeader } from './types.ts';

const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
/** Headers that the gateway writes itself. */
const OWN_HEADERS =
  /^(?:host|connection|content-.*|transfer-encoding|te|trailer|upgrade|keep-alive|accept|mcp-.*|last-event-id|proxy-.*)$/i;

const headers: Reader<readonly CredentialHeader[]> = {
  schema: { type: 'object', additionalProperties: secret.schema, minProperties: 1 },
  read: (node, reading) => {
    if (node.kind !== 'map' || node.entries.length === 0) {
      return wrongType(node, reading, 'header names and secrets', '{ X-Api-Key: env:NAME }');
    }
    const found: CredentialHeader[] = [];
    let isWhole = true;
    for (const { key, keyOrigin, value } of node.entries) {
      const isOwn = OWN_HEADERS.test(key);
      if (!HEADER_NAME.test(key) || isOwn) {
        const message = isOwn ? `the gateway sets ${key} itself` : `${quoted(key)} is not the name of a header`;
        reading.log.report(keyOrigin, {
          code: 'value',
          message,
          suggestion: 'name the header of the credential, e.g. X-Api-Key',
          length: key.length,
        });
        isWhole = false;
      }
      const credential = secret.read(value, reading);
      if (credential === undefined) isWhole = false;
      else found.push({ name: key.toLowerCase(), value: credential });
    }
    return isWhole ? found : undefined;
  },
};

/** User and password (RFC 7617): a colon would end the user's name. */
const user: Reader<string> = text('a user name', 'gateway', {}, (found, reading) =>
  /^[\x20-\x39\x3b-\x7e]+$/.test(found.value)
    ? found.value
    : wrongValue(found, reading, `${quoted(found.shown)} cannot be a user name`, 'write it without colon'),
);

const basic = object<{ readonly user: string; readonly password: Secret }>(
  {
    user: { reader: user, isRequired: true, description: 'The user name' },
    password: { reader: secret, isRequired: true, description: 'The password' },
  },
  { wanted: 'basic', example: '{ user: gateway, password: env:NAME }' },
);

interface AuthBody {
  readonly bearer: Secret | undefined;
  readonly basic: { readonly user: string; readonly password: Secret } | undefined;
  readonly header: readonly CredentialHeader[] | undefined;
  readonly mtls: ClientCertificateConfig | undefined;
  readonly clientCredentials: TokensConfig | undefined;
  readonly tokenExchange: TokensConfig | undefined;
  readonly oauth: TokensConfig | undefined;
}

const authBody = object<AuthBody>(
  {
    bearer: { reader: secret, description: 'Sent as Authorization: Bearer' },
    basic: { reader: basic, description: 'Sent as Authorization: Basic' },
    header: { reader: headers, description: 'Headers that carry a credential' },
    mtls: { reader: clientCertificate, description: 'A certificate that is shown, alone or beside another kind' },
    clientCredentials: { reader: clientCredentials, description: 'A token for the gateway itself' },
    tokenExchange: { reader: tokenExchange, description: "A token for each caller, made from the caller's own" },
    oauth: { reader: oauth, description: 'A token for each person, who consents to it once' },
  },
  {
    wanted: 'auth',
    example: '{ bearer: env:NAME }',
    hints: {
      token: 'write bearer: env:NAME',
      headers: 'write header: { NAME: env:NAME }',
      cert: 'write mtls: { cert: client.pem, key: file:client.key }',
      oauth2: 'write oauth: {}',
    },
  },
);

/** The kinds of which one excludes the others. */
const kinds = ['bearer', 'basic', 'header', 'clientCredentials', 'tokenExchange', 'oauth'] as const;

/** `auth:` of an upstream. */
export const auth: Reader<AuthConfig> = {
  schema: { ...authBody.schema, minProperties: 1, maxProperties: 2 },
  read: (node, reading) => {
    const found = authBody.read(node, reading);
    if (found === undefined || node.kind !== 'map') return undefined;
    const given = kinds.filter((kind) => found[kind] !== undefined);
    const written = kinds.filter((kind) => node.entries.some((entry) => entry.key === kind));
    if (written.length <= 1 && (given.length === 1 || found.mtls !== undefined)) return authOf(found);
    if (node.entries.length === 0 || written.length > 1) {
      const message = node.entries.length === 0 ? 'auth is empty' : `${written.join(' and ')} exclude each other`;
      reading.log.report(node.origin, {
        code: 'conflict',
        message,
        suggestion: 'write either bearer: env:NAME or header: { NAME: env:NAME }, or another kind alone',
      });
    }
    return undefined;
  },
};

function authOf(found: AuthBody): AuthConfig {
  return {
    credentials: headersOf(found),
    certificate: found.mtls,
    tokens: found.clientCredentials ?? found.tokenExchange ?? found.oauth,
  };
}

function headersOf({ bearer, basic: pair, header }: AuthBody): readonly CredentialHeader[] {
  if (bearer !== undefined) return [{ name: 'authorization', value: bearer.withPrefix('Bearer ') }];
  if (pair === undefined) return header ?? [];
  const value = pair.password.map((password) => `Basic ${Buffer.from(`${pair.user}:${password}`).toString('base64')}`);
  return [{ name: 'authorization', value }];
}
