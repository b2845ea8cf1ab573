/**
 * Whose address a request has that came through proxies: the one that the last trusted proxy saw (X-Forwarded-For, and
 * Forwarded of RFC 7239). What stands before it anybody may have written.
 */
import { isIP } from 'node:net';
import { plainAddress } from '../addresses.ts';

/** Says whether an address is a trusted proxy's. */
export type Trust = (address: string) => boolean;

/**
 * Finds the caller's address.
 *
 * @param peer - the trusted proxy that made the connection
 * @param xForwardedFor - the header, lines joined by commas; absent where it was not sent
 * @param forwarded - the same of Forwarded
 * @param trust - tells proxies from callers
 * @returns the last address that is no trusted proxy's, or the first of all where every one is; that of the last proxy
 *   that told something readable; `undefined` where the two headers disagree
 */
export function callerAddress(
  peer: string,
  xForwardedFor: string | undefined,
  forwarded: string | undefined,
  trust: Trust,
): string | undefined {
  const one = xForwardedFor === undefined ? undefined : lastOutside(peer, xForwardedFor.split(','), trust);
  if (forwarded === undefined) return one ?? peer;
  const other = lastOutside(peer, forOfElements(forwarded), trust);
  return one === undefined || one === other ? other : undefined;
}

function lastOutside(peer: string, entries: readonly string[], trust: Trust): string {
  let nearest = peer;
  for (let i = entries.length - 1; i >= 0; i--) {
    const address = nodeAddress(entries[i] ?? '');
    if (address === undefined) return nearest;
    nearest = address;
    if (!trust(address)) return nearest;
  }
  return nearest;
}

/** An address, alone or with a port; IPv6 with a port stands in brackets. */
function nodeAddress(entry: string): string | undefined {
  const text = entry.trim();
  const bracketed = /^\[([0-9A-Fa-f:.]{2,45})\](?::\d{1,5})?$/.exec(text);
  const withPort = /^([\d.]{7,15}):\d{1,5}$/.exec(text);
  const address = plainAddress(bracketed?.[1] ?? withPort?.[1] ?? text);
  return isIP(address) === 0 ? undefined : address;
}

/** One pair, and what separates it from the next. */
const pair =
  /[ \t]*(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:"((?:[^"\\]|\\.)*)"|([!#$%&'*+.^_`|~0-9A-Za-z:[\]-]+)))?[ \t]*([;,]|$)/y;

/**
 * The `for` of each element of Forwarded, in order; one that has none is empty. A header that breaks the grammar has one
 * that cannot be read: a quote that a caller left open would swallow what the proxy added.
 */
function forOfElements(header: string): readonly string[] {
  const found: string[] = [];
  let current = '';
  for (let at = 0; at < header.length;) {
    pair.lastIndex = at;
    const [whole, name, quoted, bare, separator] = pair.exec(header) ?? [];
    if (whole === undefined || whole === '') return [''];
    at += whole.length;
    if (name?.toLowerCase() === 'for') current = quoted ?? bare ?? '';
    if (separator === ';' && at < header.length) continue;
    found.push(current);
    current = '';
  }
  return found;
}
