/** What an operator says about a server that is reached by URL. */
import type { ClientCertificate } from '@sallyport/guard';

/** A server at a URL. */
export interface HttpOptions {
  readonly kind: 'http';
  /** The MCP endpoint; trusted as written, also on loopback and private addresses. */
  readonly url: string;
  /** Our own credentials and other fixed headers, e.g. `authorization`. Values are resolved already. */
  readonly headers: Readonly<Record<string, string>>;
  /** Connections at once for requests. Default 1024. Streams that stay open are not counted. */
  readonly connections?: number;
  /** PEM certificates to trust besides those of Node and of `egress.ca`. */
  readonly ca?: string;
  /** With what we identify ourselves; goes to this server only. */
  readonly clientCertificate?: ClientCertificate;
}
