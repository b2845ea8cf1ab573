/**
 * What TLS connections trust and how they identify us. Verification has no switch: neither an option nor the variables
 * of Node that weaken it reach these contexts. Authorities of an operator are added to those of Node, never put in
 * their place.
 */
import { createHash } from 'node:crypto';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import type { ClientCertificate } from './egress.ts';

/** What tells one TLS client from another. */
export interface TlsIdentity {
  /** PEM certificates to trust besides those of Node. */
  readonly ca?: string | undefined;
  readonly clientCertificate?: ClientCertificate | undefined;
}

const MAX_CONTEXTS = 64;
const contexts = new Map<string, SecureContext>();

/** Names an identity without holding its key. */
export function identityKey({ ca, clientCertificate }: TlsIdentity): string {
  if (ca === undefined && clientCertificate === undefined) return '';
  const parts = [ca ?? '', clientCertificate?.cert ?? '', clientCertificate?.key ?? ''];
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}

/** Returns the context of an identity; made once, because reading all authorities takes long. Throws for bad PEM. */
export function contextOf(identity: TlsIdentity): SecureContext {
  const key = identityKey(identity);
  const known = contexts.get(key);
  if (known !== undefined) return known;
  const { ca, clientCertificate } = identity;
  const context = createSecureContext({
    minVersion: 'TLSv1.2',
    ...(ca === undefined ? {} : { ca: [...getCACertificates('default'), ca] }),
    ...clientCertificate,
  });
  contexts.set(key, context);
  for (const oldest of contexts.keys()) {
    if (contexts.size <= MAX_CONTEXTS) break;
    contexts.delete(oldest);
  }
  return context;
}
