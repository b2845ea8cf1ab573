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
  /** Common name of the subject. */
  readonly name: string;
  /** DNS names, IP addresses and URIs in the alternative names. Default: `name`. */
  readonly names?: readonly string[];
  /** Days from now, may be negative. Default: -1. */
  readonly fromDays?: number;
  /** Days from now, may be negative. Default: 30. */
  readonly untilDays?: number;
}

/** An authority with a key of its own. */
export interface TestAuthority {
  /** Its own certificate, PEM. */
  readonly cert: string;
  issue(request: CertificateRequest): IssuedCertificate;
}

/** Makes an authority that nothing trusts yet. */
export function createAuthority(name = 'Test authority'): TestAuthority {
  const keys = makeKeys();
  const own = { name, names: [], fromDays: -1, untilDays: 30 };
  const cert = build(own, keys.publicKey, name, keys.privateKey, true);
  return {
    cert,
    issue: (request) => {
      const theirs = makeKeys();
      const filled = { names: [request.name], fromDays: -1, untilDays: 30, ...request };
      return {
        cert: build(filled, theirs.publicKey, name, keys.privateKey, false),
        key: theirs.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      };
    },
  };
}

function makeKeys(): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

const DAY_MS = 86_400_000;
const ECDSA_SHA256 = '1.2.840.10045.4.3.2';

function build(
  request: Required<CertificateRequest>,
  subjectKey: KeyObject,
  issuer: string,
  issuerKey: KeyObject,
  isAuthority: boolean,
): string {
  const algorithm = sequence(oid(ECDSA_SHA256));
  const publicKey = subjectKey.export({ type: 'spki', format: 'der' });
  const extensions = [
    extension('2.5.29.19', true, sequence(...(isAuthority ? [der(0x01, Buffer.from([0xff]))] : []))),
    extension('2.5.29.14', false, der(0x04, createHash('sha1').update(publicKey).digest())),
    ...(request.names.length === 0 ? [] : [extension('2.5.29.17', false, sequence(...request.names.map(alternative)))]),
  ];
  const body = sequence(
    der(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    algorithm,
    commonName(issuer),
    sequence(time(request.fromDays), time(request.untilDays)),
    commonName(request.name),
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

function time(days: number): Buffer {
  const text = new Date(Date.now() + days * DAY_MS).toISOString().replace(/[-:T]|\.\d+/g, '');
  return der(0x18, Buffer.from(text));
}

function extension(id: string, isCritical: boolean, value: Uint8Array): Buffer {
  return sequence(oid(id), ...(isCritical ? [der(0x01, Buffer.from([0xff]))] : []), der(0x04, value));
}

function alternative(name: string): Buffer {
  if (isIP(name) !== 0) return der(0x87, ipBytes(name));
  return der(name.includes(':') ? 0x86 : 0x82, Buffer.from(name, 'latin1'));
}

function ipBytes(text: string): Buffer {
  if (isIPv4(text)) return Buffer.from(text.split('.').map(Number));
  const [head = '', tail] = text.split('::');
  const groups = (part: string): number[] => (part === '' ? [] : part.split(':').map((group) => parseInt(group, 16)));
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const gap = Array.from({ length: 8 - before.length - after.length }, () => 0);
  return Buffer.from([...before, ...gap, ...after].flatMap((group) => [group >> 8, group & 0xff]));
}
