/**
 * Requests that Sallyport itself sends: key sets, discovery, introspection, token endpoints, documents, webhooks. One
 * client for all of them, so that one policy judges every address (design §4.1 `egress`, §5).
 */

/**
 * Whose word a URL is. An `operator` wrote it into the configuration, and it is trusted as written, also on loopback and
 * private addresses. Anything from a document, a redirect, a token or a caller comes from `outside`.
 */
export type UrlTrust = 'operator' | 'outside';

/** A certificate with which we identify ourselves, PEM. */
export interface ClientCertificate {
  readonly cert: string;
  readonly key: string;
}

/** One request to the outside. */
export interface EgressRequest {
  readonly url: string;
  readonly trust: UrlTrust;
  /** Default GET. */
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /**
   * Lower-case names. When a redirect leaves the origin, only those that describe the request stay (`accept`,
   * `content-type` and their like): any other may be a credential.
   */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Milliseconds for everything, redirects included. Default 10,000. */
  readonly timeoutMs?: number;
  /** Largest answer, bytes, after decompression too. Default 1 MiB. */
  readonly maxBytes?: number;
  /** Redirects that are followed; each leads to an address from outside. One more is a fault. Default 0. */
  readonly maxRedirects?: number;
  readonly clientCertificate?: ClientCertificate;
  readonly signal?: AbortSignal;
}

/** What came back, whatever its status; a redirect is none. */
export interface EgressAnswer {
  readonly kind: 'answer';
  readonly status: number;
  /** Lower-case names; values of one sent twice are joined. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** Where it came from in the end. */
  readonly url: string;
}

/** Why nothing usable came back. */
export type EgressReason =
  | 'url'
  | 'scheme'
  | 'address'
  | 'name'
  | 'connection'
  | 'certificate'
  | 'timeout'
  | 'too-large'
  | 'encoding'
  | 'redirect'
  | 'cancelled';

/** A request that had no answer. The message is for operators: it may name hosts, never headers or bodies. */
export interface EgressFault {
  readonly kind: 'fault';
  readonly reason: EgressReason;
  readonly message: string;
  readonly cause?: unknown;
}

/** The one way out. */
export interface Egress {
  /** Sends a request; what goes wrong is returned, not thrown. */
  request(request: EgressRequest): Promise<EgressAnswer | EgressFault>;
}
