/** What an HTTP status or a broken connection means for a link: one place, so that both eras say the same. */
import { linkFailure, type LinkFailure } from '../link.ts';

/** Response headers as undici gives them. */
export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>;

const MAX_RETRY_AFTER_MS = 3_600_000;

/** Returns a header that must stand once: undefined when it is absent or repeated. */
export const single = (headers: ResponseHeaders, name: string): string | undefined => {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
};

/** Longest challenge that is looked at, characters. */
const LONGEST_CHALLENGE = 4096;

/** What a server asks for in its stead; several challenges are one list (RFC 9110 §11.6.1). */
const challengeIn = (headers: ResponseHeaders): string | undefined => {
  const value = headers['www-authenticate'];
  const text = Array.isArray(value) ? value.join(', ') : value;
  return text === undefined || text.length > LONGEST_CHALLENGE ? undefined : text;
};

const retryAfterMs = (headers: ResponseHeaders, now: number): number | undefined => {
  const value = single(headers, 'retry-after');
  if (value === undefined) return undefined;
  const isSeconds = /^\d{1,9}$/.test(value);
  if (!isSeconds && !/^[A-Z][a-z]{2}, \d/.test(value)) return undefined;
  const ms = isSeconds ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isNaN(ms) ? undefined : Math.min(MAX_RETRY_AFTER_MS, Math.max(0, ms));
};

/**
 * Returns what a status without a usable JSON-RPC body means.
 *
 * @param name - the upstream's name
 * @param now - wall time in milliseconds, for `Retry-After` dates
 * @param redact - takes our own secrets out of the server's words
 */
export const statusFailure = (
  name: string,
  status: number,
  headers: ResponseHeaders,
  now: number,
  redact: (text: string) => string,
): LinkFailure => {
  const detail = `HTTP ${status}`;
  if (status >= 300 && status < 400) {
    const location = single(headers, 'location') ?? 'nowhere';
    return linkFailure('bad-answer', `${name} answered with a redirect, which is not followed.`, {
      detail: `${detail} to ${redact(location)}`,
      httpStatus: status,
    });
  }
  if (status === 401 || status === 403) {
    return linkFailure('unauthorized', `${name} refused the credentials it was given.`, {
      detail,
      httpStatus: status,
      challenge: challengeIn(headers),
    });
  }
  if (status === 429 || status === 503) {
    const wait = retryAfterMs(headers, now);
    return linkFailure('busy', `${name} is too busy.`, {
      detail,
      httpStatus: status,
      ...(wait === undefined ? {} : { retryAfterMs: wait }),
    });
  }
  if (status === 502 || status === 504) {
    return linkFailure('unreachable', `${name} could not be reached.`, { detail, httpStatus: status });
  }
  return linkFailure('bad-answer', `${name} gave no usable answer.`, { detail, httpStatus: status });
};

/** Returns what a connection that failed or broke means. `wasSent`: the request may have reached the upstream. */
export const connectionFailure = (name: string, error: unknown, wasSent: boolean): LinkFailure => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  const text = wasSent ? `${name} broke the connection before its answer.` : `${name} could not be reached.`;
  // What the one client says of itself is in words already.
  const detail = code.startsWith('EGRESS_') && error instanceof Error ? error.message : code;
  return linkFailure('unreachable', text, { detail: `connection: ${detail}`, cause: error });
};
