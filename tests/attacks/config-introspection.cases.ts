/** Wrong settings of `callers.introspection`, one a row, as config.cases.ts has them. */
import type { WrongConfig } from './config.cases.ts';

/** Made here, so that no scanner takes this file for a leak. */
const credential = ['gh', 'p_', 'x'.repeat(36)].join('');
const opaque = (body: string): string => `publicUrl: https://mcp.example.com\ncallers: { introspection: ${body} }\n`;
const asked = "url: 'https://login.example.com/introspect', clientId: me, clientSecret: env:TOKEN";

/** What is wrong about asking for opaque tokens. */
export const wrongIntrospection: readonly WrongConfig[] = [
  {
    what: 'nobody to ask',
    yaml: opaque('▸{ clientId: me, clientSecret: env:TOKEN }'),
    says: '`url` is missing',
    helps: 'url',
  },
  {
    what: 'a secret in clear',
    yaml: opaque(`{ url: 'https://login.example.com', clientId: me, clientSecret: ▸${credential} }`),
    says: 'a secret stands here in clear',
    helps: 'env:NAME',
  },
  {
    what: 'no secret',
    yaml: opaque("▸{ url: 'https://login.example.com', clientId: me }"),
    says: '`clientSecret` is missing',
    helps: 'clientSecret',
  },
  {
    what: 'plain HTTP to another machine',
    yaml: opaque("{ url: ▸'http://login.example.com/introspect', clientId: me, clientSecret: env:TOKEN }"),
    says: 'without encryption',
    helps: 'write https://login.example.com/introspect',
  },
  {
    what: 'no URL',
    yaml: opaque('{ url: ▸login.example.com, clientId: me, clientSecret: env:TOKEN }'),
    says: '"login.example.com" is not a URL',
    helps: 'https://login.example.com/introspect',
  },
  {
    what: 'a user in the URL',
    yaml: opaque("{ url: ▸'https://me:pw@login.example.com', clientId: me, clientSecret: env:TOKEN }"),
    says: 'a user, a password or a fragment',
    helps: 'clientSecret: env:NAME',
  },
  {
    what: 'a misspelt key',
    yaml: opaque(`{ ${asked}, ▸cachee: 5s }`),
    says: '`cachee` is not a key of introspection',
    helps: '`cache`',
  },
  {
    what: 'a key of another program',
    yaml: opaque(`{ ${asked}, ▸client_secret: env:TOKEN }`),
    says: '`client_secret`',
    helps: 'clientSecret: env:NAME',
  },
  {
    what: 'an answer kept for too long',
    yaml: opaque(`{ ${asked}, cache: ▸5m }`),
    says: 'from 1s to 60s',
    helps: 'write a duration',
  },
  {
    what: 'an answer that is not kept',
    yaml: opaque(`{ ${asked}, cache: ▸0s }`),
    says: 'from 1s to 60s',
    helps: 'write a duration',
  },
  {
    what: 'endless patience',
    yaml: opaque(`{ ${asked}, timeout: ▸10m }`),
    says: 'from 100ms to 30s',
    helps: 'write a duration',
  },
  {
    what: 'a way to send the secret that is none',
    yaml: opaque(`{ ${asked}, clientAuth: ▸digest }`),
    says: '"digest" is not one of basic, post',
    helps: 'basic, post',
  },
  {
    what: 'a role that is not there',
    yaml: opaque(`{ ${asked}, roles: { claim: groups, map: { staff: ▸ghost } } }`),
    says: 'there is no role "ghost"',
    helps: 'define it under roles',
  },
  {
    what: 'a prefix with a space',
    yaml: opaque(`{ ${asked}, scopePrefix: ▸'api://mcp /' }`),
    says: 'cannot be part of a scope',
    helps: 'api://mcp/',
  },
  {
    what: 'tokens for any service',
    yaml: `callers: { ▸introspection: { ${asked} } }\n`,
    says: 'there is no audience',
    helps: 'set publicUrl',
  },
  {
    what: 'JWTs of an issuer that is verified here',
    yaml: `publicUrl: https://mcp.example.com\ncallers:\n  jwt: [{ issuer: 'https://login.example.com' }]\n  ▸introspection: { ${asked}, issuer: 'https://login.example.com', jwts: on }\n`,
    says: 'none of them is ever asked about',
    helps: 'jwts: off',
  },
];
