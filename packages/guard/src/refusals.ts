/**
 * Every way in which Sallyport says no, one row each. Documentation, metrics labels, the console and tests read
 * this table; a stage returns a row's name with the facts of the case. Where a row shows: design §4.3.
 */

export type StageName =
  | 'receive'
  | 'identify'
  | 'parse'
  | 'resolve'
  | 'authorize'
  | 'admit'
  | 'inspect'
  | 'intend'
  | 'invoke'
  | 'screen'
  | 'record'
  | 'reply';

/**
 * `door`: HTTP status and JSON-RPC error. `call`: in-band, a tool result with `isError` or a JSON-RPC error whose
 * code is the status. `unknown`: exactly what a target that does not exist gets.
 */
export type RefusalView = 'door' | 'call' | 'unknown';

export interface RefusalRow {
  readonly stage: StageName | 'any';
  readonly shows: RefusalView;
  /** HTTP status at the door; in-band, the JSON-RPC code outside tools/call. */
  readonly status: number;
  /** JSON-RPC code at the door; rows without one use the status as code. */
  readonly code?: number;
  /** What the caller reads, without subject and exchange id. `{…}` is filled from the facts. */
  readonly text: string;
  /** What the caller can do about it. */
  readonly advice: string;
}

const rows = {
  'malformed-host': {
    stage: 'receive',
    shows: 'door',
    status: 400,
    text: 'the Host header is malformed or sent twice',
    advice: 'Send one Host header (RFC 9112 §3.2).',
  },
  'bad-host': {
    stage: 'receive',
    shows: 'door',
    status: 403,
    text: 'this Host is not served here',
    advice: 'Use the configured public address.',
  },
  'bad-origin': {
    stage: 'receive',
    shows: 'door',
    status: 403,
    text: 'this Origin may not call',
    advice: 'Add it to `origins` in the configuration.',
  },
  'disputed-address': {
    stage: 'receive',
    shows: 'door',
    status: 400,
    text: 'X-Forwarded-For and Forwarded disagree about where this request comes from',
    advice: 'Let the proxy set one of them, and take the other away.',
  },
  'no-such-path': {
    stage: 'receive',
    shows: 'door',
    status: 404,
    text: 'no such path',
    advice: 'Use /mcp or /mcp/<server>.',
  },
  'method-not-allowed': {
    stage: 'receive',
    shows: 'door',
    status: 405,
    text: 'this HTTP method is not allowed here',
    advice: 'Send requests with POST; GET and DELETE need an Mcp-Session-Id.',
  },
  'bad-upgrade': {
    stage: 'receive',
    shows: 'door',
    status: 400,
    text: 'the WebSocket handshake is not valid: {detail}',
    advice: 'Offer version 13 and the subprotocol mcp (RFC 6455 §4).',
  },
  'not-text': {
    stage: 'receive',
    shows: 'door',
    status: 415,
    text: 'a message must be one text frame',
    advice: 'Send each message as one text frame of JSON.',
  },
  'body-timeout': {
    stage: 'receive',
    shows: 'door',
    status: 408,
    text: 'the request took too long to arrive',
    advice: 'Send the whole body within the request timeout.',
  },
  'body-too-large': {
    stage: 'receive',
    shows: 'door',
    status: 413,
    text: 'the message is larger than {limit} bytes',
    advice: 'Send less, or raise `limits.body`.',
  },
  'bad-content-type': {
    stage: 'receive',
    shows: 'door',
    status: 415,
    text: 'the content type must be application/json in UTF-8 without content encoding',
    advice: 'Set Content-Type: application/json.',
  },
  'address-limited': {
    stage: 'receive',
    shows: 'door',
    status: 429,
    text: 'too many requests from this address',
    advice: 'Retry after {retryAfter}.',
  },
  'bad-requests-limited': {
    stage: 'receive',
    shows: 'door',
    status: 429,
    text: 'too many requests from this address that cannot be served',
    advice: 'Correct them; retry after {retryAfter}.',
  },
  'bad-http-version': {
    stage: 'receive',
    shows: 'door',
    status: 505,
    text: 'only HTTP/1.1 is spoken here',
    advice: 'Use HTTP/1.1.',
  },
  'credential-in-url': {
    stage: 'receive',
    shows: 'door',
    status: 400,
    text: 'a credential stands in the URL, where logs and histories keep it',
    advice: 'Send it as `Authorization: Bearer`, and have it replaced: it must count as known to others.',
  },
  'bad-authorization': {
    stage: 'identify',
    shows: 'door',
    status: 400,
    text: 'the Authorization header is malformed or sent twice',
    advice: 'Send one `Authorization: Bearer <key>` header.',
  },
  unauthenticated: {
    stage: 'identify',
    shows: 'door',
    status: 401,
    text: 'credentials are needed',
    advice: 'Send `Authorization: Bearer <key>`.',
  },
  'bad-credential': {
    stage: 'identify',
    shows: 'door',
    status: 401,
    text: 'the credential is not valid',
    advice: 'Use a current key.',
  },
  'expired-credential': {
    stage: 'identify',
    shows: 'door',
    status: 401,
    text: 'the credential has expired',
    advice: 'Ask for a new key.',
  },
  'bad-certificate': {
    stage: 'identify',
    shows: 'door',
    status: 401,
    text: 'the client certificate is not accepted: {detail}',
    advice: 'Present a certificate that is in force and of a CA that is trusted here.',
  },
  'identity-unavailable': {
    stage: 'identify',
    shows: 'door',
    status: 503,
    text: 'the credential cannot be judged just now',
    advice: 'Retry after {retryAfter}.',
  },
  'credential-elsewhere': {
    stage: 'identify',
    shows: 'door',
    status: 403,
    text: 'the key may not be used from this address',
    advice: 'Use it from a network that it was made for.',
  },
  'login-limited': {
    stage: 'identify',
    shows: 'door',
    status: 429,
    text: 'too many failed attempts with this credential',
    advice: 'Retry after {retryAfter} with a valid credential.',
  },
  'malformed-json': {
    stage: 'parse',
    shows: 'door',
    status: 400,
    code: -32700,
    text: 'the message is not well-formed JSON',
    advice: 'Send one JSON document in UTF-8.',
  },
  'invalid-request': {
    stage: 'parse',
    shows: 'door',
    status: 400,
    code: -32600,
    text: 'the message is not a valid request: {detail}',
    advice: 'Send one JSON-RPC 2.0 message within the limits.',
  },
  'unknown-method': {
    stage: 'parse',
    shows: 'door',
    status: 404,
    code: -32601,
    text: 'no such method',
    advice: 'Use a method of the protocol revision in use.',
  },
  'invalid-params': {
    stage: 'parse',
    shows: 'door',
    status: 400,
    code: -32602,
    text: 'the parameters are not valid: {detail}',
    advice: 'Correct the parameters.',
  },
  'header-mismatch': {
    stage: 'parse',
    shows: 'door',
    status: 400,
    code: -32020,
    text: 'headers and body disagree: {detail}',
    advice: 'Send each MCP header once, equal to the body.',
  },
  'unsupported-version': {
    stage: 'parse',
    shows: 'door',
    status: 400,
    code: -32022,
    text: 'this protocol version is not supported',
    advice: 'Use one of the supported versions.',
  },
  'session-required': {
    stage: 'parse',
    shows: 'door',
    status: 400,
    code: -32600,
    text: 'this method needs a session',
    advice: 'Send initialize first and return its Mcp-Session-Id, or speak 2026-07-28.',
  },
  'unknown-session': {
    stage: 'parse',
    shows: 'door',
    status: 404,
    text: 'no such session',
    advice: 'Send initialize again.',
  },
  'missing-capability': {
    stage: 'resolve',
    shows: 'door',
    status: 400,
    code: -32021,
    text: 'the request does not declare a capability that it needs: {detail}',
    advice: 'Declare it with the request.',
  },
  'caller-blocked': {
    stage: 'resolve',
    shows: 'call',
    status: 403,
    text: 'you were blocked by an administrator',
    advice: 'Do not retry.',
  },
  'unknown-server': {
    stage: 'resolve',
    shows: 'door',
    status: 404,
    text: 'no such server',
    advice: 'Use /mcp or one of the configured servers.',
  },
  unknown: {
    stage: 'resolve',
    shows: 'unknown',
    status: 404,
    code: -32602,
    text: 'Unknown {kind}: {name}',
    advice: '',
  },
  'bad-handle': {
    stage: 'resolve',
    shows: 'door',
    status: 400,
    code: -32602,
    text: 'the {handle} is not valid here',
    advice: 'Start again without it.',
  },
  forbidden: {
    stage: 'authorize',
    shows: 'unknown',
    status: 403,
    code: -32602,
    text: 'Unknown {kind}: {name}',
    advice: '',
  },
  'step-up': {
    stage: 'authorize',
    shows: 'door',
    status: 403,
    text: 'the token does not carry the scopes that this needs: {scopes}',
    advice: 'Ask the authorization server for a token with all of them.',
  },
  denied: {
    stage: 'authorize',
    shows: 'call',
    status: 403,
    text: 'not allowed for you',
    advice: 'Do not retry.{allowed}',
  },
  blocked: {
    stage: 'authorize',
    shows: 'call',
    status: 403,
    text: 'blocked by an administrator',
    advice: 'Do not retry.',
  },
  'too-many-open': {
    stage: 'admit',
    shows: 'door',
    status: 429,
    text: 'more than {limit} connections of this {kind} are open',
    advice: 'Close one before you open the next.',
  },
  limited: {
    stage: 'admit',
    shows: 'call',
    status: 429,
    text: 'limit of {rate} used',
    advice: 'Retry after {retryAfter}.',
  },
  'too-many-at-once': {
    stage: 'admit',
    shows: 'call',
    status: 429,
    text: 'more than {limit} calls at once',
    advice: 'Wait for an answer before the next call.',
  },
  busy: {
    stage: 'admit',
    shows: 'call',
    status: 503,
    text: 'the server has as many calls at once as it is given',
    advice: 'Retry when others have ended.',
  },
  draining: {
    stage: 'admit',
    shows: 'call',
    status: 503,
    text: 'the gateway is shutting down',
    advice: 'Retry shortly.',
  },
  'bad-arguments': {
    stage: 'inspect',
    shows: 'call',
    status: 400,
    code: -32602,
    text: 'the arguments do not fit the input schema: {detail}',
    advice: 'Correct the arguments.',
  },
  unrecorded: {
    stage: 'intend',
    shows: 'call',
    status: 503,
    text: 'the audit trail cannot be written, so nothing was done',
    advice: 'Retry later; the operator has to look at the audit directory.',
  },
  unavailable: {
    stage: 'invoke',
    shows: 'call',
    status: 502,
    text: 'the server is not available',
    advice: 'Retry later.',
  },
  'bad-answer': {
    stage: 'invoke',
    shows: 'call',
    status: 502,
    text: 'the server sent an unusable answer',
    advice: 'Report it with the exchange id.',
  },
  timeout: {
    stage: 'invoke',
    shows: 'call',
    status: 504,
    text: 'the server did not answer in time',
    advice: 'The call may have taken effect; check before you retry.',
  },
  cancelled: {
    stage: 'invoke',
    shows: 'call',
    status: 499,
    text: 'the call was cancelled',
    advice: '',
  },
  unbridgeable: {
    stage: 'invoke',
    shows: 'call',
    status: 501,
    text: 'this cannot be carried between the two protocol revisions: {detail}',
    advice: 'Use a client of the same revision as the server.',
  },
  'cannot-ask': {
    stage: 'invoke',
    shows: 'call',
    status: 403,
    text: 'the server has to ask something that cannot be asked here: {detail}',
    advice: 'Use a client that declares it, or let the operator allow it with `ask`.',
  },
  'upstream-credentials': {
    stage: 'invoke',
    shows: 'call',
    status: 502,
    text: 'the credentials for the server could not be had',
    advice: 'Retry later; the operator finds the reason under the exchange id.',
  },
  'upstream-identity': {
    stage: 'invoke',
    shows: 'call',
    status: 403,
    text: 'the server acts for people, and you came without a token that says for whom: {detail}',
    advice: 'Call with a token of your authorization server.',
  },
  'upstream-consent': {
    stage: 'invoke',
    shows: 'call',
    status: 403,
    text: 'your account at the server is not connected: {detail}',
    advice:
      'Use a client that can open a URL (elicitation), or let the operator run: sallyport connections open {server} --caller {principal}',
  },
  'consent-refused': {
    stage: 'invoke',
    shows: 'call',
    status: 403,
    text: 'your account at the server was not connected: {detail}',
    advice: 'Call again to be asked again.',
  },
  'answer-too-large': {
    stage: 'screen',
    shows: 'call',
    status: 502,
    text: 'the answer is larger than {limit} bytes',
    advice: 'Ask for less, or raise `limits.message`.',
  },
  internal: {
    stage: 'any',
    shows: 'call',
    status: 500,
    text: 'an internal error',
    advice: 'Report it with the exchange id.',
  },
} as const satisfies Record<string, RefusalRow>;

export type RefusalName = keyof typeof rows;

/** The table, by name. */
export const refusals: Readonly<Record<RefusalName, RefusalRow>> = rows;

/** The facts of one case. Only what the caller may know goes into `fill` and `data`. */
export interface RefusalFacts {
  /** Values for the `{…}` places of the row's text and advice. */
  readonly fill?: Readonly<Record<string, string | number>>;
  readonly retryAfterMs?: number;
  /** HTTP fields that tell of the quota that is spent, names and values in turn. */
  readonly quota?: readonly string[];
  /** Further members of the error's `data`, e.g. `supported` of -32022. */
  readonly data?: Readonly<Record<string, unknown>>;
  /** JSON-RPC id, where the request could be read that far. */
  readonly id?: string | number;
  /** For operators only: never sent to a caller. */
  readonly note?: string;
  readonly cause?: unknown;
}

/** A refusal: which row, and the facts of the case. */
export interface Refusal extends RefusalFacts {
  readonly isRefusal: true;
  readonly name: RefusalName;
}

/**
 * Makes a refusal value.
 *
 * @param name - the row of the table
 * @param facts - the facts of the case; none by default
 */
export function refuse(name: RefusalName, facts: RefusalFacts = {}): Refusal {
  return { isRefusal: true, name, ...facts };
}

/** Tells a refusal from what a stage returns otherwise. */
export function isRefusal(value: unknown): value is Refusal {
  return typeof value === 'object' && value !== null && 'isRefusal' in value && value.isRefusal === true;
}

const place = /\{([a-zA-Z]+)\}/g;

/** Fills a text's `{…}` places; a place without a value becomes empty. */
function fill(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(place, (_, name: string) => String(values[name] ?? ''));
}

/**
 * What the caller reads: the row's text, and what to do about it.
 *
 * @param refusal - the refusal
 * @param subject - what was asked for, e.g. `files.write_file`; absent at the door
 * @param exchange - the exchange id, appended in parentheses
 */
export function describeRefusal(refusal: Refusal, subject: string | undefined, exchange: string): string {
  const row = refusals[refusal.name];
  const values = { ...refusal.fill, ...retryPlace(refusal) };
  if (row.shows === 'unknown') return fill(row.text, values);
  const what = subject === undefined ? 'Sallyport refused' : `Sallyport refused ${subject}`;
  const advice = fill(row.advice, values);
  return `${what}: ${fill(row.text, values)}.${advice === '' ? '' : ` ${advice}`} (${exchange})`;
}

function retryPlace(refusal: Refusal): Record<string, string> {
  if (refusal.retryAfterMs === undefined) return {};
  return { retryAfter: `${Math.ceil(refusal.retryAfterMs / 1000)} s` };
}

/**
 * The machine-readable side of a refusal: `_meta["io.sallyport/refusal"]` of a tool result, `data` of an error.
 */
export function refusalData(refusal: Refusal, exchange: string): Record<string, unknown> {
  const data: Record<string, unknown> = { reason: refusal.name, exchange };
  if (refusal.retryAfterMs !== undefined) data['retryAfterMs'] = Math.ceil(refusal.retryAfterMs);
  return refusal.data === undefined ? data : { ...data, ...refusal.data };
}
