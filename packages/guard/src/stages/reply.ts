/** Encodes the end of an exchange: status, headers, and one JSON-RPC message in the caller's era (design §4.3). */
import { httpStatusOf, LATEST_LEGACY_REVISION } from '@sallyport/protocol';
import { accessHeaders } from '../doors/cors.ts';
import { safeHeaders, strictHeaders } from '../doors/security-headers.ts';
import type { Answer, Filling, Recorded, Replied, Reply } from '../exchange.ts';
import { challengeOf, type ChallengeFacts } from '../identity/resource.ts';
import {
  describeRefusal,
  refusalData,
  refusals,
  type Refusal,
  type RefusalName,
  type RefusalRow,
} from '../refusals.ts';

const opening = Buffer.from('{"jsonrpc":"2.0","id":');
const resultKey = Buffer.from(',"result":');
const errorKey = Buffer.from(',"error":');
const closing = Buffer.from('}');

/** Adds the reply. */
export function reply(exchange: Recorded): Replied {
  const replied = exchange as Filling<Replied>;
  replied.reply = 'refusal' in exchange ? replyRefusal(exchange) : replyAnswer(exchange);
  return replied;
}

function replyAnswer(exchange: Extract<Recorded, { screened: Answer }>): Reply {
  const { screened, message, era } = exchange;
  if (message.kind !== 'request') return { status: 202, headers: baseHeaders(exchange) };
  const status = screened.kind === 'error' && screened.code !== undefined ? statusInBand(screened.code, era) : 200;
  const headers = jsonHeaders(exchange);
  if (screened.headers !== undefined) headers.push(...screened.headers);
  if (exchange.quota !== undefined) headers.push(...exchange.quota);
  if (screened.body.length < longBody)
    return { status, headers, body: envelope(exchange, screened.kind, screened.body) };
  return new LongReply(status, headers, envelopeParts(exchange, screened.kind, screened.body));
}

/** From this many bytes on a copy costs more than to write in pieces. */
const longBody = 8 * 1024;

/** A reply whose message is put together only where a door wants it whole. */
class LongReply implements Reply {
  readonly status: number;
  readonly headers: readonly string[];
  readonly parts: readonly Uint8Array[];

  constructor(status: number, headers: readonly string[], parts: readonly Uint8Array[]) {
    this.status = status;
    this.headers = headers;
    this.parts = parts;
  }

  get body(): Uint8Array {
    return Buffer.concat(this.parts);
  }
}

/** A modern answer's code can have an HTTP status of its own; anything else is told in-band. */
function statusInBand(code: number, era: 'modern' | 'legacy'): number {
  return era === 'modern' && code !== -32602 ? httpStatusOf(code, era) : 200;
}

/** Wraps an encoded result or error in the caller's own id bytes. */
function envelope(exchange: Recorded, kind: 'result' | 'error', body: Uint8Array): Uint8Array {
  return Buffer.concat(envelopeParts(exchange, kind, body));
}

function envelopeParts(exchange: Recorded, kind: 'result' | 'error', body: Uint8Array): readonly Uint8Array[] {
  const span = exchange.message?.spans.id;
  const id = span === undefined ? undefined : exchange.message?.bytes.subarray(span.start, span.end);
  if (id === undefined) return [Buffer.from(`{"jsonrpc":"2.0","${kind}":`), body, closing];
  return [opening, id, kind === 'result' ? resultKey : errorKey, body, closing];
}

function replyRefusal(exchange: Extract<Recorded, { refusal: Refusal }>): Reply {
  const { refusal } = exchange;
  const row: RefusalRow = refusals[refusal.name];
  // Where no message was read, nobody knows yet that it is a call; a refusal with its reason helps more than a status.
  const isAtDoor = row.shows === 'door' && (refusal.name !== 'step-up' || exchange.door === 'http');
  if (isAtDoor || exchange.message === undefined) return replyAtDoor(exchange, refusal, row);
  if (exchange.message.kind !== 'request') return { status: row.status, headers: baseHeaders(exchange) };
  if (row.shows === 'unknown') return replyUnknown(exchange, refusal);
  const status = exchange.rules.refusals === 'status' ? row.status : 200;
  const text = describeRefusal(refusal, exchange.target?.key, exchange.id);
  const data = refusalData(refusal, exchange.id);
  const headers = jsonHeaders(exchange);
  headers.push(...waitHeaders(refusal, status), ...(refusal.quota ?? exchange.quota ?? []));
  if (exchange.method?.name === 'tools/call') {
    const result = {
      ...(exchange.era === 'modern' ? { resultType: 'complete' } : {}),
      content: [{ type: 'text', text }],
      isError: true,
      _meta: { 'io.sallyport/refusal': data },
    };
    return { status, headers, body: envelope(exchange, 'result', encode(result)) };
  }
  const error = { code: row.code ?? row.status, message: text, data };
  return { status, headers, body: envelope(exchange, 'error', encode(error)) };
}

/** The protocol's own answer for a thing that does not exist; nothing in it tells whether it does. */
function replyUnknown(exchange: Recorded, refusal: Refusal): Reply {
  const isResource = exchange.method?.target === 'uri';
  const error = {
    code: isResource && exchange.era === 'legacy' ? -32002 : -32602,
    message: describeRefusal(refusal, undefined, exchange.id),
    ...(isResource ? { data: { uri: exchange.message?.params?.['uri'] } } : {}),
  };
  return { status: 200, headers: jsonHeaders(exchange), body: envelope(exchange, 'error', encode(error)) };
}

function replyAtDoor(exchange: Recorded, refusal: Refusal, row: RefusalRow): Reply {
  // JSON-RPC 2.0 §4.1: a notification is not answered, not even one that nobody knows.
  const isNotified = exchange.message?.kind === 'notification';
  if (isNotified && refusal.name === 'unknown-method') return { status: 202, headers: baseHeaders(exchange) };
  const headers = jsonHeaders(exchange);
  const challenge = challengeFor(exchange, refusal, row);
  if (challenge !== undefined) headers.push('WWW-Authenticate', challenge);
  if (row.status === 405) headers.push('Allow', 'POST');
  headers.push(...waitHeaders(refusal, row.status), ...(refusal.quota ?? []));
  const code = row.code ?? row.status;
  const isLegacy = isLegacyCaller(exchange);
  const error = {
    code,
    message: describeRefusal(refusal, undefined, exchange.id),
    data: refusalData(refusal, exchange.id),
  };
  const body = encode({ jsonrpc: '2.0', ...idOf(exchange, refusal), error });
  // Legacy clients read an HTTP error status as a broken connection; what they can learn from comes in-band.
  const isInBand = isLegacy && (code === -32601 || code === -32602) && exchange.head?.method !== 'GET';
  const status = isInBand ? 200 : row.status;
  return { status, headers, body };
}

/** The status gives the field its meaning (RFC 9110 §10.2.3); within an answer of status 200 the data says it. */
function waitHeaders({ retryAfterMs }: Refusal, status: number): readonly string[] {
  if (retryAfterMs === undefined || status < 300) return [];
  return ['Retry-After', String(Math.max(1, Math.ceil(retryAfterMs / 1000)))];
}

/** What the header says about each refusal of a credential (RFC 6750 §3.1); the advice for people has no place in it. */
const faults: Partial<Record<RefusalName, Pick<ChallengeFacts, 'error' | 'description'>>> = {
  'bad-authorization': { error: 'invalid_request', description: 'One Authorization header is needed' },
  unauthenticated: {},
  'bad-certificate': {},
  'expired-credential': { error: 'invalid_token', description: 'The credential has expired' },
  'step-up': { error: 'insufficient_scope', description: 'The token does not carry every scope that this needs' },
};

/** Says how to get a credential that would do; `undefined` where none would help. */
function challengeFor(exchange: Recorded, refusal: Refusal, row: RefusalRow): string | undefined {
  const fault = faults[refusal.name];
  if (fault === undefined && row.status !== 401) return undefined;
  const { rules, path, principal } = exchange;
  const needed = refusal.data?.['scopes'];
  return challengeOf(rules.resource, path, {
    ...(fault ?? { error: 'invalid_token', description: 'The credential is not valid here' }),
    ...(Array.isArray(needed) ? { scopes: needed.map(String) } : {}),
    principal,
  });
}

function isLegacyCaller(exchange: Recorded): boolean {
  if (exchange.era !== undefined) return exchange.era === 'legacy';
  const named = exchange.head?.headers['mcp-protocol-version'];
  return named === undefined ? exchange.head !== undefined : named <= LATEST_LEGACY_REVISION;
}

/** An id that could not be read is left out, or `null` before revision 2025-11-25 (JSON-RPC 2.0 §5). */
function idOf(exchange: Recorded, refusal: Refusal): { readonly id?: string | number | null } {
  const id = refusal.id ?? exchange.message?.id;
  if (id !== undefined && id !== null) return { id };
  const revision = exchange.head?.headers['mcp-protocol-version'] ?? exchange.connection?.revision ?? '';
  return revision < LATEST_LEGACY_REVISION ? { id: null } : {};
}

function encode(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function baseHeaders({ id, head, rules }: Recorded): string[] {
  const safe = rules.isSecure === true ? strictHeaders : safeHeaders;
  const headers = ['Sallyport-Exchange', id, ...safe];
  if (head?.headers['origin'] !== undefined) headers.push(...accessHeaders(head, rules));
  return headers;
}

function jsonHeaders({ id, head, rules }: Recorded): string[] {
  const safe = rules.isSecure === true ? strictHeaders : safeHeaders;
  const headers = ['Content-Type', 'application/json', 'Sallyport-Exchange', id, ...safe];
  if (head?.headers['origin'] !== undefined) headers.push(...accessHeaders(head, rules));
  return headers;
}
