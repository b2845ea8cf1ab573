/**
 * Reads X.509 certificates, and finds out whether one was issued by an authority that is trusted here (RFC 5280): for
 * certificates that a proxy hands on, and for those of connections that are older than the present authorities.
 */
import { createHash, X509Certificate } from 'node:crypto';
import type { CertificateFault, PresentedCertificate } from '../exchange.ts';

/** The authorities whose certificates callers may show. */
export interface TrustAnchors {
  /** SHA-256 of the text that they were read from, hex: the same for the same authorities. */
  readonly digest: string;
  readonly certificates: readonly X509Certificate[];
}

const pemBlock = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]{1,65536}?-----END CERTIFICATE-----/g;

/** Certificates in one text; more are no file of ours. */
const mostCertificates = 1000;

/**
 * Reads every certificate of a PEM text, in order.
 *
 * @returns the certificates; `undefined` where there is none, too many, or one that cannot be read
 */
export function readCertificates(pem: string): readonly X509Certificate[] | undefined {
  const blocks = pem.match(pemBlock) ?? [];
  if (blocks.length === 0 || blocks.length > mostCertificates) return undefined;
  if (pem.split('-----BEGIN CERTIFICATE-----').length - 1 !== blocks.length) return undefined;
  const found = blocks.map(readCertificate);
  return found.every((each) => each !== undefined) ? found : undefined;
}

/** Reads one certificate, PEM or DER; `undefined` where it is none. */
export function readCertificate(bytes: string | Uint8Array): X509Certificate | undefined {
  try {
    return new X509Certificate(bytes);
  } catch {
    return undefined;
  }
}

/** Makes anchors of a PEM text; `undefined` where it cannot be read. */
export function readAnchors(pem: string): TrustAnchors | undefined {
  const certificates = readCertificates(pem);
  if (certificates === undefined) return undefined;
  return { digest: createHash('sha256').update(pem).digest('hex'), certificates };
}

/** What is told of a certificate to the stages. */
export function presentedOf(certificate: X509Certificate): PresentedCertificate {
  const { uris, names, emails } = alternativeNames(certificate.subjectAltName ?? '');
  return {
    uris,
    names,
    emails,
    commonName: commonNameOf(certificate),
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    expiresAt: certificate.validToDate.getTime(),
  };
}

/** `KIND:value`, where a value with characters that would be ambiguous is a JSON string. */
const alternative = /(?:^|, )([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,"]*)/gy;

interface AlternativeNames {
  readonly uris: readonly string[];
  readonly names: readonly string[];
  readonly emails: readonly string[];
}

/**
 * Splits the text that Node makes of a subject alternative name.
 *
 * @param text - as `X509Certificate.subjectAltName` gives it
 * @returns the names by kind; none at all where the text is not of that form
 */
export function alternativeNames(text: string): AlternativeNames {
  const found = { uris: [] as string[], names: [] as string[], emails: [] as string[] };
  let end = 0;
  for (const [whole, kind = '', written = ''] of text.matchAll(alternative)) {
    end += whole.length;
    const list =
      kind === 'URI' ? found.uris : kind === 'DNS' ? found.names : kind === 'email' ? found.emails : undefined;
    if (list === undefined) continue;
    const value = written.startsWith('"') ? unquote(written) : written;
    if (value === undefined) return nobody;
    list.push(value);
  }
  return end === text.length ? found : nobody;
}

const nobody: AlternativeNames = { uris: [], names: [], emails: [] };

function unquote(written: string): string | undefined {
  try {
    const value: unknown = JSON.parse(written);
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The common name; empty where there is none, or more than one. */
function commonNameOf(certificate: X509Certificate): string {
  const { CN: name } = certificate.toLegacyObject().subject as { readonly CN?: string | readonly string[] };
  return typeof name === 'string' ? name : '';
}

/** id-kp-clientAuth and anyExtendedKeyUsage. */
const clientPurposes: ReadonlySet<string> = new Set(['1.3.6.1.5.5.7.3.2', '2.5.29.37.0']);

/** Certificates between a caller's and an authority. */
const mostBetween = 8;

/**
 * Says why a client certificate is none to go by. Lengths of paths and constraints on names are left to whoever shook
 * hands with its holder: TLS here, or the proxy that says that it found it good.
 *
 * @param leaf - the caller's
 * @param between - certificates that the caller showed with it, in any order
 * @param anchors - the authorities that are trusted
 * @param now - wall time, milliseconds since the epoch
 * @returns `undefined` where a chain of certificates in force leads to an authority
 */
export function findCertificateFault(
  leaf: X509Certificate,
  between: readonly X509Certificate[],
  anchors: TrustAnchors,
  now: number,
): CertificateFault | undefined {
  const outside = outsideOf(leaf, now);
  if (outside !== undefined) return outside;
  if (!isForClients(leaf)) return 'not-for-clients';
  if (anchors.certificates.some(({ fingerprint256 }) => fingerprint256 === leaf.fingerprint256)) return undefined;
  let current = leaf;
  const left = new Set(between.slice(0, mostBetween));
  for (;;) {
    const subject = current;
    if (anchors.certificates.some((anchor) => isIssuer(anchor, subject, now))) return undefined;
    const next = [...left].find((candidate) => isIssuer(candidate, subject, now));
    if (next === undefined) return 'unknown-issuer';
    left.delete(next);
    current = next;
  }
}

/** True where the certificate says nothing of what it is for, or names clients. */
export function isForClients(leaf: X509Certificate): boolean {
  const purposes = (leaf.keyUsage as readonly string[] | undefined) ?? [];
  return purposes.length === 0 || purposes.some((purpose) => clientPurposes.has(purpose));
}

function outsideOf({ validFromDate, validToDate }: X509Certificate, now: number): CertificateFault | undefined {
  if (now > validToDate.getTime()) return 'expired';
  return now < validFromDate.getTime() ? 'not-yet-valid' : undefined;
}

function isIssuer(issuer: X509Certificate, subject: X509Certificate, now: number): boolean {
  if (!issuer.ca || outsideOf(issuer, now) !== undefined) return false;
  try {
    return subject.checkIssued(issuer) && subject.verify(issuer.publicKey);
  } catch {
    // A key of a kind that cannot sign has signed nothing.
    return false;
  }
}
