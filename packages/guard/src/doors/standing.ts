/**
 * Where a request comes from and what certificate its caller showed: to us by TLS, or to a trusted proxy before us. What
 * anybody else writes into the headers of proxies says nothing.
 */
import type { Socket } from 'node:net';
import type { IncomingHttpHeaders } from 'node:http';
import type { CertificateFault, HttpHead, PresentedCertificate } from '../exchange.ts';
import type { TrustAnchors } from '../identity/x509.ts';
import { callerAddress, type Trust } from './forwarded.ts';
import { forwardedCertificate, type ForwardedCertificateRules } from './forwarded-certificate.ts';

/** The proxies that forward callers' requests. */
export interface ProxyRules {
  readonly trusts: Trust;
  /** How they hand on client certificates; absent where they do not. */
  readonly certificate?: ForwardedCertificateRules;
}

/** A certificate, or why the one that was shown is none to go by; neither where none was shown. */
export interface Standing {
  readonly certificate?: PresentedCertificate;
  readonly certificateFault?: CertificateFault;
}

/** Tells the certificate of a TLS connection. */
export type ShownCertificates = (socket: Socket, anchors: TrustAnchors | undefined, now: number) => Standing;

/** What a caller without a certificate has shown. */
export const unshown: Standing = {};

/** The rules that say whom to believe. */
interface StandingRules {
  readonly proxy?: ProxyRules;
  readonly callers: { readonly certificates?: { readonly anchors?: TrustAnchors } };
}

/** True for a connection that a trusted proxy made: it speaks for others. */
export function isFromProxy(socket: Socket, { proxy }: StandingRules): boolean {
  return proxy !== undefined && proxy.trusts(socket.remoteAddress ?? '');
}

/**
 * The address of a request's caller.
 *
 * @returns `undefined` where the headers of a trusted proxy disagree about it
 */
export function addressOf(socket: Socket, headers: IncomingHttpHeaders, rules: StandingRules): string | undefined {
  const peer = socket.remoteAddress ?? '';
  const { proxy } = rules;
  if (proxy === undefined || !isFromProxy(socket, rules)) return peer;
  const told = headers['x-forwarded-for'];
  const list = Array.isArray(told) ? told.join(',') : told;
  return callerAddress(peer, list, headers.forwarded, proxy.trusts);
}

/**
 * What the caller of a request showed.
 *
 * @param socket - of the request
 * @param head - of the request
 * @param rules - in force
 * @param shown - tells the certificates of TLS connections; absent where none are asked for
 * @param now - wall time, milliseconds since the epoch
 */
export function standingOf(
  socket: Socket,
  head: HttpHead,
  rules: StandingRules,
  shown: ShownCertificates | undefined,
  now: number,
): Standing {
  // A proxy's own certificate names the proxy, never the caller.
  if (isFromProxy(socket, rules)) {
    const told = rules.proxy?.certificate;
    return (told === undefined ? undefined : forwardedCertificate(head, told, now)) ?? unshown;
  }
  return shown?.(socket, rules.callers.certificates?.anchors, now) ?? unshown;
}
