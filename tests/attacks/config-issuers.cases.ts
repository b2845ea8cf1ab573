/** Wrong issuers of tokens, one a row; read as config.cases.ts. */
import type { WrongConfig } from './config.cases.ts';

const base = 'publicUrl: https://mcp.example.com\nroles: { reader: {} }\n';
const issuer = (body: string): string => `${base}callers: { jwt: [{ issuer: https://login.example.com, ${body} }] }\n`;
const named = (name: string, more = ''): string => `${base}callers: { jwt: [{ issuer: ${name}${more} }] }\n`;
/** Made here, so that no scanner takes this file for a leak. */
const short = 'x'.repeat(31);

/** What `callers.jwt` does not take. */
export const wrongIssuers: readonly WrongConfig[] = [
  { what: 'no list', yaml: 'callers: { jwt: ▸{} }\n', says: 'a list of issuers', helps: '[{ issuer: ' },
  {
    what: 'no issuer',
    yaml: `${base}callers: { jwt: [▸{ types: [JWT] }] }\n`,
    says: '`issuer` is missing',
    helps: 'add',
  },
  { what: 'a misspelt key', yaml: issuer('▸audiance: [x]'), says: '`audiance` is not a key', helps: '`audience`' },
  {
    what: 'a key of other programs',
    yaml: issuer('▸jwksUri: https://x.example'),
    says: '`jwksUri`',
    helps: 'write jwks: URL',
  },
  { what: 'an issuer with a space', yaml: named("▸'https://a b'"), says: 'not the name of an issuer', helps: '`iss`' },
  { what: 'an issuer with a bar', yaml: named("▸'https://a|b'"), says: 'not the name of an issuer', helps: '`iss`' },
  {
    what: 'an issuer without keys',
    yaml: named('▸my-service'),
    says: 'which is no URL',
    helps: 'jwks: URL, jwks: file:PATH or secret',
  },
  {
    what: 'an issuer without encryption',
    yaml: named('▸http://login.example.com'),
    says: 'could be replaced on their way',
    helps: 'https://',
  },
  {
    what: 'keys without encryption',
    yaml: issuer('jwks: ▸http://login.example.com/keys'),
    says: 'could be replaced on their way',
    helps: 'write https://login.example.com/keys',
  },
  {
    what: 'keys at no address',
    yaml: issuer('jwks: ▸keys.json'),
    says: 'neither a URL nor file:PATH',
    helps: 'file:keys.json',
  },
  {
    what: 'keys behind a password',
    yaml: issuer('jwks: ▸https://user:word@login.example.com/keys'),
    says: 'a key set is public',
    helps: 'write https://login.example.com/keys',
  },
  {
    what: 'a file without a path',
    yaml: issuer("jwks: ▸'file:'"),
    says: 'file: needs a path',
    helps: 'file:keys.json',
  },
  {
    what: 'keys and a secret',
    yaml: issuer('jwks: https://x.example/k, secret: ▸file:secret'),
    says: 'exclude each other',
    helps: 'keep the one',
    files: { secret: { content: 'y'.repeat(32), mode: 0o600 } },
  },
  {
    what: 'a secret in clear',
    yaml: issuer(`secret: ▸${'z'.repeat(40)}`),
    says: 'a secret stands here in clear',
    helps: 'write env:NAME',
  },
  {
    what: 'a secret that is too short',
    yaml: issuer('secret: ▸file:secret'),
    says: 'the secret has 31 bytes; at least 32',
    helps: 'correct the value behind',
    files: { secret: { content: short, mode: 0o600 } },
  },
  {
    what: 'a secret that is too short for its algorithm',
    yaml: issuer('secret: file:secret, algorithms: ▸[HS256, HS512]'),
    says: 'HS512 needs a secret of at least 64 bytes',
    helps: 'openssl rand',
    files: { secret: { content: 'y'.repeat(32), mode: 0o600 } },
  },
  {
    what: 'a secret that others can read',
    yaml: issuer('secret: ▸file:secret'),
    says: 'can be read by everyone',
    helps: 'chmod 600',
    files: { secret: { content: 'y'.repeat(32), mode: 0o644 } },
  },
  {
    what: 'no algorithm at all',
    yaml: issuer('algorithms: ▸[none]'.replace('▸[', '[▸')),
    says: '"none" is not one of RS256',
    helps: 'RS256',
  },
  {
    what: 'an empty list of algorithms',
    yaml: issuer('algorithms: ▸[]'),
    says: 'no algorithm would count',
    helps: '[RS256, ES256, EdDSA]',
  },
  {
    what: 'a secret algorithm for public keys',
    yaml: issuer('algorithms: ▸[RS256, HS256]'),
    says: 'HS256 needs a secret',
    helps: 'secret: env:NAME',
  },
  {
    what: 'a public algorithm for a secret',
    yaml: issuer('secret: file:secret, algorithms: ▸[RS256]'),
    says: 'RS256 needs a public key',
    helps: '[HS256]',
    files: { secret: { content: 'y'.repeat(32), mode: 0o600 } },
  },
  { what: 'an algorithm twice', yaml: issuer('algorithms: [RS256, ▸RS256]'), says: 'stands twice', helps: 'keep one' },
  { what: 'a type that is none', yaml: issuer("types: [▸'at jwt']"), says: 'is not a type of token', helps: 'at+jwt' },
  { what: 'an id that is no claim', yaml: issuer('id: ▸/'), says: 'names no claim', helps: 'groups' },
  {
    what: 'a claim with a bad escape',
    yaml: issuer('agent: ▸/a~2'),
    says: 'names no claim',
    helps: '/realm_access/roles',
  },
  {
    what: 'a requirement that is a list',
    yaml: issuer('require: { tid: ▸[a] }'),
    says: 'expected the value',
    helps: 'write',
  },
  { what: 'a requirement of nothing', yaml: issuer("require: { ▸'': a }"), says: 'names no claim', helps: 'tid' },
  {
    what: 'roles without a claim',
    yaml: issuer('roles: ▸{ map: { a: reader } }'),
    says: '`claim` is missing',
    helps: 'add',
  },
  { what: 'roles without a map', yaml: issuer('roles: ▸{ claim: groups }'), says: '`map` is missing', helps: 'add' },
  {
    what: 'an empty map',
    yaml: issuer('roles: { claim: groups, map: ▸{} }'),
    says: 'values of the claim and roles',
    helps: 'mcp-admins',
  },
  {
    what: 'a role that is not there',
    yaml: issuer('roles: { claim: groups, map: { a: ▸raeder } }'),
    says: 'there is no role "raeder"',
    helps: 'did you mean reader',
  },
  {
    what: 'a list with a role that is not there',
    yaml: issuer('roles: { claim: groups, map: { a: [reader, ▸admin] } }'),
    says: 'there is no role "admin"',
    helps: 'roles here: reader',
  },
  {
    what: 'a pattern with a bad escape',
    yaml: issuer(String.raw`roles: { claim: groups, map: { ▸'a\b': reader } }`),
    says: 'are escapes',
    helps: '* for any text',
  },
  { what: 'too much skew', yaml: issuer('clockSkew: ▸3m'), says: 'from 0s to 120s', helps: 'a duration' },
  { what: 'keys read too often', yaml: issuer('refresh: ▸1s'), says: 'from 10s to 1d', helps: 'a duration' },
  { what: 'keys kept for ever', yaml: issuer('staleFor: ▸365d'), says: 'from 0s to 30d', helps: 'a duration' },
  {
    what: 'an issuer twice',
    yaml: `${base}callers: { jwt: [{ issuer: https://a.example }, ▸{ issuer: https://a.example }] }\n`,
    says: 'stands twice',
    helps: 'make one of them',
  },
  {
    what: 'no audience',
    yaml: 'callers: { jwt: [▸{ issuer: https://a.example }] }\n',
    says: 'there is no audience',
    helps: 'set publicUrl',
  },
  {
    what: 'an empty list of audiences',
    yaml: 'callers: { jwt: [▸{ issuer: https://a.example, audience: [] }] }\n',
    says: 'there is no audience',
    helps: 'set publicUrl',
  },
];
