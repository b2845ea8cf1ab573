/** Reads `callers.introspection`: who is asked about opaque tokens (RFC 7662), and what the answers mean here. */
import { bareHost, isLoopback } from './address.ts';
import { audiences, claim, claimRoles, issuerName, required, scopePrefix } from './token-claims.ts';
import { plainSecret } from './credential-secret.ts';
import { duration } from './grammar.ts';
import { entryOf, type MapNode } from './node.ts';
import { object } from './object.ts';
import type { ProblemLog } from './problem.ts';
import { choice, lengthOf, quoted, text, toggle, wrongValue, type Reader } from './reader.ts';
import type { CallersConfig, IntrospectionConfig } from './types.ts';

/** The endpoint: tokens and our own credentials go there. */
const endpoint: Reader<string> = text(
  'a URL',
  'https://login.example.com/introspect',
  { format: 'uri' },
  (found, reading) => {
    if (found.secret?.isKnown === false) return found.value;
    const isUrl = /^https?:\/\/[^\s\\]+$/i.test(found.value) && URL.canParse(found.value);
    if (!isUrl) {
      const message = `${quoted(found.shown)} is not a URL`;
      return wrongValue(found, reading, message, 'write https://login.example.com/introspect');
    }
    const url = new URL(found.value);
    if (url.username !== '' || url.password !== '' || url.hash !== '') {
      reading.log.hide(found.node.origin, lengthOf(found.node));
      const message = 'the URL holds more than where to ask: a user, a password or a fragment';
      return wrongValue(found, reading, message, 'write clientId: NAME and clientSecret: env:NAME');
    }
    if (url.protocol === 'https:' || isLoopback(bareHost(url))) return url.href;
    return wrongValue(
      found,
      reading,
      "callers' tokens would travel without encryption, and whoever answers could be anybody",
      `write https://${url.host}${url.pathname}`,
    );
  },
);

/** Who we are at the authorization server. */
const clientId: Reader<string> = text('a client id', 'sallyport', {}, (found, reading) =>
  /^[\x20-\x7e]+$/.test(found.value)
    ? found.value
    : wrongValue(found, reading, `${quoted(found.shown)} is not a client id`, 'write it as the server has it'),
);

/**
 * `callers.introspection`.
 *
 * @param roleName reads the name of a role of the file
 */
export function introspection(roleName: Reader<string>): Reader<IntrospectionConfig> {
  return object<IntrospectionConfig>(
    {
      url: { reader: endpoint, isRequired: true, description: 'The introspection endpoint' },
      clientId: { reader: clientId, isRequired: true, description: 'Who the gateway is there' },
      clientSecret: { reader: plainSecret, isRequired: true, description: 'Proves it' },
      clientAuth: {
        reader: choice('basic', 'post'),
        fallback: 'basic',
        description: 'Where the secret goes: the Authorization header or the body',
      },
      issuer: {
        reader: issuerName,
        description: 'Who issues the tokens, which `iss` of an answer has to name; without it the origin of url',
      },
      audience: {
        reader: audiences,
        description: 'For whom the tokens are, one of them at least; without it publicUrl/mcp',
      },
      require: {
        reader: required,
        fallback: {},
        description: 'Members of the answer and the values that they must have',
      },
      id: { reader: claim, fallback: 'sub', description: 'The member that names the caller' },
      agent: { reader: claim, description: 'The member that names the program that acts for the caller' },
      scopes: { reader: claim, fallback: 'scope', description: 'The member that holds the scopes' },
      scopePrefix: {
        reader: scopePrefix,
        description: 'What clients write before a scope when they ask for it',
      },
      roles: { reader: claimRoles(roleName), description: 'Which roles the callers have; without it none' },
      cache: {
        reader: duration({ minimum: 1000, maximum: 60_000, words: 'from 1s to 60s' }),
        fallback: '30s',
        description: 'How long an answer counts, and so how long a revoked token may go on',
      },
      timeout: {
        reader: duration({ minimum: 100, maximum: 30_000, words: 'from 100ms to 30s' }),
        fallback: '5s',
        description: 'How long to wait for an answer; after that the caller is refused',
      },
      clockSkew: {
        reader: duration({ minimum: 0, maximum: 120_000, words: 'from 0s to 120s' }),
        fallback: '60s',
        description: 'By how much clocks may differ',
      },
      jwts: {
        reader: toggle,
        fallback: false,
        description: 'Whether tokens that look like JWTs, and are of no issuer of callers.jwt, are asked about too',
      },
      untyped: {
        reader: toggle,
        fallback: false,
        description: 'Whether an answer without token_type is about an access token; refresh tokens look alike',
      },
    },
    {
      wanted: 'introspection',
      example: '{ url: https://login.example.com/introspect, clientId: sallyport, clientSecret: env:NAME }',
      hints: {
        endpoint: 'write url: https://…',
        secret: 'write clientSecret: env:NAME',
        client_id: 'write clientId: NAME',
        client_secret: 'write clientSecret: env:NAME',
        ttl: 'write cache: 30s',
        groups: 'write roles: { claim: groups, map: { GROUP: ROLE } }',
      },
    },
  );
}

/** Rules over introspection and other keys. */
export function checkIntrospection(
  { callers, publicUrl }: { readonly callers: CallersConfig; readonly publicUrl: string | undefined },
  root: MapNode,
  log: ProblemLog,
): void {
  const { introspection: found, jwt } = callers;
  if (found === undefined) return;
  const above = entryOf(root, 'callers')?.value;
  const entry = above?.kind === 'map' ? entryOf(above, 'introspection') : undefined;
  const origin = entry?.keyOrigin ?? root.origin;
  const length = 'introspection'.length;
  if (publicUrl === undefined && (found.audience === undefined || found.audience.length === 0)) {
    log.report(origin, {
      code: 'missing',
      message: 'opaque tokens for any service would be accepted: there is no audience',
      suggestion: 'add audience: [https://mcp.example.com/mcp], or set publicUrl',
      length,
    });
  }
  if (found.jwts && found.issuer !== undefined && jwt.some(({ issuer }) => issuer === found.issuer)) {
    log.report(origin, {
      code: 'conflict',
      message: `JWTs of ${quoted(found.issuer)} are verified by callers.jwt, so none of them is ever asked about`,
      suggestion: 'write jwts: off, or remove the issuer from callers.jwt',
      length,
    });
  }
}
