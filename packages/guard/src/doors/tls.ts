/**
 * TLS in front of the HTTP parser: 1.2 and newer, the certificate replaced while connections go on, and client
 * certificates asked for where there is an authority for them. A wrong one is told by HTTP, not by an alert: a caller
 * reads the reason there.
 */
import type { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { CertificateFault, PresentedCertificate } from '../exchange.ts';
import { findCertificateFault, isForClients, presentedOf } from '../identity/x509.ts';
import type { ShownCertificates } from './standing.ts';

/** What a TLS door needs, as PEM texts that fit together. */
export interface TlsMaterial {
  /** The certificate, and those between it and its authority. */
  readonly cert: string;
  readonly key: string;
  /** Authorities of client certificates; without them none is asked for. */
  readonly clientCa?: string;
  /** Digest of `clientCa`, as `readAnchors` makes it. */
  readonly clientCaDigest?: string;
}

export interface TlsFrontOptions {
  /** How long a caller may take for the handshake, milliseconds. */
  readonly handshakeMs: number;
  /** Takes over a connection whose handshake is done. */
  readonly onSecure: (socket: TLSSocket, raw: Socket) => void;
  /** Takes over a connection of somebody who speaks HTTP without TLS. */
  readonly onPlain: (socket: Socket) => void;
}

/** Shakes hands. */
export interface TlsFront {
  /** Takes a connection that has just come. */
  accept(socket: Socket): void;
  /** Takes other material for the connections that come from now on; throws where it does not fit together. */
  replace(material: TlsMaterial): void;
  /** Tells the certificate of a connection. */
  readonly shown: ShownCertificates;
  /** Cuts what has not shaken hands. */
  close(): void;
}

/** Forward secrecy and authenticated encryption only. */
const ciphers = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
].join(':');

/** The first byte of a handshake (RFC 8446 §5.1), and those that a method begins with. */
const handshake = 22;
const isMethod = (byte: number | undefined): boolean => byte !== undefined && byte >= 65 && byte <= 90;

/** A client certificate as it was found when its connection began. */
interface Shown {
  readonly leaf: X509Certificate;
  readonly between: readonly X509Certificate[];
  readonly certificate: PresentedCertificate;
  /** The authorities that it was judged by. */
  judgedBy: string | undefined;
  fault: CertificateFault | undefined;
}

/** Makes the front. */
export function createTlsFront(material: TlsMaterial, options: TlsFrontOptions): TlsFront {
  const certificates = new WeakMap<Socket, Shown>();
  const pending = new Map<Socket, () => void>();
  let server = serverOf(material);

  /** Never listens: a server is what Node makes the callee's side of a handshake with. */
  function serverOf({ cert, key, clientCa, clientCaDigest }: TlsMaterial): Server {
    const made = createServer({
      cert,
      key,
      ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: false }),
      minVersion: 'TLSv1.2',
      ciphers,
      honorCipherOrder: true,
      ALPNProtocols: ['http/1.1'],
      handshakeTimeout: options.handshakeMs,
    });
    made.on('secureConnection', (socket) => {
      socket.disableRenegotiation();
      const shown = clientCa === undefined ? undefined : readShown(socket, clientCaDigest);
      if (shown !== undefined) certificates.set(socket, shown);
      const raw = rawOf.get(keyOf(socket));
      rawOf.delete(keyOf(socket));
      if (raw === undefined || raw.destroyed) {
        socket.destroy();
        return;
      }
      forget(raw);
      options.onSecure(socket, raw);
    });
    // Whoever does not manage the handshake has had its alert.
    made.on('tlsClientError', (_, socket) => socket.destroy());
    return made;
  }

  const rawOf = new Map<string, Socket>();
  const keyOf = (socket: Socket): string => `${socket.remoteAddress ?? ''} ${socket.remotePort ?? 0}`;

  function forget(raw: Socket): void {
    pending.get(raw)?.();
    pending.delete(raw);
  }

  function look(raw: Socket): void {
    const first = raw.read(1) as Buffer | null;
    if (first === null) {
      raw.once('readable', () => look(raw));
      return;
    }
    raw.unshift(first);
    if (first[0] === handshake) {
      rawOf.set(keyOf(raw), raw);
      server.emit('connection', raw);
      return;
    }
    forget(raw);
    if (isMethod(first[0])) options.onPlain(raw);
    else raw.destroy();
  }

  return {
    accept(raw) {
      const timer = setTimeout(() => raw.destroy(), options.handshakeMs);
      const key = keyOf(raw);
      pending.set(raw, () => clearTimeout(timer));
      const cut = (): void => void raw.destroy();
      raw.once('error', cut);
      raw.once('end', () => {
        if (pending.has(raw)) cut();
      });
      raw.once('close', () => {
        forget(raw);
        if (rawOf.get(key) === raw) rawOf.delete(key);
      });
      look(raw);
    },
    replace(next) {
      server = serverOf(next);
    },
    shown(socket, anchors, now) {
      const shown = certificates.get(socket);
      if (shown === undefined) return {};
      // The connection is older than the authorities: it goes on if they would have let it in.
      if (shown.fault === undefined && shown.judgedBy !== anchors?.digest) {
        shown.judgedBy = anchors?.digest;
        shown.fault =
          anchors === undefined ? 'unknown-issuer' : findCertificateFault(shown.leaf, shown.between, anchors, now);
      }
      return shown.fault === undefined ? { certificate: shown.certificate } : { certificateFault: shown.fault };
    },
    close() {
      for (const raw of [...pending.keys()]) raw.destroy();
    },
  };
}

/** What the caller showed; `undefined` where it showed nothing. */
function readShown(socket: TLSSocket, judgedBy: string | undefined): Shown | undefined {
  const leaf = socket.getPeerX509Certificate();
  if (leaf === undefined) return undefined;
  const between: X509Certificate[] = [];
  for (let next = leaf.issuerCertificate; next !== undefined && between.length < mostBetween;) {
    between.push(next);
    next = next.issuerCertificate;
  }
  const fault = socket.authorized ? undefined : faultOf(String(socket.authorizationError), leaf);
  return { leaf, between, certificate: presentedOf(leaf), judgedBy, fault };
}

/** Certificates above a caller's that are kept. */
const mostBetween = 8;

/** What OpenSSL calls what is wrong with a chain. */
function faultOf(code: string, leaf: X509Certificate): CertificateFault {
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      return 'expired';
    case 'CERT_NOT_YET_VALID':
      return 'not-yet-valid';
    case 'INVALID_PURPOSE':
      // The same is said of an issuer that may not issue.
      return isForClients(leaf) ? 'unknown-issuer' : 'not-for-clients';
    default:
      return 'unknown-issuer';
  }
}
