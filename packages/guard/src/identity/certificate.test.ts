import { describe, expect, it } from 'vitest';
import type { PresentedCertificate } from '../exchange.ts';
import { makeRules, received } from '../exchange.fixture.ts';
import { compileTextPattern } from '../policy/pattern.ts';
import { isRefusal } from '../refusals.ts';
import type { CertificateIdentity, CertificateRules } from '../rules.ts';
import { identifyCertificate } from './certificate.ts';

function certificatesOf(identity: CertificateIdentity, roles: Readonly<Record<string, string>>): CertificateRules {
  return {
    identity,
    roles: Object.entries(roles).map(([source, role]) => {
      const pattern = compileTextPattern(source);
      if (pattern.kind === 'fault') throw new Error(pattern.message);
      return { pattern, role };
    }),
  };
}

function rulesOf(identity: CertificateIdentity = 'san-uri', roles = { 'spiffe://example.com/agent/*': 'reader' }) {
  return makeRules({ callers: { keys: true, certificates: certificatesOf(identity, roles) } });
}

function shown(more: Partial<PresentedCertificate> = {}): PresentedCertificate {
  return {
    uris: ['spiffe://example.com/agent/a'],
    names: ['agent.example.com'],
    emails: ['agent@example.com'],
    commonName: 'agent',
    fingerprint: 'ab'.repeat(32),
    expiresAt: Date.UTC(2026, 8, 1),
    ...more,
  };
}

describe('identifyCertificate', () => {
  it('[mutual-tls] names the caller by its certificate and gives it the roles of the patterns that match', () => {
    const rules = rulesOf();
    expect(identifyCertificate(received({ rules, certificate: shown() }))).toMatchObject({
      id: 'cert:spiffe://example.com/agent/a',
      kind: 'cert',
      roles: ['reader'],
      expiresAt: Date.UTC(2026, 8, 1),
    });
  });

  it.each<[CertificateIdentity, string]>([
    ['san-uri', 'spiffe://example.com/agent/a'],
    ['san-dns', 'agent.example.com'],
    ['san-email', 'agent@example.com'],
    ['common-name', 'agent'],
  ])('takes the identity from %s where the rules say so', (identity, name) => {
    const rules = rulesOf(identity, { 'spiffe://example.com/agent/*': 'reader' });
    expect(identifyCertificate(received({ rules, certificate: shown() }))).toMatchObject({ id: `cert:${name}` });
  });

  it('gives no role to an identity that no pattern matches', () => {
    const rules = rulesOf();
    const certificate = shown({ uris: ['spiffe://example.org/agent/a'] });
    expect(identifyCertificate(received({ rules, certificate }))).toMatchObject({ roles: [] });
  });

  it('makes one principal for all connections of a certificate, and another under other rules', () => {
    const rules = rulesOf();
    const one = identifyCertificate(received({ rules, certificate: shown() }));
    expect(identifyCertificate(received({ rules, certificate: shown() }))).toBe(one);
    expect(identifyCertificate(received({ rules: rulesOf(), certificate: shown() }))).not.toBe(one);
  });

  it('keeps principals of a bounded number of certificates', () => {
    const rules = rulesOf();
    const nth = (n: number) => shown({ uris: [`spiffe://example.com/agent/${n}`] });
    const first = identifyCertificate(received({ rules, certificate: nth(0) }));
    for (let n = 1; n <= 10_000; n++) identifyCertificate(received({ rules, certificate: nth(n) }));
    expect(identifyCertificate(received({ rules, certificate: nth(0) }))).not.toBe(first);
  });

  it('refuses a certificate that ended after its connection began', () => {
    const certificate = shown({ expiresAt: received().time - 1 });
    expect(identifyCertificate(received({ rules: rulesOf(), certificate }))).toMatchObject({
      name: 'bad-certificate',
      fill: { detail: 'it has expired' },
    });
  });

  it.each<[string, Partial<PresentedCertificate>]>([
    ['no name of the wanted kind', { uris: [] }],
    ['two names of the wanted kind', { uris: ['spiffe://example.com/agent/a', 'spiffe://example.com/agent/b'] }],
    ['an empty name', { uris: [''] }],
    ['a line feed in its name', { uris: ['spiffe://example.com/agent/a\nb'] }],
    ['a NUL in its name', { uris: ['spiffe://example.com/agent/a\0'] }],
    ['a name that turns the writing direction', { uris: ['spiffe://example.com/agent/\u202ea'] }],
    ['a name that is too long', { uris: [`spiffe://example.com/agent/${'a'.repeat(500)}`] }],
  ])('refuses a certificate with %s', (_, more) => {
    const refused = identifyCertificate(received({ rules: rulesOf(), certificate: shown(more) }));
    expect(refused).toMatchObject({ name: 'bad-certificate' });
  });

  it('refuses a certificate that was found wrong, and says why', () => {
    const refused = identifyCertificate(received({ rules: rulesOf(), certificateFault: 'unknown-issuer' }));
    expect(isRefusal(refused)).toBe(true);
    expect(refused).toMatchObject({ fill: { detail: 'its issuer is not trusted here' } });
  });

  it('goes by no certificate where none was shown or the rules name no way to', () => {
    expect(identifyCertificate(received({ rules: rulesOf() }))).toBeUndefined();
    expect(identifyCertificate(received({ certificate: shown() }))).toBeUndefined();
    expect(identifyCertificate(received({ certificateFault: 'expired' }))).toBeUndefined();
  });
});
