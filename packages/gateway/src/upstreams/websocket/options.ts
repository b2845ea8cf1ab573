/** What an operator says about a server that is reached over WebSocket. */
import type { ClientCertificate } from '@sallyport/guard';

/** A server at a `ws://` or `wss://` URL. */
export interface WebSocketOptions {
  readonly kind: 'websocket';
  /** Trusted as written, also on loopback and private addresses. */
  readonly url: string;
  /** Our own credentials and other fixed headers of the upgrade request. Values are resolved already. */
  readonly headers: Readonly<Record<string, string>>;
  /** PEM certificates to trust besides those of Node and of `egress.ca`. */
  readonly ca?: string;
  /** With what we identify ourselves; goes to this server only. */
  readonly clientCertificate?: ClientCertificate;
}
