/**
 * The client certificate that a trusted proxy found good and hands on: as PEM in percent encoding (nginx), base64 DER
 * (HAProxy), a byte sequence (Client-Cert of RFC 9440), or X-Forwarded-Client-Cert (Envoy).
 */
import type { X509Certificate } from 'node:crypto';
import type { HttpHead, PresentedCertificate } from '../exchange.ts';
import {
  findCertificateFault,
  presentedOf,
  readCertificate,
  readCertificates,
  type TrustAnchors,
} from '../identity/x509.ts';
import type { Standing } from './standing.ts';

/** In which headers the proxy tells of the certificate. Names in lower case. */
export interface ForwardedCertificateRules {
  /** Carries the certificate. */
  readonly header: string;
  /** Says whether the proxy found it good. */
  readonly verified: string;
  /** What that header says then, letter by letter. */
  readonly success: string;
  /** Authorities that the certificate has to be of besides; absent where the proxy's word is enough. */
  readonly anchors?: TrustAnchors;
}

/** Certificates that are kept as they were read. */
const mostKept = 1000;

const kept = new WeakMap<ForwardedCertificateRules, Map<string, PresentedCertificate>>();

/**
 * Reads what a trusted proxy tells of the caller's certificate.
 *
 * @param head - of the request that the proxy sent
 * @param rules - in which headers it tells
 * @param now - wall time, milliseconds since the epoch
 * @returns the certificate, or why there is none to go by; `undefined` where the caller showed none
 */
export function forwardedCertificate(
  { headers, repeated }: HttpHead,
  rules: ForwardedCertificateRules,
  now: number,
): Standing | undefined {
  const value = headers[rules.header];
  if (value === undefined || value === '') return undefined;
  // Of two one may be the caller's own, which the proxy did not take away.
  if (repeated.has(rules.header) || repeated.has(rules.verified)) return { certificateFault: 'unreadable' };
  if (headers[rules.verified] !== rules.success) return { certificateFault: 'unverified' };
  let known = kept.get(rules);
  if (known === undefined) {
    known = new Map();
    kept.set(rules, known);
  }
  const seen = known.get(value);
  if (seen !== undefined) return { certificate: seen };
  const told = readTold(value);
  if (told === undefined) return { certificateFault: 'unreadable' };
  const { leaf, between, certificate } = told;
  if (rules.anchors !== undefined) {
    if (leaf === undefined) return { certificateFault: 'unverified' };
    const certificateFault = findCertificateFault(leaf, between, rules.anchors, now);
    if (certificateFault !== undefined) return { certificateFault };
  }
  for (const oldest of known.keys()) {
    if (known.size < mostKept) break;
    known.delete(oldest);
  }
  known.set(value, certificate);
  return { certificate };
}

interface Told {
  /** Absent where the proxy tells names alone. */
  readonly leaf: X509Certificate | undefined;
  readonly between: readonly X509Certificate[];
  readonly certificate: PresentedCertificate;
}

function readTold(value: string): Told | undefined {
  if (element.test(value)) return readElement(value);
  const leaf = readWhole(value);
  return leaf === undefined ? undefined : { leaf, between: [], certificate: presentedOf(leaf) };
}

const base64 = /^[A-Za-z0-9+/]{16,65536}={0,2}$/;

function readWhole(value: string): X509Certificate | undefined {
  const plain = value.startsWith(':') && value.endsWith(':') ? value.slice(1, -1) : value;
  if (base64.test(plain)) return readCertificate(Buffer.from(plain, 'base64'));
  const text = unescape(value);
  if (text === undefined) return undefined;
  const bare = text.replaceAll(/\s/g, '');
  if (base64.test(bare)) return readCertificate(Buffer.from(bare, 'base64'));
  const found = readCertificates(text);
  return found?.length === 1 ? found[0] : undefined;
}

function unescape(value: string): string | undefined {
  try {
    return decodeURIComponent(value);
  } catch {
    return undefined;
  }
}

/** What an element of X-Forwarded-Client-Cert begins with. */
const element = /^(?:By|Hash|Cert|Chain|Subject|URI|DNS)=/i;

/** One pair of it. */
const pair = /([A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^";,]*))(;|$)/y;

/** One element of X-Forwarded-Client-Cert; of several it would be chance which one is the caller's. */
function readElement(value: string): Told | undefined {
  const fields = new Map<string, string[]>();
  for (let at = 0; at < value.length;) {
    pair.lastIndex = at;
    const [whole, name, quoted, bare = ''] = pair.exec(value) ?? [];
    if (whole === undefined || name === undefined) return undefined;
    at += whole.length;
    const key = name.toLowerCase();
    const values = fields.get(key) ?? [];
    values.push(quoted === undefined ? bare : quoted.replaceAll(/\\(.)/g, '$1'));
    fields.set(key, values);
  }
  const [cert] = fields.get('cert') ?? [];
  if (cert === undefined || cert === '') return { leaf: undefined, between: [], certificate: namesIn(fields) };
  const leaf = readWhole(cert);
  const [chain = ''] = fields.get('chain') ?? [];
  const between = chain === '' ? [] : readCertificates(unescape(chain) ?? '');
  if (leaf === undefined || between === undefined) return undefined;
  return { leaf, between, certificate: presentedOf(leaf) };
}

/** The subject is left out: its text can be read in more than one way. */
function namesIn(fields: ReadonlyMap<string, readonly string[]>): PresentedCertificate {
  const given = (name: string): readonly string[] => (fields.get(name) ?? []).filter((value) => value !== '');
  return {
    uris: given('uri'),
    names: given('dns'),
    emails: [],
    commonName: '',
    fingerprint: /^[0-9a-f]{64}$/i.exec(fields.get('hash')?.[0] ?? '')?.[0].toLowerCase() ?? '',
  };
}
