/**
 * Lets `oauth4webapi` send its requests through the one way out, so that one policy judges every address. What the
 * operator wrote is trusted, and so is whatever lies at the same origin; everything else comes from documents.
 */
import type { Egress, EgressFault, EgressRequest } from '@sallyport/guard';

/** What `oauth4webapi` takes for `fetch`. */
export type OAuthFetch = (url: string, options: OAuthFetchOptions) => Promise<Response>;

/** The part of its options that is used. */
export interface OAuthFetchOptions {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/** A request that had no answer; `oauth4webapi` passes it on as it is. */
export class EgressError extends Error {
  readonly fault: EgressFault;

  constructor(fault: EgressFault) {
    super(fault.message);
    this.name = 'EgressError';
    this.fault = fault;
  }
}

const TIMEOUT_MS = 10_000;
const MAX_BYTES = 256 * 1024;
const METHODS: ReadonlyMap<string, NonNullable<EgressRequest['method']>> = new Map(
  (['GET', 'POST', 'PUT', 'DELETE'] as const).map((method) => [method, method]),
);
/** A `Response` may not have a body under these statuses. */
const BODILESS: ReadonlySet<number> = new Set([101, 204, 205, 304]);

/**
 * Makes a fetch.
 *
 * @param operators - URLs that the operator wrote; what has the origin of one of them is the operator's too
 */
export function fetchOver(egress: Egress, operators: readonly string[]): OAuthFetch {
  const origins = new Set(operators.map((url) => originOf(url)));
  return async (url, { method, headers, body, signal }) => {
    const known = METHODS.get(method);
    if (known === undefined) throw new TypeError(`${method} is not sent`);
    const answer = await egress.request({
      url,
      trust: origins.has(originOf(url)) ? 'operator' : 'outside',
      method: known,
      headers,
      timeoutMs: TIMEOUT_MS,
      maxBytes: MAX_BYTES,
      ...(body === undefined || body === null ? {} : { body: textOf(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
    if (answer.kind === 'fault') throw new EgressError(answer);
    const { status } = answer;
    if (status < 200 || status > 599)
      throw new EgressError({ kind: 'fault', reason: 'redirect', message: `HTTP ${status}` });
    return new Response(BODILESS.has(status) ? null : new Uint8Array(answer.body), { status, headers: answer.headers });
  };
}

function textOf(body: unknown): string {
  if (typeof body === 'string') return body;
  if (body instanceof URLSearchParams) return body.toString();
  throw new TypeError('only text and forms are sent');
}

/** WebSocket endpoints share the origin of their HTTP neighbours. */
function originOf(url: string): string {
  return new URL(url.replace(/^ws(s?):/i, 'http$1:')).origin;
}
