import { describe, expect, it } from 'vitest';
import { EgressError } from './egress-error.ts';
import { followRedirect, type Journey } from './redirects.ts';

const credential = ['Bearer', 'synthetic'].join(' ');
const journey = (more: Partial<Journey> = {}): Journey => ({
  target: { url: new URL('https://a.example/start?x'), trust: 'operator' },
  method: 'GET',
  headers: {
    accept: 'application/json',
    authorization: credential,
    cookie: 'a=b',
    'proxy-authorization': credential,
    'x-api-key': credential,
  },
  body: undefined,
  clientCertificate: { cert: 'certificate', key: 'key' },
  ...more,
});
const follow = (from: Journey, status: number, location: string): Journey => {
  const next = followRedirect(from, status, location);
  if (next instanceof EgressError) throw next;
  return next;
};

describe('a redirect', () => {
  it('leads outside, also within the origin that an operator wrote', () => {
    expect(follow(journey(), 302, '/next').target).toEqual({
      url: new URL('https://a.example/next'),
      trust: 'outside',
    });
  });

  it('keeps what it carries within its origin', () => {
    const next = follow(journey(), 307, '/next');
    expect(next.headers).toEqual(journey().headers);
    expect(next.clientCertificate).toEqual({ cert: 'certificate', key: 'key' });
  });

  it.each(['https://b.example/', '//a.example:8443/', 'https://sub.a.example/'])(
    'to %s takes along no credential, whatever its header is called',
    (location) => {
      const next = follow(journey(), 302, location);
      expect(next.headers).toEqual({ accept: 'application/json' });
      expect(next.clientCertificate).toBeUndefined();
    },
  );

  it('does not give back on the way home what it has dropped', () => {
    const away = follow(journey(), 302, 'https://b.example/');
    expect(follow(away, 302, 'https://a.example/').headers).toEqual({ accept: 'application/json' });
  });

  it.each([
    [301, 'GET', undefined],
    [302, 'GET', undefined],
    [303, 'GET', undefined],
    [307, 'POST', 'body'],
    [308, 'POST', 'body'],
  ])('with %s makes of a POST a %s', (status, method, body) => {
    const post = journey({ method: 'POST', body: 'body', headers: { 'content-type': 'text/plain', accept: '*/*' } });
    const next = follow(post, status, '/next');
    expect(next).toMatchObject({ method, body });
    expect('content-type' in next.headers).toBe(body !== undefined);
  });

  it.each([
    [307, 'https://b.example/', 'POST'],
    [308, 'https://b.example/', 'POST'],
    [302, 'https://b.example/', 'DELETE'],
    [302, 'https://b.example/', 'PUT'],
  ] as const)('with %s to %s repeats no %s', (status, location, method) => {
    expect(followRedirect(journey({ method, body: 'x' }), status, location)).toMatchObject({ reason: 'redirect' });
  });

  it.each([
    'http://a.example/',
    'http://b.example/',
    'file:///etc/passwd',
    'https://user@b.example/',
    'https://0x7f.1/',
    'https://[',
    '',
  ])('to "%s" is not followed', (location) => {
    const found = followRedirect(journey(), 302, location);
    if (location === '') expect(found).toBeInstanceOf(EgressError);
    expect(found).toMatchObject({ reason: 'redirect' });
  });
});
