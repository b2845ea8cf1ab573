import { describe, expect, it } from 'vitest';
import { alternativeNames, readAnchors, readCertificate, readCertificates } from './x509.ts';

describe('alternativeNames', () => {
  it('sorts names by kind and leaves out what names no caller', () => {
    expect(alternativeNames('URI:spiffe://a/b, DNS:a.example, IP Address:127.0.0.1, email:a@b.example, DNS:c')).toEqual(
      {
        uris: ['spiffe://a/b'],
        names: ['a.example', 'c'],
        emails: ['a@b.example'],
      },
    );
  });

  it('[mutual-tls] takes no part of one name for another', () => {
    expect(alternativeNames('URI:"spiffe://a/b\\u002c URI:spiffe://admin"')).toEqual({
      uris: ['spiffe://a/b, URI:spiffe://admin'],
      names: [],
      emails: [],
    });
    expect(alternativeNames('DNS:"a, URI:spiffe://admin"').uris).toEqual([]);
  });

  it.each(['URI:a"b', 'URI:a,URI:b', 'nonsense', 'URI:"a', 'URI:"\\x"', 'DNS:a, '])('knows nobody in %j', (text) => {
    expect(alternativeNames(text)).toEqual({ uris: [], names: [], emails: [] });
  });

  it('knows nobody where there is nothing', () => {
    expect(alternativeNames('')).toEqual({ uris: [], names: [], emails: [] });
  });
});

describe('certificates that cannot be read', () => {
  const begin = ['-----BEGIN', 'CERTIFICATE-----'].join(' ');
  const end = ['-----END', 'CERTIFICATE-----'].join(' ');

  it.each(['', 'hello', `${begin}\nAAAA\n${end}\n`, `${begin}\nAAAA\n`, `${begin}\n${begin}\nAAAA\n${end}`])(
    'are none: %j',
    (text) => {
      expect(readCertificates(text)).toBeUndefined();
      expect(readAnchors(text)).toBeUndefined();
      expect(readCertificate(text)).toBeUndefined();
    },
  );
});
