/** Reads `egress`: what requests that we send may reach beyond public addresses, through which proxy, trusting whom. */
import { X509Certificate } from 'node:crypto';
import { findProxyFault, firstOf, formatIp, readNetwork, type NetworkFault } from '@sallyport/guard';
import { object } from './object.ts';
import { lengthOf, list, quoted, text, wrongType, wrongValue, type Reader, type Reading, type Text } from './reader.ts';
import { Secret } from './secret.ts';
import type { EgressConfig } from './types.ts';

const ALLOW_EXAMPLE = '[10.0.0.0/8]';
/** Wider blocks hold much of the public internet, or nearly all private networks at once. */
const WIDEST = { ipv4: 8, ipv6: 7 };

const block: Reader<string> = text('a block of addresses', '10.0.0.0/8', {}, (found, reading) => {
  if (found.secret?.isKnown === false) return found.value;
  const read = readNetwork(found.value);
  if ('message' in read) return wrongBlock(found, read, reading);
  const first = formatIp(firstOf(read));
  if (first !== formatIp(read.bytes)) {
    const message = `${quoted(found.shown)} has bits behind its prefix`;
    const [address = ''] = found.value.split('/');
    return wrongValue(found, reading, message, `write ${first}/${read.bits}, or ${address}`);
  }
  const widest = read.bytes.length === 4 ? WIDEST.ipv4 : WIDEST.ipv6;
  if (read.bits < widest) {
    const message = `${quoted(found.shown)} is more than any network of your own`;
    return wrongValue(found, reading, message, 'name the ranges that you use, e.g. 10.0.0.0/8');
  }
  if (/^::ffff:/i.test(found.value)) {
    return wrongValue(found, reading, 'IPv4 addresses are judged as IPv4', 'write the range as IPv4, e.g. 10.0.0.0/8');
  }
  warnOfMetadata(found, reading);
  return found.value;
});

function wrongBlock(found: Text, { offset, message }: NetworkFault, reading: Reading): undefined {
  const isName = /^[A-Za-z][A-Za-z0-9.-]*$/.test(found.value) || found.value.includes('://');
  const what = isName ? 'is a name, and what a name leads to can change' : 'is not a block of addresses';
  return wrongValue(
    found,
    reading,
    offset === 0 ? `${quoted(found.shown)} ${what}` : `${quoted(found.shown)}: ${message}`,
    'write addresses with a prefix, e.g. 10.0.0.0/8',
  );
}

/** Whoever reaches these gets the credentials of the machine. */
function warnOfMetadata(found: Text, reading: Reading): void {
  if (!/^(?:169\.|168\.63\.129\.16|fe80:)/i.test(found.value)) return;
  reading.log.warn(found.node.origin, {
    code: 'conflict',
    message: 'clouds keep the credentials of machines at link-local addresses, and documents can lead there now',
    suggestion: 'remove it, if it is not needed',
    length: lengthOf(found.node),
  });
}

const proxy: Reader<Secret> = text('the URL of a proxy', 'env:HTTPS_PROXY', {}, (found, reading) => {
  if (found.secret?.isKnown === false) return found.secret;
  const fault = findProxyFault(found.value);
  if (fault !== undefined) {
    return wrongValue(
      found,
      reading,
      `${found.secret === undefined ? 'this' : found.shown} is not a proxy that can be used: ${fault}`,
      'write http://proxy.example.com:3128 or env:HTTPS_PROXY',
    );
  }
  if (found.secret !== undefined) return found.secret;
  const url = new URL(found.value);
  if (url.username === '' && url.password === '') return new Secret(found.value, 'literal');
  reading.log.hide(found.node.origin, found.node.written.length);
  reading.log.report(found.node.origin, {
    code: 'literal-secret',
    message: 'the URL holds a user name or password',
    suggestion: 'write env:HTTPS_PROXY, file:PATH or command:PROGRAM',
    length: found.node.written.length,
  });
  return undefined;
});

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** Certificates of authorities: a file beside this one (public, so others may read it), or a reference. */
export const authorities: Reader<string> = {
  schema: { type: 'string', description: 'A file with certificates in PEM, e.g. ca.pem' },
  read: (node, reading) => {
    if (node.kind !== 'scalar' || typeof node.value !== 'string' || node.value === '') {
      return wrongType(node, reading, 'a file with certificates', 'ca.pem');
    }
    if (node.value.includes('\0')) return wrongType(node, reading, 'a path without NUL', 'ca.pem');
    const resolution = reading.resolutions.get(node);
    if (resolution === undefined) return undefined;
    if (!resolution.ok) {
      reading.log.report(node.origin, { ...resolution, length: lengthOf(node) });
      return undefined;
    }
    if (!resolution.secret.isKnown) return '';
    const pem = resolution.secret.reveal();
    const report = (message: string, suggestion: string): undefined => {
      reading.log.report(node.origin, { code: 'value', message, suggestion, length: lengthOf(node) });
      return undefined;
    };
    if (pem.includes('PRIVATE KEY')) {
      return report('there is a private key where only certificates belong', 'name a file with certificates only');
    }
    const certificates = pem.match(CERTIFICATE) ?? [];
    if (certificates.length === 0) return report('there is no certificate in it', 'name a file in PEM form');
    const broken = certificates.findIndex((certificate) => !isCertificate(certificate));
    if (broken < 0) return certificates.join('\n');
    return report(`certificate ${broken + 1} in it cannot be read`, 'export the authority again in PEM form');
  },
};

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}

/** `egress`. */
export const egress: Reader<EgressConfig> = object<EgressConfig>(
  {
    allow: {
      reader: list(block, 'blocks of addresses', ALLOW_EXAMPLE, true),
      fallback: [],
      description: 'What URLs of documents, redirects and callers may reach beyond public addresses',
    },
    proxy: { reader: proxy, description: 'The HTTP proxy for public addresses; no variable is read by itself' },
    ca: { reader: authorities, description: 'Authorities to trust besides those of Node' },
  },
  {
    wanted: 'egress',
    example: '{ allow: [10.0.0.0/8] }',
    hints: {
      deny: 'remove it: all that is not public is denied already, except what allow names',
      noProxy: 'remove it: addresses that are not public are reached without the proxy',
      insecure: 'remove it: certificates are always checked; name your authority in ca',
      rejectUnauthorized: 'remove it: certificates are always checked; name your authority in ca',
    },
  },
);
