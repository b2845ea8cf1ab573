/** What an operator says about a server that speaks HTTP+SSE, the transport of 2024-11-05. */
import type { ClientCertificate } from '@sallyport/guard';

/** A server whose URL opens a stream of events. */
export interface SseOptions {
  readonly kind: 'sse';
  /** Where the stream is; trusted as written, also on loopback and private addresses. */
  readonly url: string;
  /** Our own credentials and other fixed headers, of the stream and of each POST. Values are resolved already. */
  readonly headers: Readonly<Record<string, string>>;
  /** Connections at once for messages to the server. Default 1024. */
  readonly connections?: number;
  /** PEM certificates to trust besides those of Node and of `egress.ca`. */
  readonly ca?: string;
  /** With what we identify ourselves; goes to this server only. */
  readonly clientCertificate?: ClientCertificate;
}
