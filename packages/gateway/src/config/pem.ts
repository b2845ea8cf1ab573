/** Readers of PEM texts: certificates in files that anybody may read, keys in places that nobody else can. */
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { readCertificates } from '@sallyport/guard';
import { dirname, resolve } from 'node:path';
import type { ConfigNode, ScalarNode } from './node.ts';
import { lengthOf, quoted, readText, wrongType, wrongValue, type Reader, type Reading, type Text } from './reader.ts';
import { isReference } from './resolve-secret.ts';
import type { Secret, SecretReference } from './secret.ts';

/** The file that a plain path names, as a reference that is followed like others. */
export function fileReference(node: ScalarNode): SecretReference | undefined {
  const { value, origin } = node;
  if (typeof value !== 'string' || value === '' || value.includes('\0') || isReference(value)) return undefined;
  return { kind: 'file', path: resolve(dirname(origin.file), value), written: value, origin };
}

/** A PEM text and where it stands, for what is said about it later. */
export interface Pem {
  readonly text: string;
  readonly node: ScalarNode;
}

/** Reads the certificates behind a path or a reference. */
export function certificates(example: string): Reader<Pem> {
  return {
    schema: { type: 'string', description: `A path, or a reference, to certificates in PEM, e.g. ${example}` },
    read: (node, reading) => {
      const found = readPem(node, reading, 'certificates in PEM', example);
      if (found === undefined) return undefined;
      if (readCertificates(found.value) !== undefined) return { text: found.value, node: found.node };
      const message = `${quoted(found.shown)} holds no certificate in PEM that can be read`;
      return wrongValue(found, reading, message, 'name a file that begins with -----BEGIN CERTIFICATE-----');
    },
  };
}

function readPem(node: ConfigNode, reading: Reading, wanted: string, example: string): Text | undefined {
  if (node.kind !== 'scalar' || fileReference(node) === undefined) return readText(node, reading, wanted, example);
  const resolution = reading.resolutions.get(node);
  if (resolution === undefined) return undefined;
  if (!resolution.ok) {
    reading.log.report(node.origin, { ...resolution, length: lengthOf(node) });
    return undefined;
  }
  return { value: resolution.secret.reveal(), shown: node.written, node };
}

/** A private key: where it is, never the key itself. */
export interface PemKey {
  readonly secret: Secret;
  readonly node: ScalarNode;
}

/** Reads the private key behind a reference. */
export const privateKey: Reader<PemKey> = {
  schema: { type: 'string', pattern: '^(?:env:|file:(?!//)|command:)' },
  read: (node, reading) => {
    const example = 'file:tls/key.pem, env:NAME or command:PROGRAM';
    if (node.kind !== 'scalar' || typeof node.value !== 'string' || node.value === '') {
      return wrongType(node, reading, 'a reference to a private key', example);
    }
    if (!isReference(node.value)) {
      const isKey = node.value.includes('-----');
      if (isKey) reading.log.hide(node.origin, node.written.length);
      reading.log.report(node.origin, {
        code: 'literal-secret',
        message: isKey ? 'a private key stands here in clear' : 'a private key is named by a reference',
        suggestion: isKey ? `write ${example}` : `write file:${node.value.slice(0, 200)}`,
        length: lengthOf(node),
      });
      return undefined;
    }
    const found = readText(node, reading, 'a reference to a private key', example);
    if (found?.secret === undefined) return undefined;
    if (!found.secret.isKnown || keyOf(found.value) !== undefined) return { secret: found.secret, node: found.node };
    const isLocked = found.value.includes('ENCRYPTED');
    const message = isLocked
      ? `the private key behind ${found.shown} is locked with a passphrase`
      : `${found.shown} leads to no private key in PEM`;
    reading.log.report(node.origin, {
      code: 'value',
      message,
      suggestion: isLocked
        ? 'unlock it (openssl pkey -in OLD -out NEW), and keep the file at mode 600'
        : 'name a file that begins with -----BEGIN PRIVATE KEY-----',
      length: lengthOf(node),
    });
    return undefined;
  },
};

function keyOf(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}

/** What is wrong with a certificate and a key together, as far as a handshake goes. */
export function findPairFault(
  cert: string,
  key: string,
): { readonly message: string; readonly suggestion: string } | undefined {
  const leaf = new X509Certificate(cert);
  const secret = keyOf(key);
  if (secret !== undefined && !leaf.checkPrivateKey(secret)) {
    return {
      message: 'certificate and key do not belong together',
      suggestion:
        'name the key that the certificate was issued for; the first certificate of the file is the one that counts',
    };
  }
  try {
    createSecureContext({ cert, key, minVersion: 'TLSv1.2' });
    return undefined;
  } catch (cause) {
    const why = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    return {
      message: `TLS does not take this certificate and key (${why})`,
      suggestion: 'use a key of RSA with 2048 bits or more, of P-256, P-384, or Ed25519',
    };
  }
}

/** Why callers would not take a certificate, if so. */
export function findAgeFault(
  cert: string,
  now: number,
): { readonly message: string; readonly suggestion: string } | undefined {
  const { validFromDate, validToDate } = new X509Certificate(cert);
  const day = (date: Date): string => date.toISOString().slice(0, 10);
  if (now > validToDate.getTime()) {
    return {
      message: `the certificate expired on ${day(validToDate)}`,
      suggestion: 'replace it; no restart is needed',
    };
  }
  if (now < validFromDate.getTime()) {
    return {
      message: `the certificate is valid from ${day(validFromDate)} on`,
      suggestion: 'check the clock of this machine, or replace the certificate',
    };
  }
  return undefined;
}
