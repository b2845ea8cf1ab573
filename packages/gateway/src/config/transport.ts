/** Readers of `tls` and `behindProxy`: how callers' connections are protected, and whose word about callers counts. */
import { readNetwork } from '@sallyport/guard';
import { certificates, findAgeFault, findPairFault, privateKey, type Pem, type PemKey } from './pem.ts';
import { object } from './object.ts';
import { lengthOf, list, quoted, text, wrongValue, type Reader } from './reader.ts';
import type { BehindProxyConfig, TlsConfig } from './types.ts';

interface TlsBody {
  readonly cert: Pem;
  readonly key: PemKey;
  readonly clientCa: Pem | undefined;
}

const tlsBody = object<TlsBody>(
  {
    cert: {
      reader: certificates('tls/cert.pem'),
      isRequired: true,
      description: 'The certificate, and behind it those between it and its authority',
    },
    key: { reader: privateKey, isRequired: true, description: 'Its private key' },
    clientCa: {
      reader: certificates('tls/ca.pem'),
      description: 'Authorities whose client certificates name callers; see callers.certificates',
    },
  },
  {
    wanted: 'tls',
    example: '{ cert: tls/cert.pem, key: file:tls/key.pem }',
    hints: {
      ca: 'write clientCa for the authorities of client certificates; those above the certificate stand behind it in cert',
      minVersion: 'remove it: TLS 1.2 and 1.3 are spoken, nothing older',
      certFile: 'write cert',
      keyFile: 'write key: file:PATH',
    },
  },
);

/** `tls:`, certificate and key found to fit together. */
export const tls: Reader<TlsConfig> = {
  schema: tlsBody.schema,
  read: (node, reading) => {
    const found = tlsBody.read(node, reading);
    if (found === undefined) return undefined;
    const { cert, key, clientCa } = found;
    if (key.secret.isKnown) {
      const fault = findPairFault(cert.text, key.secret.reveal());
      if (fault !== undefined) {
        reading.log.report(cert.node.origin, { code: 'conflict', ...fault, length: lengthOf(cert.node) });
        return undefined;
      }
    }
    const age = findAgeFault(cert.text, reading.now);
    if (age !== undefined) reading.log.warn(cert.node.origin, { code: 'value', ...age, length: lengthOf(cert.node) });
    return { cert: cert.text, key: key.secret, clientCa: clientCa?.text };
  },
};

/** An address or a network of proxies. */
const network: Reader<string> = text('a network', '10.0.0.0/8', {}, (found, reading) => {
  const read = readNetwork(found.value);
  if ('message' in read) {
    const message = `${quoted(found.shown)} is not an address or a network`;
    return wrongValue(found, reading, message, 'write 10.0.0.0/8, or the address of the proxy');
  }
  if (read.bits === 0) {
    const message = `${quoted(found.shown)} is everybody: each caller could say that it is another`;
    return wrongValue(found, reading, message, 'name the addresses of the proxies only');
  }
  return found.value;
});

/** Headers that mean something else. */
const TAKEN =
  /^(?:host|authorization|cookie|origin|connection|content-.*|transfer-encoding|forwarded|x-forwarded-for|mcp-.*)$/;

const headerName: Reader<string> = text('the name of a header', 'ssl-client-cert', {}, (found, reading) => {
  const name = found.value.toLowerCase();
  if (/^[a-z0-9!#$%&'*+.^_`|~-]{1,64}$/.test(name) && !TAKEN.test(name)) return name;
  const isTaken = TAKEN.test(name);
  const message = `${quoted(found.shown)} ${isTaken ? 'carries something else' : 'is not the name of a header'}`;
  return wrongValue(found, reading, message, 'name the header that the proxy sets, e.g. ssl-client-cert');
});

const headerText: Reader<string> = text('text', 'SUCCESS', {}, (found, reading) => {
  if (/^[\x21-\x7e]{1,64}$/.test(found.value)) return found.value;
  return wrongValue(found, reading, `${quoted(found.shown)} cannot be all that a header says`, 'write SUCCESS');
});

interface ForwardedBody {
  readonly header: string;
  readonly verified: string;
  readonly success: string;
  readonly ca: Pem | undefined;
}

const forwardedBody = object<ForwardedBody>(
  {
    header: {
      reader: headerName,
      isRequired: true,
      description:
        'Header with the certificate: PEM in percent encoding, base64, Client-Cert or X-Forwarded-Client-Cert',
    },
    verified: {
      reader: headerName,
      isRequired: true,
      description: 'Header in which the proxy says that it found the certificate good',
    },
    success: { reader: headerText, fallback: 'SUCCESS', description: 'What that header says then' },
    ca: {
      reader: certificates('tls/ca.pem'),
      description: 'Authorities that the certificate has to be of besides; tls.clientCa when absent',
    },
  },
  {
    wanted: 'certificate',
    example: '{ header: ssl-client-cert, verified: ssl-client-verify }',
    hints: { name: 'write header', value: 'write success' },
  },
);

const forwarded: Reader<NonNullable<BehindProxyConfig['certificate']>> = {
  schema: forwardedBody.schema,
  read: (node, reading) => {
    const found = forwardedBody.read(node, reading);
    if (found === undefined) return undefined;
    if (found.header !== found.verified) return { ...found, ca: found.ca?.text };
    reading.log.report(node.origin, {
      code: 'conflict',
      message: 'one header cannot carry the certificate and say that it is good',
      suggestion: 'let the proxy set a header of its own for what it found, and name it in verified',
    });
    return undefined;
  },
};

const networks = list(network, 'networks', '[10.0.0.0/8]', true);

/** `behindProxy:`. */
export const behindProxy: Reader<BehindProxyConfig> = object<BehindProxyConfig>(
  {
    trusted: {
      reader: {
        schema: { ...networks.schema, minItems: 1 },
        read: (node, reading) => {
          const found = networks.read(node, reading);
          if (found === undefined || found.length > 0) return found;
          reading.log.report(node.origin, {
            code: 'value',
            message: 'no proxy is trusted, so nothing that it says would count',
            suggestion: 'name its address or network: [10.0.0.0/8]',
          });
          return undefined;
        },
      },
      isRequired: true,
      description: 'Addresses of the proxies whose X-Forwarded-For or Forwarded names the caller',
    },
    certificate: { reader: forwarded, description: 'How the proxies hand on client certificates that they found good' },
  },
  {
    wanted: 'behindProxy',
    example: '{ trusted: [10.0.0.0/8] }',
    hints: {
      certificateHeader: 'write certificate: { header: NAME, verified: NAME }',
      trust: 'write trusted',
      cidrs: 'write trusted',
    },
  },
);
