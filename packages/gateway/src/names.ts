/** Names and URIs as callers of `/mcp` see them: prefixed by their server, reversible, within the protocol's bounds. */
import { createHash } from 'node:crypto';
import type { DoorPath } from '@sallyport/guard';

/** True where names and URIs carry their server's name: everywhere but at the path of one server. */
export function isPrefixed(path: DoorPath): boolean {
  return path.kind !== 'server';
}

/** Longest tool or prompt name on `/mcp`. */
const longestName = 64;

const legalName = /^[A-Za-z0-9_.-]{1,128}$/;

/** True for names that the protocol allows; definitions with any other name are quarantined. */
export function isLegalName(name: string): boolean {
  return legalName.test(name);
}

/**
 * The name on `/mcp` of a server's tool or prompt: `server__name`, cut to 64 characters with a digest at the end
 * where it is longer.
 */
export function wireName(server: string, name: string): string {
  const full = `${server}__${name}`;
  if (full.length <= longestName) return full;
  const digest = createHash('sha256').update(full).digest('hex').slice(0, 8);
  return `${full.slice(0, longestName - 9)}_${digest}`;
}

/** The URI on `/mcp` of a server's resource: `mcp+<server>:<original>`, and `ui://x` → `ui://<server>/x`. */
export function wireUri(server: string, uri: string): string {
  if (uri.startsWith('ui://')) return `ui://${server}/${uri.slice(5)}`;
  return `mcp+${server}:${uri}`;
}

const prefixedUri = /^mcp\+([a-z][a-z0-9-]{0,23}):([^]*)$/;
const prefixedUi = /^ui:\/\/([a-z][a-z0-9-]{0,23})\/([^]*)$/;

/** Reads a URI of `/mcp` back; `undefined` when it is none. */
export function readWireUri(uri: string): { readonly server: string; readonly uri: string } | undefined {
  const [, server, rest] = prefixedUri.exec(uri) ?? [];
  if (server !== undefined && rest !== undefined) return { server, uri: rest };
  const [, uiServer, path] = prefixedUi.exec(uri) ?? [];
  return uiServer === undefined || path === undefined ? undefined : { server: uiServer, uri: `ui://${path}` };
}
