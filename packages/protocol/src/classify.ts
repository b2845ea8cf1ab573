/**
 * Decides once, at the door, which era and revision a message speaks and which method it asks for. Pure: it never throws
 * and keeps nothing. Order: repeated headers, era, envelope, version header, version, other headers, method.
 */
import type { EnvelopeFault } from './envelope.ts';
import { checkEnvelope, hasClaim, metaOf, PROTOCOL_VERSION_KEY } from './envelope.ts';
import { httpStatusOf, INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, UNSUPPORTED_VERSION } from './errors.ts';
import { stripOws } from './header-value.ts';
import type { HeaderFault, HeaderFields } from './headers.ts';
import { checkRepeated, checkTargetHeaders, checkVersionHeader, headerFault, VERSION_HEADER } from './headers.ts';
import type { Era, JsonObject, Message } from './message.ts';
import type { MethodEntry } from './methods.ts';
import {
  ASSUMED_LEGACY_REVISION,
  eraOf,
  LATEST_LEGACY_REVISION,
  LEGACY_REVISIONS,
  lookupMethod,
  MODERN_REVISION,
  MODERN_REVISIONS,
} from './methods.ts';

/** A message with what the transport says about it. */
export interface Inbound {
  readonly transport: 'http' | 'stdio';
  readonly message: Message;
  /** Header fields of an HTTP request, by lower-case name. */
  readonly headers?: HeaderFields;
  /** Lower-case names of headers that were sent more than once. */
  readonly repeated?: ReadonlySet<string>;
  /** Revision that the caller's session or connection negotiated; holds where a legacy message names none itself. */
  readonly sessionRevision?: string | undefined;
}

/** Why a message is not taken. */
export interface ClassifyFault {
  readonly name: HeaderFault['name'] | 'bad-envelope' | 'unsupported-version' | 'unknown-method' | 'response-not-taken';
  /** JSON-RPC code. */
  readonly code: number;
  /** HTTP status. 202 means that the message is dropped: a legacy notification that nobody knows. */
  readonly status: number;
  /** `data` of the JSON-RPC error, where the specification names it. */
  readonly data?: JsonObject;
}

/** What a message is. */
export type Classification =
  | {
      readonly kind: 'request' | 'notification';
      readonly era: Era;
      readonly revision: string;
      readonly method: MethodEntry;
    }
  | { readonly kind: 'response'; readonly era: Era; readonly revision: string }
  | { readonly kind: 'fault'; readonly era: Era; readonly fault: ClassifyFault };

const NO_HEADERS: HeaderFields = {};

/**
 * Classifies a message that a caller sent to us as a server.
 *
 * @param inbound the message and what came with it
 * @returns era, revision and method, or the first fault with its JSON-RPC code and HTTP status
 */
export function classify(inbound: Inbound): Classification {
  const { message, transport } = inbound;
  const isHttp = transport === 'http';
  const headers = (isHttp ? inbound.headers : undefined) ?? NO_HEADERS;
  const header = headers[VERSION_HEADER];
  const named = header === undefined ? undefined : stripOws(header);
  const isNamedModern = named !== undefined && eraOf(named) === 'modern';
  const meta = metaOf(message.params);
  const isModern = message.kind !== 'response' && isModernMessage(message, meta, isNamedModern);

  const repeated = isHttp ? checkRepeated(inbound.repeated) : undefined;
  if (repeated !== undefined) return ofHeaders(isModern || isNamedModern ? 'modern' : 'legacy', repeated);
  if (isModern) return classifyModern(message, meta, isHttp ? headers : undefined, named);
  if (message.kind === 'response' && isNamedModern) {
    return fault('modern', 'response-not-taken', INVALID_REQUEST, 400);
  }
  if (isNamedModern) return ofHeaders('modern', headerFault('header-mismatch', VERSION_HEADER));
  return classifyLegacy(inbound, named);
}

/** Initialize begins a legacy session, unless a sound envelope says that a modern client has sent it. */
function isModernMessage(message: Message, meta: JsonObject | undefined, isNamedModern: boolean): boolean {
  if (message.method !== 'initialize' || message.kind !== 'request') return hasClaim(meta) || isNamedModern;
  return checkEnvelope(meta) === undefined && eraOf(String(meta?.[PROTOCOL_VERSION_KEY])) === 'modern';
}

function classifyModern(
  message: Message,
  meta: JsonObject | undefined,
  headers: HeaderFields | undefined,
  named: string | undefined,
): Classification {
  const isRequest = message.kind === 'request';
  const envelope = isRequest ? checkEnvelope(meta) : checkClaim(meta);
  if (envelope !== undefined) return fault('modern', 'bad-envelope', INVALID_PARAMS, 400, { envelope });
  if (headers !== undefined) {
    const disagreement = checkVersionHeader(message, headers);
    if (disagreement !== undefined) return ofHeaders('modern', disagreement);
  }
  const claimed = meta?.[PROTOCOL_VERSION_KEY];
  const revision = typeof claimed === 'string' ? claimed : (named ?? MODERN_REVISION);
  if (!MODERN_REVISIONS.includes(revision)) {
    const data = { supported: MODERN_REVISIONS, requested: revision };
    return fault('modern', 'unsupported-version', UNSUPPORTED_VERSION, 400, data);
  }
  if (headers !== undefined) {
    const disagreement = checkTargetHeaders(message, headers);
    if (disagreement !== undefined) return ofHeaders('modern', disagreement);
  }
  return ofMethod(message, 'modern', revision);
}

/** Notifications carry no envelope, but one that names a version must name it well. */
function checkClaim(meta: JsonObject | undefined): EnvelopeFault | undefined {
  if (!hasClaim(meta) || typeof meta[PROTOCOL_VERSION_KEY] === 'string') return undefined;
  return { key: PROTOCOL_VERSION_KEY, problem: 'invalid' };
}

function classifyLegacy(inbound: Inbound, named: string | undefined): Classification {
  const { message, transport, sessionRevision } = inbound;
  if (message.kind === 'request' && message.method === 'initialize') {
    const requested = message.params?.['protocolVersion'];
    const isServed = typeof requested === 'string' && LEGACY_REVISIONS.includes(requested);
    return ofMethod(message, 'legacy', isServed ? requested : LATEST_LEGACY_REVISION);
  }
  if (named !== undefined && !LEGACY_REVISIONS.includes(named)) {
    const data = { supported: LEGACY_REVISIONS, requested: named };
    return fault('legacy', 'unsupported-version', INVALID_REQUEST, 400, data);
  }
  const assumed = transport === 'http' ? ASSUMED_LEGACY_REVISION : LATEST_LEGACY_REVISION;
  const revision = named ?? sessionRevision ?? assumed;
  return message.kind === 'response'
    ? { kind: 'response', era: 'legacy', revision }
    : ofMethod(message, 'legacy', revision);
}

function ofMethod(message: Message, era: Era, revision: string): Classification {
  const method = lookupMethod(revision, message.method ?? '');
  if (method !== undefined && method.kind === message.kind && method.direction !== 'server-to-client') {
    return { kind: method.kind, era, revision, method };
  }
  const isDropped = era === 'legacy' && message.kind === 'notification';
  return fault(era, 'unknown-method', METHOD_NOT_FOUND, isDropped ? 202 : httpStatusOf(METHOD_NOT_FOUND, era));
}

function ofHeaders(era: Era, { name, code, header }: HeaderFault): Classification {
  // Legacy has no code of its own for headers.
  return fault(era, name, era === 'modern' ? code : INVALID_REQUEST, 400, { header });
}

function fault(era: Era, name: ClassifyFault['name'], code: number, status: number, data?: JsonObject): Classification {
  return { kind: 'fault', era, fault: data === undefined ? { name, code, status } : { name, code, status, data } };
}
