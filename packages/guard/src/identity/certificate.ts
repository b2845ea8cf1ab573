/** Names the caller that a client certificate stands for: by TLS here, or as a trusted proxy tells it (design §4.2). */
import type { CertificateFault, PresentedCertificate, Principal, Received } from '../exchange.ts';
import { matchesPattern } from '../policy/pattern.ts';
import { refuse, type Refusal } from '../refusals.ts';
import type { CertificateIdentity, CertificateRules, Rules } from '../rules.ts';

/**
 * Names the caller by its certificate.
 *
 * @param exchange - with the certificate, or with what is wrong with it
 * @returns the principal `cert:<identity>`, one object for each certificate under the same rules; the refusal
 *   `bad-certificate` where the certificate is wrong, over, or names nobody; `undefined` where none was shown, or the
 *   rules go by none
 */
export function identifyCertificate(exchange: Received): Principal | Refusal | undefined {
  const { certificate, certificateFault, rules } = exchange;
  if (certificate === undefined && certificateFault === undefined) return undefined;
  const { certificates } = rules.callers;
  if (certificates === undefined) return undefined;
  if (certificateFault !== undefined) return bad(faultTexts[certificateFault]);
  if (certificate === undefined) return undefined;
  const { expiresAt } = certificate;
  if (expiresAt !== undefined && exchange.time > expiresAt) return bad(faultTexts.expired);
  let known = principals.get(rules);
  if (known === undefined) {
    known = { shown: new WeakMap(), named: new Map() };
    principals.set(rules, known);
  }
  const seen = known.shown.get(certificate);
  if (seen !== undefined) return seen;
  const identity = identityOf(certificate, certificates.identity);
  if (typeof identity !== 'string') return bad(identity.detail);
  const principal = principalOf(identity, certificate, certificates, rules, known.named);
  known.shown.set(certificate, principal);
  return principal;
}

const faultTexts: Readonly<Record<CertificateFault, string>> = {
  'unknown-issuer': 'its issuer is not trusted here',
  expired: 'it has expired',
  'not-yet-valid': 'it is not valid yet',
  'not-for-clients': 'it is not made for clients',
  unverified: 'the proxy did not find it good',
  unreadable: 'it cannot be read',
};

function bad(detail: string): Refusal {
  return refuse('bad-certificate', { fill: { detail }, note: detail });
}

interface Known {
  /** By the certificate of a connection, which is one object for as long as the connection lasts. */
  readonly shown: WeakMap<PresentedCertificate, Principal>;
  /** By identity and end, so that the connections of one caller share a principal. */
  readonly named: Map<string, Principal>;
}

const principals = new WeakMap<Rules, Known>();

/** Principals that are kept for callers without an open connection; the oldest make room. */
const mostNamed = 10_000;

function principalOf(
  identity: string,
  { expiresAt, fingerprint }: PresentedCertificate,
  { roles: rows }: CertificateRules,
  { policy }: Rules,
  named: Map<string, Principal>,
): Principal {
  const key = `${expiresAt ?? ''} ${fingerprint} ${identity}`;
  const earlier = named.get(key);
  if (earlier !== undefined) return earlier;
  const roles = [...new Set(rows.filter(({ pattern }) => matchesPattern(pattern, identity)).map(({ role }) => role))];
  const principal: Principal = {
    id: `cert:${identity}`,
    kind: 'cert',
    roles,
    access: policy.access(roles),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
  for (const oldest of named.keys()) {
    if (named.size < mostNamed) break;
    named.delete(oldest);
  }
  named.set(key, principal);
  return principal;
}

/** What makes an identity no name: more of it than a record should hold, or what would hide in one. */
const unfit = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

/** Longest identity, in UTF-16 units. */
const longest = 512;

interface Nameless {
  readonly detail: string;
}

/** The one name of the wanted kind; of several none is taken, because which one counts would be chance. */
function identityOf(certificate: PresentedCertificate, kind: CertificateIdentity): string | Nameless {
  const names = namesOf(certificate, kind);
  const [name] = names;
  if (name === undefined || name === '') return { detail: `it has no ${identityWords[kind]}` };
  if (names.length > 1) return { detail: `it has more than one ${identityWords[kind]}` };
  if (name.length > longest || unfit.test(name)) return { detail: `its ${identityWords[kind]} cannot be a name` };
  return name;
}

function namesOf(
  { uris, names, emails, commonName }: PresentedCertificate,
  kind: CertificateIdentity,
): readonly string[] {
  switch (kind) {
    case 'san-uri':
      return uris;
    case 'san-dns':
      return names;
    case 'san-email':
      return emails;
    case 'common-name':
      return [commonName];
  }
}

const identityWords: Readonly<Record<CertificateIdentity, string>> = {
  'san-uri': 'URI in its subject alternative name',
  'san-dns': 'DNS name in its subject alternative name',
  'san-email': 'e-mail address in its subject alternative name',
  'common-name': 'common name',
};
