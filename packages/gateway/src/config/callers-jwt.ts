/** Reads `callers.jwt`: whose tokens are accepted, where their keys come from, and what their claims mean here. */
import { dirname, resolve } from 'node:path';
import { ALGORITHMS, isSymmetric, shapeOf, type Algorithm } from '@sallyport/guard';
import { bareHost, isLoopback } from './address.ts';
import { secret } from './credential-secret.ts';
import { duration } from './grammar.ts';
import { entryOf, type ConfigNode, type MapNode, type ScalarNode } from './node.ts';
import { object } from './object.ts';
import type { ProblemLog } from './problem.ts';
import { choice, lengthOf, list, quoted, readText, text, wrongValue, type Reader, type Reading } from './reader.ts';
import type { Secret } from './secret.ts';
import { audiences, claim, claimRoles, issuerName, required, scopePrefix } from './token-claims.ts';
import type { JwtConfig, JwtKeysConfig } from './types.ts';

const DAY = 24 * 3_600_000;

/** Fewest bytes of a shared secret (RFC 7518 §3.2). */
const LEAST_SECRET = 32;

/** An address that is asked for keys: whoever can change what it answers can be anybody. */
function keyAddress(value: string): URL | undefined {
  if (!/^https?:\/\//i.test(value) || /[\s\\]/.test(value) || !URL.canParse(value)) return undefined;
  return new URL(value);
}

function isSecure(url: URL): boolean {
  return url.protocol === 'https:' || isLoopback(bareHost(url));
}

/** A URL, or a file of this machine; the file is read and watched by whoever uses the keys. */
const keyPlace: Reader<JwtKeysConfig> = {
  schema: { type: 'string', description: 'A JSON Web Key Set: https://login.example.com/keys, or file:keys.json' },
  read: (node, reading) => {
    const example = 'https://login.example.com/keys, or file:keys.json';
    if (isFilePlace(node)) {
      const path = String(node.value).slice('file:'.length);
      if (path.trim() !== '' && !path.includes('\0'))
        return { kind: 'file', path: resolve(dirname(node.origin.file), path) };
      return wrongValue(
        { value: path, shown: node.written, node },
        reading,
        'file: needs a path',
        'write file:keys.json',
      );
    }
    const found = readText(node, reading, 'a URL or a file', example);
    if (found === undefined) return undefined;
    if (found.secret?.isKnown === false) return { kind: 'url', url: found.value };
    const url = keyAddress(found.value);
    if (url === undefined)
      return wrongValue(found, reading, `${quoted(found.shown)} is neither a URL nor file:PATH`, `write ${example}`);
    if (url.username !== '' || url.password !== '' || url.hash !== '') {
      return wrongValue(
        found,
        reading,
        'a key set is public: its URL holds no user, password or fragment',
        `write ${url.origin}${url.pathname}`,
      );
    }
    if (isSecure(url)) return { kind: 'url', url: url.href };
    const message = 'keys over http:// could be replaced on their way, and whoever does that can be anybody';
    return wrongValue(
      found,
      reading,
      message,
      `write https://${url.host}${url.pathname}, or keep the keys in a file: file:keys.json`,
    );
  },
};

function isFilePlace(node: ConfigNode): node is ScalarNode {
  return node.kind === 'scalar' && typeof node.value === 'string' && /^file:(?!\/\/)/.test(node.value);
}

/** Files of public keys: they are no secrets, so they are not followed as references are. */
export function publicKeyFiles(root: MapNode): ReadonlySet<ConfigNode> {
  const callers = entryOf(root, 'callers')?.value;
  const issuers = callers?.kind === 'map' ? entryOf(callers, 'jwt')?.value : undefined;
  if (issuers?.kind !== 'list') return new Set();
  const places = issuers.items.flatMap((item) => (item.kind === 'map' ? (entryOf(item, 'jwks')?.value ?? []) : []));
  return new Set(places.filter(isFilePlace));
}

const sharedSecret = secret((value) => {
  const bytes = Buffer.byteLength(value);
  if (bytes >= LEAST_SECRET) return undefined;
  return {
    message: `the secret has ${bytes} bytes; at least ${LEAST_SECRET} are needed`,
    suggestion: 'make one: openssl rand -base64 48',
  };
});

const mediaType: Reader<string> = text('a type of token', 'at+jwt', {}, (found, reading) => {
  const bare = found.value.toLowerCase().replace(/^application\//, '');
  if (/^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$/.test(bare)) return bare;
  return wrongValue(
    found,
    reading,
    `${quoted(found.shown)} is not a type of token`,
    'write at+jwt, JWT, or absent for tokens without one',
  );
});

/** As it is written: keys are named in one of two ways, or in none. */
interface JwtBody extends Omit<JwtConfig, 'keys' | 'algorithms' | 'origin'> {
  readonly jwks: JwtKeysConfig | undefined;
  readonly secret: Secret | undefined;
  readonly algorithms: readonly Algorithm[] | undefined;
}

function issuerBody(roleName: Reader<string>): Reader<JwtBody> {
  return object<JwtBody>(
    {
      issuer: { reader: issuerName, isRequired: true, description: 'Who signs: exactly as `iss` of the tokens has it' },
      jwks: {
        reader: keyPlace,
        description: 'Its key set, a URL or a file; without it the issuer is asked where it is',
      },
      secret: {
        reader: sharedSecret,
        description: 'A secret of at least 32 bytes that both sides hold, in place of a key set',
      },
      audience: {
        reader: audiences,
        description: 'For whom the tokens are, one of them at least; without it publicUrl/mcp',
      },
      algorithms: {
        reader: list(choice(...ALGORITHMS), 'algorithms', '[RS256, ES256, EdDSA]', true),
        description: 'Algorithms that count; without it RS256, ES256 and EdDSA, or HS256 with a secret',
      },
      types: {
        reader: list(mediaType, 'types', '[at+jwt]', true),
        fallback: ['at+jwt'],
        description: 'Types (`typ`) that count; `absent` allows tokens without one',
      },
      require: { reader: required, fallback: {}, description: 'Claims and the values that they must have' },
      id: { reader: claim, fallback: 'sub', description: 'The claim that names the caller' },
      agent: { reader: claim, description: 'The claim that names the program that acts for the caller' },
      scopes: { reader: claim, fallback: 'scope', description: 'The claim that holds the scopes' },
      scopePrefix: {
        reader: scopePrefix,
        description: 'What clients write before a scope when they ask for it, e.g. api://mcp/ at Entra ID',
      },
      roles: {
        reader: claimRoles(roleName),
        description: 'Which roles the callers have; without it none',
      },
      clockSkew: {
        reader: duration({ minimum: 0, maximum: 120_000, words: 'from 0s to 120s' }),
        fallback: '60s',
        description: 'By how much clocks may differ',
      },
      refresh: {
        reader: duration({ minimum: 10_000, maximum: DAY, words: 'from 10s to 1d' }),
        fallback: '5m',
        description: 'How often the key set is read again',
      },
      staleFor: {
        reader: duration({ minimum: 0, maximum: 30 * DAY, words: 'from 0s to 30d' }),
        fallback: '24h',
        description: 'How long known keys serve while the key set cannot be read; then tokens are refused',
      },
    },
    {
      wanted: 'an issuer of tokens',
      example: '{ issuer: https://login.example.com, audience: [https://mcp.example.com/mcp] }',
      hints: {
        jwksUri: 'write jwks: URL',
        jwks_uri: 'write jwks: URL',
        iss: 'write issuer: URL',
        aud: 'write audience: [URL]',
        audiences: 'write audience: [URL]',
        key: 'write jwks: file:keys.json, or secret: env:NAME',
        groups: 'write roles: { claim: groups, map: { GROUP: ROLE } }',
      },
    },
  );
}

/**
 * One issuer of `callers.jwt`.
 *
 * @param roleName reads the name of a role of the file
 */
export function jwtIssuer(roleName: Reader<string>): Reader<JwtConfig> {
  const body = issuerBody(roleName);
  return {
    schema: body.schema,
    read: (node, reading) => {
      const found = body.read(node, reading);
      if (found === undefined || node.kind !== 'map') return undefined;
      const { jwks: _jwks, secret, algorithms, ...rest } = found;
      const keys = keysOf(found);
      const chosen =
        algorithms ?? (secret === undefined ? (['RS256', 'ES256', 'EdDSA'] as const) : (['HS256'] as const));
      const isSound = [checkKeys(found, node, reading), checkAlgorithms(found, chosen, node, reading)].every(Boolean);
      return isSound ? { ...rest, keys, algorithms: chosen, origin: node.origin } : undefined;
    },
  };
}

function keysOf({ jwks, secret }: JwtBody): JwtKeysConfig {
  return secret === undefined ? (jwks ?? { kind: 'discovery' }) : { kind: 'secret', secret };
}

function checkKeys({ issuer, jwks, secret }: JwtBody, node: MapNode, reading: Reading): boolean {
  const report = (key: string, message: string, suggestion: string): false => {
    const entry = entryOf(node, key);
    const place = entry?.value.origin ?? node.origin;
    reading.log.report(place, {
      code: 'conflict',
      message,
      suggestion,
      length: entry === undefined ? 1 : lengthOf(entry.value),
    });
    return false;
  };
  if (jwks !== undefined && secret !== undefined) {
    return report('secret', 'jwks and secret exclude each other', 'keep the one that this issuer signs with');
  }
  if (jwks !== undefined || secret !== undefined) return true;
  const url = keyAddress(issuer);
  if (url === undefined || url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '') {
    return report(
      'issuer',
      'the keys of this issuer cannot be found by its name, which is no URL',
      'add jwks: URL, jwks: file:PATH or secret: env:NAME',
    );
  }
  if (isSecure(url)) return true;
  const message = 'keys over http:// could be replaced on their way, and whoever does that can be anybody';
  return report('issuer', message, 'add jwks: file:keys.json, or use an issuer with https://');
}

function checkAlgorithms(
  { secret }: JwtBody,
  algorithms: readonly Algorithm[],
  node: MapNode,
  reading: Reading,
): boolean {
  const entry = entryOf(node, 'algorithms');
  const place = entry?.value ?? node;
  const report = (message: string, suggestion: string): false => {
    reading.log.report(place.origin, { code: 'conflict', message, suggestion, length: lengthOf(place) });
    return false;
  };
  if (algorithms.length === 0) return report('no algorithm would count', 'write [RS256, ES256, EdDSA]');
  const odd = algorithms.find((algorithm) => isSymmetric(algorithm) !== (secret !== undefined));
  if (odd !== undefined) {
    return secret === undefined
      ? report(
          `${odd} needs a secret that both sides hold, and this issuer has public keys`,
          'remove it, or write secret: env:NAME in place of jwks',
        )
      : report(
          `${odd} needs a public key, and this issuer has a secret`,
          'write [HS256], or jwks: URL in place of secret',
        );
  }
  if (secret === undefined || !secret.isKnown || secret.reveal().trimStart().startsWith('{')) return true;
  const bytes = Buffer.byteLength(secret.reveal());
  const short = algorithms.find((algorithm) => (shapeOf(algorithm).minBytes ?? 0) > bytes);
  if (short === undefined) return true;
  const least = shapeOf(short).minBytes ?? 0;
  return report(
    `${short} needs a secret of at least ${least} bytes, and this one has ${bytes}`,
    'make one: openssl rand -base64 48',
  );
}

/** Rules over several issuers, and over issuers and the public URL. */
export function checkIssuers(issuers: readonly JwtConfig[], publicUrl: string | undefined, log: ProblemLog): void {
  const seen = new Set<string>();
  for (const { issuer, audience, origin } of issuers) {
    if (seen.has(issuer)) {
      const message = `the issuer ${quoted(issuer)} stands twice, and a token chooses by the name`;
      log.report(origin, {
        code: 'duplicate',
        message,
        suggestion: 'make one of them: audience, algorithms and roles are lists and maps',
        length: 1,
      });
    }
    seen.add(issuer);
    if (audience === undefined ? publicUrl !== undefined : audience.length > 0) continue;
    const message = `there is no audience, so it is not known which tokens of ${quoted(issuer)} are meant for this gateway`;
    log.report(origin, {
      code: 'missing',
      message,
      suggestion: 'add audience: [https://mcp.example.com/mcp], or set publicUrl',
      length: 1,
    });
  }
}
