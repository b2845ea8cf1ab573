/** An authority that issues certificates for tests (RFC 5280), with keys made at run time. Plain DER, no dependency. */
import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import { isIP, isIPv4 } from 'node:net';

/** A certificate and its key, PEM. */
export interface IssuedCertificate {
  readonly cert: string;
  readonly key: string;
}

/** What a certificate says. */
export interface CertificateRequest {
  /** Common name of the subject. Default: `Test`. */
  readonly name?: string;
  /** DNS names, IP addresses, URIs and mail addresses in the alternative names. Default: `name`, where it is given. */
  readonly names?: readonly string[];
  /** Default: a day ago. */
  readonly from?: Date;
  /** Default: in 30 days. */
  readonly until?: Date;
  /** What it may be shown as; as anything when absent. */
  readonly purpose?: 'server' | 'client';
}

/** An authority with a key of its own. */
export interface TestAuthority extends IssuedCertificate {
  issue(request: CertificateRequest): IssuedCertificate;
  /** A certificate for servers at `localhost`, unless the request names others. */
  server(request?: Omit<CertificateRequest, 'purpose'>): IssuedCertificate;
  /** A certificate for callers. */
  client(request?: Omit<CertificateRequest, 'purpose'>): IssuedCertificate;
  /** An authority below this one, or one that only believes to be. */
  below(name: string, isAuthority?: boolean): TestAuthority;
}

/** Makes an authority that nothing trusts yet. */
export function createAuthority(name = 'Test authority'): TestAuthority {
  const keys = makeKeys();
  return authorityOf(name, keys.privateKey, build({ name, names: [] }, keys.publicKey, name, keys.privateKey, true));
}

function authorityOf(name: string, key: KeyObject, cert: string): TestAuthority {
  const issue = (request: CertificateRequest): IssuedCertificate => {
    const keys = makeKeys();
    return { cert: build(request, keys.publicKey, name, key, false), key: pemOf(keys.privateKey) };
  };
  return {
    cert,
    key: pemOf(key),
    issue,
    server: (request) => issue({ names: ['localhost', '127.0.0.1'], ...request, purpose: 'server' }),
    client: (request) => issue({ ...request, purpose: 'client' }),
    below: (theirs, isAuthority = true) => {
      const keys = makeKeys();
      const own = build({ name: theirs, names: [] }, keys.publicKey, name, key, isAuthority);
      return authorityOf(theirs, keys.privateKey, own);
    },
  };
}

function makeKeys(): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

const dayMs = 86_400_000;
const ecdsaWithSha256 = '1.2.840.10045.4.3.2';
const purposes = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' };
/** Six bits of which the last two stand: keyCertSign and cRLSign (§4.2.1.3). */
const mayIssue = Buffer.from([0x01, 0x06]);
const yes = Buffer.from([0xff]);

function build(
  { name, names = name === undefined ? [] : [name], from, until, purpose }: CertificateRequest,
  subjectKey: KeyObject,
  issuer: string,
  issuerKey: KeyObject,
  isAuthority: boolean,
): string {
  const algorithm = sequence(oid(ecdsaWithSha256));
  const publicKey = subjectKey.export({ type: 'spki', format: 'der' });
  const extensions = [
    extension('2.5.29.19', true, sequence(...(isAuthority ? [der(0x01, yes)] : []))),
    ...(isAuthority ? [extension('2.5.29.15', true, der(0x03, mayIssue))] : []),
    extension('2.5.29.14', false, der(0x04, createHash('sha1').update(publicKey).digest())),
    ...(purpose === undefined ? [] : [extension('2.5.29.37', false, sequence(oid(purposes[purpose])))]),
    ...(names.length === 0 ? [] : [extension('2.5.29.17', false, sequence(...names.map(alternative)))]),
  ];
  const body = sequence(
    der(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    algorithm,
    commonName(issuer),
    sequence(time(from ?? new Date(Date.now() - dayMs)), time(until ?? new Date(Date.now() + 30 * dayMs))),
    commonName(name ?? 'Test'),
    publicKey,
    der(0xa3, sequence(...extensions)),
  );
  const signature = sign('sha256', body, issuerKey);
  const certificate = sequence(body, algorithm, der(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function der(tag: number, content: Uint8Array): Buffer {
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function sequence(...parts: readonly Uint8Array[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

function integer(bytes: Uint8Array): Buffer {
  return der(0x02, bytes);
}

function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const groups = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return der(0x06, Buffer.from(bytes));
}

function commonName(name: string): Buffer {
  return sequence(der(0x31, sequence(oid('2.5.4.3'), der(0x0c, Buffer.from(name)))));
}

function time(at: Date): Buffer {
  return der(0x18, Buffer.from(at.toISOString().replace(/[-:T]|\.\d+/g, '')));
}

function extension(id: string, isCritical: boolean, value: Uint8Array): Buffer {
  return sequence(oid(id), ...(isCritical ? [der(0x01, yes)] : []), der(0x04, value));
}

function alternative(name: string): Buffer {
  if (isIP(name) !== 0) return der(0x87, ipBytes(name));
  return der(name.includes('@') ? 0x81 : name.includes(':') ? 0x86 : 0x82, Buffer.from(name, 'latin1'));
}

/** Its own, so that what is tested does not read what tests are made of. */
function ipBytes(text: string): Buffer {
  if (isIPv4(text)) return Buffer.from(text.split('.').map(Number));
  const [head = '', tail] = text.split('::');
  const groups = (part: string): number[] => (part === '' ? [] : part.split(':').map((group) => parseInt(group, 16)));
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const gap = Array.from({ length: 8 - before.length - after.length }, () => 0);
  return Buffer.from([...before, ...gap, ...after].flatMap((group) => [group >> 8, group & 0xff]));
}
