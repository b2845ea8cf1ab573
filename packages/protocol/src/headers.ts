/**
 * Agreement of the HTTP headers that mirror a modern request with its body, so that no hop that reads headers and no
 * hop that reads the body can see two different requests (2026-07-28 streamable-http, "Request Metadata").
 */
import { metaOf, PROTOCOL_VERSION_KEY } from './envelope.ts';
import { HEADER_MISMATCH } from './errors.ts';
import { decodeHeaderValue, stripOws } from './header-value.ts';
import type { Message } from './message.ts';
import { lookupMethod, MODERN_REVISION } from './methods.ts';

/** Header fields by lower-case name. */
export type HeaderFields = Readonly<Record<string, string | undefined>>;

/** Why headers and body do not make one request. */
export interface HeaderFault {
  readonly name: 'header-repeated' | 'header-missing' | 'header-mismatch' | 'header-encoding';
  readonly code: typeof HEADER_MISMATCH;
  /** Lower-case name of the header at fault. */
  readonly header: string;
}

export const VERSION_HEADER = 'mcp-protocol-version';
export const METHOD_HEADER = 'mcp-method';
export const NAME_HEADER = 'mcp-name';

/**
 * Makes a fault.
 *
 * @param name what is wrong
 * @param header lower-case name of the header
 * @returns the fault with its code
 */
export function headerFault(name: HeaderFault['name'], header: string): HeaderFault {
  return { name, code: HEADER_MISMATCH, header };
}

/**
 * Refuses any header of the protocol's own that was sent twice, even with equal values: hops differ in which they read.
 *
 * @param repeated lower-case names of headers that were sent more than once
 * @returns the first fault, or `undefined`
 */
export function checkRepeated(repeated: ReadonlySet<string> | undefined): HeaderFault | undefined {
  if (repeated === undefined || repeated.size === 0) return undefined;
  for (const header of repeated) if (header.startsWith('mcp-')) return headerFault('header-repeated', header);
  return undefined;
}

/**
 * Checks `MCP-Protocol-Version` against the version in the body.
 *
 * @param message a modern request or notification
 * @param headers the request's header fields
 * @returns the fault, or `undefined`; a notification may come without the header
 */
export function checkVersionHeader(message: Message, headers: HeaderFields): HeaderFault | undefined {
  const header = headers[VERSION_HEADER];
  const claimed = metaOf(message.params)?.[PROTOCOL_VERSION_KEY];
  if (header === undefined) {
    return message.kind === 'request' ? headerFault('header-missing', VERSION_HEADER) : undefined;
  }
  if (message.kind === 'notification' && claimed === undefined) return undefined;
  return stripOws(header) === claimed ? undefined : headerFault('header-mismatch', VERSION_HEADER);
}

/**
 * Checks `Mcp-Method` and `Mcp-Name` against method and target in the body. The method is compared as written; the name
 * may come in its base64 form.
 *
 * @param message a modern request or notification
 * @param headers the request's header fields
 * @returns the first fault, or `undefined`; a notification may come without them
 */
export function checkTargetHeaders(message: Message, headers: HeaderFields): HeaderFault | undefined {
  const method = headers[METHOD_HEADER];
  if (method === undefined) {
    if (message.kind === 'request') return headerFault('header-missing', METHOD_HEADER);
  } else if (stripOws(method) !== message.method) return headerFault('header-mismatch', METHOD_HEADER);
  if (message.kind !== 'request') return undefined;

  const target = mirroredTarget(message.method ?? '');
  if (target === undefined) return undefined;
  const header = headers[NAME_HEADER];
  const value = message.params?.[target];
  if (header === undefined) return typeof value === 'string' ? headerFault('header-missing', NAME_HEADER) : undefined;
  const decoded = decodeHeaderValue(header);
  if (!decoded.ok) return headerFault('header-encoding', NAME_HEADER);
  return decoded.value === value ? undefined : headerFault('header-mismatch', NAME_HEADER);
}

/**
 * Checks all headers that mirror a modern request, other than `Mcp-Param-*`.
 *
 * @param message a modern request or notification
 * @param headers the request's header fields
 * @param repeated lower-case names of headers that were sent more than once
 * @returns the first fault, or `undefined`
 */
export function checkHeaders(
  message: Message,
  headers: HeaderFields,
  repeated?: ReadonlySet<string>,
): HeaderFault | undefined {
  return checkRepeated(repeated) ?? checkVersionHeader(message, headers) ?? checkTargetHeaders(message, headers);
}

/**
 * Says which member of `params` the `Mcp-Name` header mirrors.
 *
 * @param method a method of the modern revision
 * @returns the member, or `undefined` when the method has no such header
 */
export function mirroredTarget(method: string): 'name' | 'uri' | 'taskId' | undefined {
  const target = lookupMethod(MODERN_REVISION, method)?.target;
  return target === 'ref' ? undefined : target;
}
