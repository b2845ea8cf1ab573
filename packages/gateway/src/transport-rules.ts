/** What the configuration says about TLS, proxies and client certificates, as the doors and stages read it. */
import {
  compileNetworks,
  compileTextPattern,
  readAnchors,
  type CertificateRules,
  type ProxyRules,
  type TlsMaterial,
  type TrustAnchors,
} from '@sallyport/guard';
import type { Config, TlsConfig } from './config/types.ts';

/** True where callers come over TLS: to the gateway, or to a proxy before it. */
export function isSecure({ tls, publicUrl }: Pick<Config, 'tls' | 'publicUrl'>): boolean {
  return tls !== undefined || publicUrl?.startsWith('https:') === true;
}

/** How client certificates name callers. */
export function certificateRules({ callers, tls }: Pick<Config, 'callers' | 'tls'>): CertificateRules | undefined {
  const { certificates } = callers;
  if (certificates === undefined) return undefined;
  const anchors = anchorsOf(tls?.clientCa);
  return {
    identity: certificates.identity,
    roles: certificates.roles.flatMap(({ pattern: source, role }) => {
      const pattern = compileTextPattern(source);
      return pattern.kind === 'pattern' ? [{ pattern, role }] : [];
    }),
    ...(anchors === undefined ? {} : { anchors }),
  };
}

/** Whose word about callers counts. */
export function proxyRules({ behindProxy, tls }: Pick<Config, 'behindProxy' | 'tls'>): ProxyRules | undefined {
  if (behindProxy === undefined) return undefined;
  const { trusted, certificate } = behindProxy;
  const trusts = compileNetworks(trusted);
  if (certificate === undefined) return { trusts };
  const { ca, ...headers } = certificate;
  const anchors = anchorsOf(ca ?? tls?.clientCa);
  return { trusts, certificate: { ...headers, ...(anchors === undefined ? {} : { anchors }) } };
}

/** What the listener's handshakes need. */
export function tlsMaterial(tls: TlsConfig | undefined): TlsMaterial | undefined {
  if (tls === undefined) return undefined;
  const { cert, key, clientCa } = tls;
  const clientCaDigest = anchorsOf(clientCa)?.digest;
  return {
    cert,
    key: key.reveal(),
    ...(clientCa === undefined ? {} : { clientCa }),
    ...(clientCaDigest === undefined ? {} : { clientCaDigest }),
  };
}

function anchorsOf(pem: string | undefined): TrustAnchors | undefined {
  return pem === undefined ? undefined : readAnchors(pem);
}
