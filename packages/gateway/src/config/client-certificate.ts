/** Reads the certificate that the gateway shows to an upstream (`auth: { mtls: … }`). */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { ClientCertificateConfig } from './credential-types.ts';
import { wholeSecret } from './credential-secret.ts';
import { object } from './object.ts';
import { lengthOf, quoted, wrongType, type Reader } from './reader.ts';

const WAY_OUT = 'name a PEM file: client.pem';

/** A certificate is no secret: a path is enough, and a reference is fine. */
const certificate: Reader<string> = {
  schema: { type: 'string', description: 'A path or a reference of a PEM file' },
  read: (node, reading) => {
    const isText = node.kind === 'scalar' && typeof node.value === 'string' && node.value !== '';
    if (!isText) return wrongType(node, reading, 'a certificate', 'client.pem');
    const resolution = reading.resolutions.get(node);
    if (resolution === undefined) return '';
    if (!resolution.ok) {
      reading.log.report(node.origin, { ...resolution, length: lengthOf(node) });
      return undefined;
    }
    if (!resolution.secret.isKnown) return '';
    const pem = resolution.secret.reveal();
    if (readCertificate(pem) !== undefined) return pem;
    const message = `${quoted(node.written)} holds no certificate`;
    reading.log.report(node.origin, { code: 'value', message, suggestion: WAY_OUT, length: lengthOf(node) });
    return undefined;
  },
};

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
