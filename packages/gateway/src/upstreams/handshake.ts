/**
 * How a conversation begins, without the bytes: `server/discover` of 2026-07-28, `initialize` of the revisions before,
 * and how to tell from an answer which of the two a server speaks.
 */
import {
  CLIENT_CAPABILITIES_KEY,
  CLIENT_INFO_KEY,
  HEADER_MISMATCH,
  isObject,
  LATEST_LEGACY_REVISION,
  LEGACY_REVISIONS,
  MISSING_CLIENT_CAPABILITY,
  MODERN_REVISION,
  PROTOCOL_VERSION_KEY,
  SERVER_INFO_KEY,
  UNSUPPORTED_VERSION,
  type JsonObject,
  type Message,
} from '@sallyport/protocol';
import type { LinkPeer } from './link.ts';
import { encodeJson } from './wire.ts';

/** Codes that only a modern server knows. */
export const MODERN_ERRORS: ReadonlySet<unknown> = new Set([
  HEADER_MISMATCH,
  MISSING_CLIENT_CAPABILITY,
  UNSUPPORTED_VERSION,
]);

/** What an answer to `server/discover` says about its server. */
export type DiscoverVerdict =
  | { readonly kind: 'modern'; readonly peer: LinkPeer }
  /** To be spoken to with `initialize`. */
  | { readonly kind: 'legacy' }
  /** Modern, but in revisions that we do not speak, or it refused the probe itself. */
  | { readonly kind: 'unusable'; readonly detail: string };

/** Returns the params of `server/discover`. Discovery declares no client capabilities, whoever will use the link. */
export const discoverParams = (clientInfo: JsonObject): Buffer =>
  encodeJson({
    _meta: {
      [PROTOCOL_VERSION_KEY]: MODERN_REVISION,
      [CLIENT_CAPABILITIES_KEY]: {},
      [CLIENT_INFO_KEY]: clientInfo,
    },
  });

/** Returns the params of `initialize`, which asks for the newest legacy revision. */
export const initializeParams = (clientCapabilities: JsonObject, clientInfo: JsonObject): Buffer =>
  encodeJson({ protocolVersion: LATEST_LEGACY_REVISION, capabilities: clientCapabilities, clientInfo });

const stringsIn = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];

const pickRevision = (revisions: readonly string[]): DiscoverVerdict | undefined => {
  if (LEGACY_REVISIONS.some((revision) => revisions.includes(revision))) return { kind: 'legacy' };
  return undefined;
};

/**
 * Reads the answer to `server/discover`. Whatever is not recognisably modern means legacy (transports, backwards
 * compatibility): falling back must not depend on one error code.
 */
export const readDiscover = (message: Message): DiscoverVerdict => {
  const { result, error } = message.value;
  if (isObject(result)) {
    const revisions = stringsIn(result['supportedVersions']);
    if (revisions.includes(MODERN_REVISION)) {
      return { kind: 'modern', peer: modernPeer(result, revisions) };
    }
    if (revisions.length === 0) return { kind: 'legacy' };
    return pickRevision(revisions) ?? { kind: 'unusable', detail: `speaks only ${revisions.slice(0, 8).join(', ')}` };
  }
  if (!isObject(error) || !MODERN_ERRORS.has(error['code'])) return { kind: 'legacy' };
  const data = isObject(error['data']) ? error['data'] : {};
  const revisions = stringsIn(data['supported']);
  if (error['code'] === UNSUPPORTED_VERSION) {
    return pickRevision(revisions) ?? { kind: 'unusable', detail: `speaks only ${revisions.slice(0, 8).join(', ')}` };
  }
  return { kind: 'unusable', detail: `refused server/discover with ${String(error['code'])}` };
};

const modernPeer = (result: JsonObject, supportedRevisions: readonly string[]): LinkPeer => {
  const meta = isObject(result['_meta']) ? result['_meta'] : {};
  const serverInfo = meta[SERVER_INFO_KEY];
  const { capabilities, instructions } = result;
  return {
    serverInfo: isObject(serverInfo) ? serverInfo : undefined,
    capabilities: isObject(capabilities) ? capabilities : {},
    instructions: typeof instructions === 'string' ? instructions : undefined,
    supportedRevisions,
    discover: result,
  };
};

/** Reads the answer to `initialize`: the revision agreed on and who answers, or why this cannot work. */
export const readInitialize = (
  message: Message,
):
  | { readonly kind: 'legacy'; readonly revision: string; readonly peer: LinkPeer }
  | { readonly kind: 'unusable'; readonly detail: string; readonly isModern: boolean } => {
  const { result, error } = message.value;
  if (!isObject(result)) {
    const code = isObject(error) ? error['code'] : 'no result';
    return { kind: 'unusable', detail: `refused initialize: ${String(code)}`, isModern: MODERN_ERRORS.has(code) };
  }
  const { protocolVersion, capabilities, serverInfo, instructions } = result;
  if (typeof protocolVersion !== 'string' || !LEGACY_REVISIONS.includes(protocolVersion)) {
    const detail = `answered initialize with revision ${JSON.stringify(protocolVersion)}`;
    return { kind: 'unusable', detail, isModern: false };
  }
  return {
    kind: 'legacy',
    revision: protocolVersion,
    peer: {
      serverInfo: isObject(serverInfo) ? serverInfo : undefined,
      capabilities: isObject(capabilities) ? capabilities : {},
      instructions: typeof instructions === 'string' ? instructions : undefined,
      supportedRevisions: [protocolVersion],
      discover: undefined,
    },
  };
};
