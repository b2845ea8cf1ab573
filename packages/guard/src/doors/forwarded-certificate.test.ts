import { describe, expect, it } from 'vitest';
import { makeHead } from '../exchange.fixture.ts';
import { forwardedCertificate, type ForwardedCertificateRules } from './forwarded-certificate.ts';

const rules = (): ForwardedCertificateRules => ({ header: 'shown', verified: 'found', success: 'SUCCESS' });

const told = (shown: string | undefined, found: string | undefined = 'SUCCESS', by = rules()) =>
  forwardedCertificate(makeHead({ shown, found }), by, Date.UTC(2026, 7, 1));

describe('the names that a proxy tells in X-Forwarded-Client-Cert', () => {
  it('[mutual-tls] are those of the one element', () => {
    const hash = 'AB'.repeat(32);
    const value = `By=spiffe://x/gateway;Hash=${hash};Subject="CN=a,OU=\\"b\\";c";URI=spiffe://x/a;DNS=a.example;DNS=b.example`;
    expect(told(value)?.certificate).toEqual({
      uris: ['spiffe://x/a'],
      names: ['a.example', 'b.example'],
      emails: [],
      commonName: '',
      fingerprint: hash.toLowerCase(),
    });
  });

  it.each([
    ['two elements', 'URI=spiffe://x/a,URI=spiffe://x/b'],
    ['two elements with spaces', 'URI=spiffe://x/a, URI=spiffe://x/b'],
    ['a quote that is left open', 'URI="spiffe://x/a'],
    ['something behind a quote', 'URI="spiffe://x/a"b'],
    ['a name without a value', 'URI=spiffe://x/a;DNS'],
    ['a certificate that is none', 'Cert=abc;URI=spiffe://x/a'],
    ['a broken escape', 'Cert="%E0%A4%A";URI=spiffe://x/a'],
  ])('are not read from %s', (_, value) => {
    expect(told(value)).toEqual({ certificateFault: 'unreadable' });
  });

  it('[mutual-tls] count only where the proxy found the certificate good, in these words', () => {
    for (const found of ['', 'NONE', 'FAILED:expired', 'success', 'SUCCESS ', 'SUCCESS, NONE']) {
      expect(told('URI=spiffe://x/a', found)).toEqual({ certificateFault: 'unverified' });
    }
    expect(forwardedCertificate(makeHead({ shown: 'URI=spiffe://x/a' }), rules(), 0)).toEqual({
      certificateFault: 'unverified',
    });
  });

  it('are no certificate for whoever asks for one of its own authorities', () => {
    const anchors = { digest: '', certificates: [] };
    expect(told('URI=spiffe://x/a', 'SUCCESS', { ...rules(), anchors })).toEqual({ certificateFault: 'unverified' });
  });

  it('are the same object for the same text, so that its caller is one principal', () => {
    const by = rules();
    expect(told('URI=spiffe://x/a', 'SUCCESS', by)?.certificate).toBe(
      told('URI=spiffe://x/a', 'SUCCESS', by)?.certificate,
    );
  });

  it('are nothing where there is no certificate', () => {
    expect(told(undefined)).toBeUndefined();
    expect(told('')).toBeUndefined();
  });

  it.each(['shown', 'found'])('are not read where %s came twice', (name) => {
    const head = makeHead({ shown: 'URI=spiffe://x/a', found: 'SUCCESS' }, { repeated: new Set([name]) });
    expect(forwardedCertificate(head, rules(), 0)).toEqual({ certificateFault: 'unreadable' });
  });
});
