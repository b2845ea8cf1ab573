import { describe, expect, it } from 'vitest';
import type { Egress, EgressRequest } from '../egress/egress.ts';
import { createDiscoverySource, createUrlSource, metadataAddresses } from './key-source.ts';
import { makeSigningKey } from './tokens.fixture.ts';

const key = makeSigningKey('one');
const keySet = JSON.stringify({ keys: [key.jwk] });

/** An outside world of a few pages; what is not among them is not found. */
function world(pages: Readonly<Record<string, string | number>>): { egress: Egress; asked: EgressRequest[] } {
  const asked: EgressRequest[] = [];
  return {
    asked,
    egress: {
      request: async (request) => {
        asked.push(request);
        const page = pages[request.url] ?? 404;
        const isPage = typeof page === 'string';
        if (page === 0) return { kind: 'fault', reason: 'address', message: 'a private address' };
        return {
          kind: 'answer',
          status: isPage ? 200 : page,
          headers: {},
          body: Buffer.from(isPage ? page : ''),
          url: request.url,
        };
      },
    },
  };
}

const options = (egress: Egress) => ({ egress, algorithms: ['ES256'] as const, everyMs: 300_000 });
const issuer = 'https://login.example.com/tenant';
const metadata = (more: object = {}) => JSON.stringify({ issuer, jwks_uri: `${issuer}/keys`, ...more });

describe('keys at a URL of the configuration', () => {
  it('are asked for as the operator wrote it, within bounds', async () => {
    const { egress, asked } = world({ 'https://login.example.com/keys': keySet });
    expect(await createUrlSource('https://login.example.com/keys', options(egress)).load()).toMatchObject({
      keys: [{ kid: 'one' }],
    });
    expect(asked).toMatchObject([{ trust: 'operator', timeoutMs: 5000, maxBytes: 524_288, maxRedirects: 3 }]);
  });

  it.each([
    [404, 'answered 404'],
    [0, 'a private address'],
    ['<html>', 'not one clear JSON document'],
  ])('fail with a reason when they are %j', async (page, reason) => {
    const { egress } = world({ 'https://login.example.com/keys': page });
    const loaded = await createUrlSource('https://login.example.com/keys', options(egress)).load();
    expect(loaded).toMatchObject({ kind: 'fault' });
    expect(JSON.stringify(loaded)).toContain(reason);
  });
});

describe('keys of an issuer that says where they are', () => {
  it('are looked for in the places of both standards', () => {
    expect(metadataAddresses('https://login.example.com')).toEqual([
      'https://login.example.com/.well-known/oauth-authorization-server',
      'https://login.example.com/.well-known/openid-configuration',
    ]);
    expect(metadataAddresses(`${issuer}/`)).toEqual([
      'https://login.example.com/.well-known/oauth-authorization-server/tenant',
      'https://login.example.com/tenant/.well-known/openid-configuration',
      'https://login.example.com/.well-known/openid-configuration/tenant',
    ]);
  });

  it.each(metadataAddresses(issuer))('are found by %s', async (address) => {
    const { egress } = world({ [address]: metadata(), [`${issuer}/keys`]: keySet });
    expect(await createDiscoverySource(issuer, options(egress)).load()).toMatchObject({ keys: [{ kid: 'one' }] });
  });

  it('are from outside where the issuer keeps them with others, and its own otherwise', async () => {
    const [address = ''] = metadataAddresses(issuer);
    const elsewhere = 'https://keys.example.net/k';
    const own = world({ [address]: metadata(), [`${issuer}/keys`]: keySet });
    await createDiscoverySource(issuer, options(own.egress)).load();
    expect(own.asked.map(({ trust }) => trust)).toEqual(['operator', 'operator']);
    const other = world({ [address]: metadata({ jwks_uri: elsewhere }), [elsewhere]: keySet });
    await createDiscoverySource(issuer, options(other.egress)).load();
    expect(other.asked.map(({ trust }) => trust)).toEqual(['operator', 'outside']);
  });

  it.each<[string, object]>([
    ['another issuer', { issuer: 'https://login.example.com/tenant/' }],
    ['another issuer', { issuer: 'https://attacker.example' }],
    ['another issuer', { issuer: undefined }],
    ['no jwks_uri', { jwks_uri: undefined }],
    ['no jwks_uri', { jwks_uri: 'keys' }],
    ['not https', { jwks_uri: 'http://login.example.com/tenant/keys' }],
    ['not https', { jwks_uri: 'file:///etc/passwd' }],
  ])('are not taken from metadata that name %s: %j', async (reason, more) => {
    const [address = ''] = metadataAddresses(issuer);
    const { egress, asked } = world({ [address]: metadata(more), [`${issuer}/keys`]: keySet });
    const loaded = await createDiscoverySource(issuer, options(egress)).load();
    expect(JSON.stringify(loaded)).toContain(reason);
    expect(asked).toHaveLength(1);
  });

  it('are not looked for elsewhere while the issuer is in trouble', async () => {
    const [address = ''] = metadataAddresses(issuer);
    const { egress, asked } = world({ [address]: 503 });
    expect(await createDiscoverySource(issuer, options(egress)).load()).toMatchObject({ kind: 'fault' });
    expect(asked).toHaveLength(1);
  });

  it('are read from the known place for a while, and looked for anew when they are not there', async () => {
    const [address = ''] = metadataAddresses(issuer);
    const pages: Record<string, string | number> = { [address]: metadata(), [`${issuer}/keys`]: keySet };
    const { egress, asked } = world(pages);
    const source = createDiscoverySource(issuer, options(egress));
    for (let i = 0; i < 24; i++) await source.load();
    expect(asked.filter(({ url }) => url === address)).toHaveLength(2);
    pages[`${issuer}/keys`] = 404;
    expect(await source.load()).toMatchObject({ kind: 'fault' });
    pages[address] = metadata({ jwks_uri: `${issuer}/keys/new` });
    pages[`${issuer}/keys/new`] = keySet;
    expect(await source.load()).toMatchObject({ kind: 'keys' });
  });
});
