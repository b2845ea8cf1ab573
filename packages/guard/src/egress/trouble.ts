/** Says in words that help what the system's, TLS's and undici's errors mean. */
import type { EgressReason } from './egress.ts';
import { EgressError } from './egress-error.ts';

type Words = (host: string) => string;

const NAME = new Map<string, Words>([
  ['ENOTFOUND', (host) => `${host} has no address: the name is not known to DNS here.`],
  ['EAI_AGAIN', (host) => `${host} could not be looked up: no name server answered.`],
  ['ENODATA', (host) => `${host} has no address.`],
]);

const CONNECTION = new Map<string, Words>([
  ['ECONNREFUSED', (host) => `${host} refuses connections: nothing listens there.`],
  ['EHOSTUNREACH', (host) => `${host} cannot be reached from this network.`],
  ['ENETUNREACH', (host) => `${host} cannot be reached from this network.`],
  ['EACCES', (host) => `Connections to ${host} are not permitted on this machine.`],
  ['EPERM', (host) => `Connections to ${host} are not permitted on this machine.`],
  ['UND_ERR_HEADERS_OVERFLOW', (host) => `${host} answered with more headers than 16 KiB.`],
]);

const UNKNOWN_AUTHORITY: Words = (host) =>
  `The certificate of ${host} cannot be traced to an authority that is trusted here. If that is a private one, ` +
  'put it into egress.ca; else the server does not send the certificates between.';

const CERTIFICATE = new Map<string, Words>([
  ['DEPTH_ZERO_SELF_SIGNED_CERT', UNKNOWN_AUTHORITY],
  ['SELF_SIGNED_CERT_IN_CHAIN', UNKNOWN_AUTHORITY],
  ['UNABLE_TO_GET_ISSUER_CERT', UNKNOWN_AUTHORITY],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', UNKNOWN_AUTHORITY],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', UNKNOWN_AUTHORITY],
  ['CERT_HAS_EXPIRED', (host) => `The certificate of ${host} has expired.`],
  ['CERT_NOT_YET_VALID', (host) => `The certificate of ${host} is not valid yet: is the clock here right?`],
  ['ERR_TLS_CERT_ALTNAME_INVALID', (host) => `The certificate of ${host} is for another name.`],
  ['CERT_REVOKED', (host) => `The certificate of ${host} has been revoked.`],
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', (host) => `${host} wants a client certificate.`],
  ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', (host) => `${host} and we have no version or cipher of TLS in common.`],
  ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', (host) => `${host} speaks no version of TLS that is safe (1.2 and above).`],
  ['ERR_SSL_UNSUPPORTED_PROTOCOL', (host) => `${host} speaks no version of TLS that is safe (1.2 and above).`],
  ['ERR_SSL_WRONG_VERSION_NUMBER', (host) => `${host} does not speak TLS at this port.`],
  ['ERR_SSL_PACKET_LENGTH_TOO_LONG', (host) => `${host} does not speak TLS at this port.`],
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', (host) => `${host} does not trust the authority of our client certificate.`],
  ['ERR_OSSL_X509_KEY_VALUES_MISMATCH', () => 'The client certificate and its key do not belong together.'],
]);

const TIMEOUT: Words = (host) => `${host} could not be reached in time.`;

/** Returns what an error means for a request to `url`. An error that is one of ours already stays what it is. */
export function troubleOf(error: unknown, url: URL): EgressError {
  if (error instanceof EgressError) return error;
  const code = codeOf(error);
  const host = url.host;
  for (const [reason, words] of [
    ['name', NAME.get(code)],
    ['certificate', CERTIFICATE.get(code)],
    ['connection', CONNECTION.get(code)],
    ['timeout', code === 'ETIMEDOUT' ? TIMEOUT : undefined],
  ] as const satisfies readonly (readonly [EgressReason, Words | undefined])[]) {
    if (words !== undefined) return new EgressError(reason, words(host), { cause: error });
  }
  if (/^(?:ERR_TLS|ERR_SSL|ERR_OSSL|CERT_|UNABLE_TO_|EPROTO$)/.test(code)) {
    return new EgressError('certificate', `TLS with ${host} failed: ${code}.`, { cause: error });
  }
  const what = code === '' ? 'the connection broke' : `the connection broke (${code})`;
  return new EgressError('connection', `No answer of ${host}: ${what}.`, { cause: error });
}

/** Attempts at several addresses fail together; the first says what is wrong. */
function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
