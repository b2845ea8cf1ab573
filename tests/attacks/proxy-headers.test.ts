/** What proxies say about callers: believed from a trusted proxy, and nothing from anybody else. */
import { X509Certificate } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createAuthority,
  createKey,
  createRandom,
  post,
  readAudit,
  startGateway,
  startRecordingUpstream,
  waitFor,
  type Gateway,
  type HttpAnswer,
  type RecordingUpstream,
  type TestAuthority,
} from '@sallyport/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listBody, listHeaders } from '../fixtures/certificates/https-caller.ts';

const agentName = 'spiffe://example.com/agent/a';
const burst = 20;

let dir: string;
let upstream: RecordingUpstream;
/** This machine is its proxy. */
let behind: Gateway;
/** Its proxy is elsewhere, so this machine is nobody's. */
let beside: Gateway;
let callers: TestAuthority;
let shown: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sallyport-proxy-'));
  upstream = await startRecordingUpstream();
  callers = createAuthority('Callers');
  shown = callers.client({ names: [agentName] }).cert;
  await writeFile(join(dir, 'ca.pem'), callers.cert);
  const certificate = { header: 'ssl-client-cert', verified: 'ssl-client-verify', ca: join(dir, 'ca.pem') };
  const config = (trusted: string) => ({
    behindProxy: { trusted: [trusted], certificate },
    callers: { certificates: { identity: 'san-uri', roles: { 'spiffe://example.com/agent/*': 'reader' } } },
    roles: { reader: { tools: ['*'] } },
    limits: { perAddress: `1/h burst ${burst}`, failedLogins: '100000/s' },
    upstreams: { rec: { url: upstream.url } },
  });
  behind = await startGateway({ config: config('127.0.0.1/32') });
  beside = await startGateway({ config: config('10.0.0.0/8') });
}, 60_000);

afterAll(async () => {
  await behind?.stop();
  await beside?.stop();
  await upstream?.close();
  await rm(dir, { recursive: true, force: true });
}, 60_000);

type Headers = Readonly<Record<string, string | readonly string[]>>;

function send(gateway: Gateway, headers: Headers): Promise<HttpAnswer> {
  return post(gateway.url, listBody, { headers: { ...listHeaders, ...headers } });
}

/** An address that no other test has. */
let next = 0;
function address(): string {
  next += 1;
  return `203.0.113.${next}`;
}

async function used(gateway: Gateway, headers: () => Headers, count: number): Promise<number> {
  let answered = 0;
  for (let i = 0; i < count; i++) if ((await send(gateway, headers())).status !== 429) answered += 1;
  return answered;
}

describe('the address of a caller', () => {
  it('[mutual-tls] is never what somebody says who is no trusted proxy', async () => {
    const random = createRandom(8);
    const any = (): string => [1, 2, 3, 4].map(() => random.integer(255)).join('.');
    const forged = (): Headers => ({
      'x-forwarded-for': `${any()}, ${any()}`,
      forwarded: `for=${any()}`,
      'x-real-ip': any(),
      'true-client-ip': any(),
    });
    expect(await used(beside, forged, 3 * burst)).toBeLessThanOrEqual(burst + 1);
  });

  it('is the one that the trusted proxy saw, so callers have buckets of their own', async () => {
    const [one, other] = [address(), address()];
    expect(await used(behind, () => ({ 'x-forwarded-for': one }), 2 * burst)).toBe(burst);
    expect(await used(behind, () => ({ 'x-forwarded-for': other }), 1)).toBe(1);
  });

  it('[mutual-tls] is not changed by what a caller writes before it', async () => {
    const caller = address();
    let forged = 0;
    const headers = (): Headers => ({ 'x-forwarded-for': `192.0.2.${(forged += 1)}, ${caller}` });
    expect(await used(behind, headers, 2 * burst)).toBe(burst);
    let others = 0;
    const lines = (): Headers => ({ 'x-forwarded-for': [`192.0.2.${(others += 1)}`, caller] });
    expect(await used(behind, lines, 3)).toBe(0);
  });

  it('is read from Forwarded too', async () => {
    const caller = address();
    const headers = (): Headers => ({ forwarded: `for=192.0.2.1, for="${caller}:4711";proto=https` });
    expect(await used(behind, headers, 2 * burst)).toBe(burst);
    expect(await used(behind, () => ({ 'x-forwarded-for': caller }), 1)).toBe(0);
  });

  it('[mutual-tls] is not guessed where the two headers disagree', async () => {
    const answer = await send(behind, { 'x-forwarded-for': address(), forwarded: `for=${address()}` });
    expect(answer.status).toBe(400);
    expect(answer.text).toContain('disagree');
  });

  it('stands in the records', async () => {
    const caller = address();
    await send(behind, { 'x-forwarded-for': `198.51.100.1, ${caller}`, ...proven() });
    const find = async (): Promise<boolean> => {
      const records = await readAudit(join(behind.dir, 'state', 'audit'));
      expect(JSON.stringify(records)).not.toContain('198.51.100.1');
      return records.some((record) => record['address'] === caller);
    };
    await waitFor(find, { what: 'the record', ceilingMs: 10_000 });
  });
});

const proven = (cert = shown): Headers => ({
  'ssl-client-verify': 'SUCCESS',
  'ssl-client-cert': encodeURIComponent(cert),
});

const from = (): Headers => ({ 'x-forwarded-for': address() });

describe('a certificate that a proxy hands on', () => {
  it.each<[string, (cert: string) => string]>([
    ['nginx writes it', encodeURIComponent],
    ['HAProxy writes it', (cert) => new X509Certificate(cert).raw.toString('base64')],
    ['RFC 9440 writes it', (cert) => `:${new X509Certificate(cert).raw.toString('base64')}:`],
    [
      'Envoy writes it',
      (cert) => `By=spiffe://x;Hash=${'0'.repeat(64)};Cert="${encodeURIComponent(cert)}";Subject="CN=a,O=b"`,
    ],
    ['Traefik writes it', (cert) => encodeURIComponent(new X509Certificate(cert).raw.toString('base64'))],
  ])('[mutual-tls] names its caller as %s', async (_, write) => {
    const answer = await send(behind, { ...from(), ...proven(), 'ssl-client-cert': write(shown) });
    expect(answer.status).toBe(200);
    expect(answer.text).toContain('rec__echo');
  });

  it.each<[string, (cert: string) => Headers, string]>([
    [
      'the proxy found wrong',
      () => ({ 'ssl-client-verify': 'FAILED:certificate has expired' }),
      'did not find it good',
    ],
    ['the proxy says nothing about', () => ({ 'ssl-client-verify': '' }), 'did not find it good'],
    ['the proxy found good in other words', () => ({ 'ssl-client-verify': 'success' }), 'did not find it good'],
    ['stands there twice', (cert) => ({ 'ssl-client-cert': [encodeURIComponent(cert), 'x'] }), 'cannot be read'],
    ['was found good twice', () => ({ 'ssl-client-verify': ['SUCCESS', 'NONE'] }), 'cannot be read'],
    ['is none', () => ({ 'ssl-client-cert': 'CN=admin' }), 'cannot be read'],
    ['is broken', (cert) => ({ 'ssl-client-cert': encodeURIComponent(cert).slice(0, 200) }), 'cannot be read'],
    ['is more than one', (cert) => ({ 'ssl-client-cert': encodeURIComponent(cert + cert) }), 'cannot be read'],
    ['is only names', () => ({ 'ssl-client-cert': `URI=${agentName}` }), 'did not find it good'],
    [
      'is of two callers',
      (cert) => ({ 'ssl-client-cert': `Cert=${encodeURIComponent(cert)},Cert=x` }),
      'cannot be read',
    ],
  ])('[mutual-tls] that %s is refused', async (_, headers, reason) => {
    const answer = await send(behind, { ...from(), ...proven(), ...headers(shown) });
    expect(answer.status).toBe(401);
    expect(answer.text).toContain(reason);
  });

  it('[mutual-tls] of an unknown authority, or over, is refused whatever the proxy says', async () => {
    const stranger = createAuthority('Callers').client({ names: [agentName] });
    const past = { from: new Date(Date.now() - 7_200_000), until: new Date(Date.now() - 3_600_000) };
    const over = callers.client({ names: [agentName], ...past });
    for (const { cert } of [stranger, over]) {
      expect((await send(behind, { ...from(), ...proven(cert) })).status).toBe(401);
    }
  });

  it('[mutual-tls] says nothing from an address that is no trusted proxy’s', async () => {
    // What is left of the bucket that the forgeries above have used.
    const fresh = await startGateway({
      config: {
        behindProxy: {
          trusted: ['10.0.0.0/8'],
          certificate: { header: 'ssl-client-cert', verified: 'ssl-client-verify' },
        },
        callers: { certificates: { identity: 'san-uri', roles: { '*': 'reader' } } },
        roles: { reader: { tools: ['*'] } },
        upstreams: { rec: { url: upstream.url } },
      },
    });
    try {
      const forged = await send(fresh, { 'x-forwarded-for': '10.0.0.1', forwarded: 'for=10.0.0.1', ...proven() });
      expect(forged.status).toBe(401);
      expect(forged.text).toContain('credentials are needed');
      const key = await createKey(fresh.dir, { name: 'ada', role: 'reader' });
      const honest = await send(fresh, { ...proven(), authorization: `Bearer ${key}` });
      expect(honest.status).toBe(200);
    } finally {
      await fresh.stop();
    }
  });
});
