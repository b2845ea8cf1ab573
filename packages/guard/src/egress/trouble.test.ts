import { describe, expect, it } from 'vitest';
import { EgressError } from './egress-error.ts';
import { troubleOf } from './trouble.ts';

const url = new URL('https://h.example:8443/path?query');
const failed = (code: string): Error => Object.assign(new Error('internal words'), { code });

describe('an error of a connection', () => {
  it.each([
    ['ENOTFOUND', 'name', 'h.example:8443 has no address: the name is not known to DNS here.'],
    ['ECONNREFUSED', 'connection', 'h.example:8443 refuses connections: nothing listens there.'],
    ['ETIMEDOUT', 'timeout', 'h.example:8443 could not be reached in time.'],
    ['CERT_HAS_EXPIRED', 'certificate', 'The certificate of h.example:8443 has expired.'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'certificate', 'The certificate of h.example:8443 is for another name.'],
    ['ERR_SSL_BAD_SIGNATURE', 'certificate', 'TLS with h.example:8443 failed: ERR_SSL_BAD_SIGNATURE.'],
    ['ECONNRESET', 'connection', 'No answer of h.example:8443: the connection broke (ECONNRESET).'],
  ])('%s is told in words, with host and port and nothing else of the URL', (code, reason, message) => {
    const cause = failed(code);
    expect(troubleOf(cause, url)).toMatchObject({ reason, message, cause });
  });

  it('says where a private authority belongs', () => {
    expect(troubleOf(failed('SELF_SIGNED_CERT_IN_CHAIN'), url).message).toContain('put it into egress.ca');
  });

  it('is that of the first attempt, where several failed together', () => {
    const all = new AggregateError([failed('ECONNREFUSED'), failed('ENETUNREACH')]);
    expect(troubleOf(all, url).message).toContain('nothing listens there');
  });

  it('stays what it is, where it is ours', () => {
    const ours = new EgressError('address', 'No.');
    expect(troubleOf(ours, url)).toBe(ours);
    expect(ours.code).toBe('EGRESS_ADDRESS');
  });

  it('may be anything', () => {
    expect(troubleOf('odd', url)).toMatchObject({ reason: 'connection' });
  });
});
