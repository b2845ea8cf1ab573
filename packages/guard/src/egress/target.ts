/**
 * Which URLs are asked at all. What an operator wrote is taken as written. What comes from outside has to be plain:
 * https, a host spelled in one way, no user, an ordinary port.
 */
import type { UrlTrust } from './egress.ts';
import { EgressError } from './egress-error.ts';
import { readAddress } from '../addresses.ts';

/** Where a request goes. */
export interface EgressTarget {
  readonly url: URL;
  readonly trust: UrlTrust;
}

/** The host of a URL without the brackets of IPv6. */
export function hostOf(url: URL): string {
  return url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname;
}

const MAX_URL = 8192;
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

/** Names that never lead to the public internet (RFC 6761, RFC 6762, RFC 8375, and what networks use for themselves). */
const INNER_ENDINGS = new Set([
  'localhost',
  'localdomain',
  'local',
  'internal',
  'intranet',
  'private',
  'corp',
  'home',
  'lan',
  'arpa',
  'svc',
  'onion',
  'invalid',
  'test',
]);
const INNER_NAMES = new Set(['metadata.goog']);

/** Says whether a host can only be a name of this machine or of the network around it. */
export function isInnerName(host: string): boolean {
  if (readAddress(host) !== undefined) return false;
  const last = host.slice(host.lastIndexOf('.') + 1);
  return !host.includes('.') || INNER_ENDINGS.has(last) || INNER_NAMES.has(host);
}

/**
 * Reads a URL and says whether it may be asked. Where it leads is judged when its address is known.
 *
 * @param base - what a relative reference is relative to
 * @returns the target, or why it is none; the message names at most scheme, host and port
 */
export function readTarget(text: string, trust: UrlTrust, base?: URL): EgressTarget | EgressError {
  if (text.length > MAX_URL) return new EgressError('url', `The URL is longer than ${MAX_URL} characters.`);
  if (trust === 'outside') {
    const fault = spellingFault(text, base);
    if (fault !== undefined) return new EgressError('url', fault);
  }
  if (!URL.canParse(text, base?.href)) return new EgressError('url', 'The URL cannot be read.');
  const url = new URL(text, base?.href);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    return new EgressError('scheme', `${url.protocol} is not asked: only https: is.`);
  }
  if (url.username !== '' || url.password !== '') {
    return new EgressError('url', `The URL of ${url.host} holds a user name or password, which is refused.`);
  }
  if (trust === 'outside') {
    const fault = hostFault(url);
    if (fault !== undefined) return new EgressError('url', fault);
  }
  return { url, trust };
}

/** Parsers agree on plain texts only; whoever writes a host in another way wants them to disagree. */
function spellingFault(text: string, base: URL | undefined): string | undefined {
  if (!/^[\x21-\x7e]+$/.test(text) || text.includes('\\')) {
    return 'The URL holds characters that no URL has (RFC 3986).';
  }
  const [, scheme, slashes, authority] = /^([A-Za-z][A-Za-z0-9+.-]*:)?(\/\/([^/?#]*))?/.exec(text) ?? [];
  if (scheme === undefined && base === undefined) return 'The URL has no scheme.';
  // Other schemes are refused by name.
  if (scheme !== undefined && !/^https?:$/i.test(scheme)) return undefined;
  if (slashes === undefined) return scheme === undefined ? undefined : 'The URL has no host.';
  if (authority === undefined || authority === '') return 'The URL has no host.';
  if (authority.includes('@')) return 'The URL holds a user name or password, which is refused.';
  const [, host = '', port] = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/.exec(authority) ?? [];
  if (port !== undefined && !/^[1-9]\d{0,4}$/.test(port)) return 'The port of the URL is written in an odd way.';
  const probe = `https://${host}/`;
  const isPlain = URL.canParse(probe) && (host.startsWith('[') || new URL(probe).hostname === host.toLowerCase());
  return isPlain ? undefined : 'The host of the URL is written in an odd way.';
}

function hostFault(url: URL): string | undefined {
  const host = hostOf(url);
  if (readAddress(host) === undefined) {
    const isName = host.length <= 253 && host.split('.').every((label) => LABEL.test(label));
    if (!isName) return 'The host of the URL is not a name in DNS.';
  }
  const port = Number(url.port);
  // Below are services that a request could be made to look like.
  const isOrdinary = url.port === '' || port === 80 || port === 443 || port >= 1024;
  return isOrdinary ? undefined : `Port ${port} is not asked: URLs from outside lead to 443, 80, or 1024 and above.`;
}
