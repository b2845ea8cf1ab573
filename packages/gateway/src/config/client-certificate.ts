/** Reads the certificate that the gateway shows to an upstream (`auth: { mtls: … }`). */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { ClientCertificateConfig } from './credential-types.ts';
import { wholeSecret } from './credential-secret.ts';
import { object } from './object.ts';
import { quoted, text, wrongValue, type Reader } from './reader.ts';

const WAY_OUT = 'name a PEM file: client.pem';
const LONGEST_FILE = 256 * 1024;

/** A certificate is no secret: a path is enough, and a reference is fine. */
const certificate: Reader<string> = text('a certificate', 'client.pem', {}, (found, reading) => {
  if (found.secret?.isKnown === false) return '';
  let pem = found.value;
  if (found.secret === undefined) {
    const path = resolve(dirname(found.node.origin.file), found.value);
    try {
      const { mode, size } = statSync(path);
      if (process.platform !== 'win32' && (mode & 0o022) !== 0) {
        return wrongValue(found, reading, `${quoted(found.shown)} can be changed by others`, 'run chmod go-w on it');
      }
      if (size > LONGEST_FILE) return wrongValue(found, reading, `${quoted(found.shown)} is too long`, WAY_OUT);
      pem = readFileSync(path, 'utf8');
    } catch {
      return wrongValue(found, reading, `${quoted(found.shown)} cannot be read`, WAY_OUT);
    }
  }
  if (readCertificate(pem) !== undefined) return pem;
  return wrongValue(found, reading, `${quoted(found.shown)} holds no certificate`, WAY_OUT);
});

function readCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

const body = object<ClientCertificateConfig>(
  {
    cert: {
      reader: certificate,
      isRequired: true,
      description: 'The certificate and those between it and the root, PEM',
    },
    key: { reader: wholeSecret, isRequired: true, description: 'Its private key, PEM' },
  },
  { wanted: 'mtls', example: '{ cert: client.pem, key: file:client.key }' },
);

/** `mtls:` */
export const clientCertificate: Reader<ClientCertificateConfig> = {
  schema: body.schema,
  read: (node, reading) => {
    const found = body.read(node, reading);
    const parsed = found === undefined ? undefined : readCertificate(found.cert);
    if (found === undefined || parsed === undefined || !found.key.isKnown) return found;
    const fault = keyFault(parsed, found.key.reveal());
    if (fault === undefined) return found;
    reading.log.report(node.origin, { code: 'value', message: fault, suggestion: 'name the key of this certificate' });
    return undefined;
  },
};

function keyFault(parsed: X509Certificate, pem: string): string | undefined {
  try {
    const key = createPrivateKey(pem);
    return parsed.checkPrivateKey(key) ? undefined : 'the key is not that of the certificate';
  } catch {
    return 'the key is no private key in PEM form without a pass phrase';
  }
}
