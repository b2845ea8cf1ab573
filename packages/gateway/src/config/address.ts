/** Readers of addresses, URLs and origins. */
import { isIP } from 'node:net';
import { quoted, text, wrongValue, type Reader, type Reading, type Text } from './reader.ts';
import type { Address } from './types.ts';

const HOST_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}))*$/;

/** Says whether only programs on this machine can reach the host: 127.0.0.0/8, ::1 or localhost. */
export function isLoopback(host: string): boolean {
  if (isIP(host) === 4) return host.startsWith('127.');
  if (isIP(host) === 6) return /^(?:0{0,4}:){2,7}0{0,3}1$/.test(host);
  return host.toLowerCase() === 'localhost';
}

/** Says whether the host stands for every address of this machine. */
export function isWildcard(host: string): boolean {
  return isIP(host) === 4 ? /^0+(?:\.0+){3}$/.test(host) : isIP(host) === 6 && /^[0:]+$/.test(host);
}

/** Writes an address as it stands in the file: `127.0.0.1:8848`, `[::1]:8848`. */
export function formatAddress(address: Address): string {
  return `${isIP(address.host) === 6 ? `[${address.host}]` : address.host}:${address.port}`;
}

/** Splits `host:port`; `undefined` when it is none. */
export function parseAddress(value: string): Address | undefined {
  const parts = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([^\s:[\]]{1,253})):(\d{1,5})$/.exec(value);
  if (parts === null) return undefined;
  const [, six, other, digits] = parts;
  const port = Number(digits);
  const host = six ?? other ?? '';
  const isHost =
    six === undefined ? isIP(host) === 4 || (HOST_NAME.test(host) && !/^[\d.]+$/.test(host)) : isIP(host) === 6;
  return isHost && port <= 65535 ? { host, port } : undefined;
}

/** `host:port` to listen on that only programs on this machine can reach. */
export function loopbackAddress(port: number, what: string, wayOut: string): Reader<Address> {
  return addressReader(port, (address, found, reading) => refuseClear(address, found, reading, what, wayOut));
}

/** `host:port` for callers: any, where their connections are protected. */
export const doorAddress: Reader<Address> = addressReader(8848, (address, found, reading) => {
  const wayOut =
    ', and let a proxy with TLS on this machine forward to it; its address goes into publicUrl. Or add tls: { cert, key }, or behindProxy';
  return reading.isProtected ? address : refuseClear(address, found, reading, 'listening', wayOut);
});

function addressReader(
  port: number,
  judge: (address: Address, found: Text, reading: Reading) => Address | undefined,
): Reader<Address> {
  const example = `127.0.0.1:${port}`;
  return text('an address', example, {}, (found, reading) => {
    const address = parseAddress(found.value);
    if (address === undefined) {
      const meant = /^:?(\d{1,5})$/.exec(found.value)?.[1];
      const help = meant === undefined ? example : `127.0.0.1:${meant}`;
      return wrongValue(found, reading, `${quoted(found.shown)} is not host:port`, `write ${help}`);
    }
    return isLoopback(address.host) ? address : judge(address, found, reading);
  });
}

function refuseClear(address: Address, found: Text, reading: Reading, what: string, wayOut: string): undefined {
  const message = `${what} on ${quoted(found.shown)} would be reachable from other machines without encryption, which is refused`;
  return wrongValue(found, reading, message, `write 127.0.0.1:${address.port}${wayOut}`);
}

/** The address under which callers reach the gateway: `https://host`, or `http://` on loopback. */
export const publicUrl: Reader<string> = text(
  'a URL',
  'https://mcp.example.com',
  { format: 'uri' },
  (found, reading) => {
    const url = parseUrl(found.value);
    if (url === undefined)
      return wrongValue(found, reading, `${quoted(found.shown)} is not a URL`, 'write https://mcp.example.com');
    if (url.pathname !== '/' || url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '') {
      const message = `${quoted(found.shown)} has more than a host: callers' paths begin at the root`;
      return wrongValue(found, reading, message, `write ${url.origin}`);
    }
    if (url.protocol === 'http:' && !isLoopback(bareHost(url))) {
      return wrongValue(found, reading, 'keys would travel without encryption', `write https://${url.host}`);
    }
    return url.origin;
  },
);

/** An Origin that browsers may send: scheme, host and port. */
export const webOrigin: Reader<string> = text('an origin', 'https://app.example.com', {}, (found, reading) => {
  if (found.value === '*' || found.value === 'null') {
    const message = `${quoted(found.shown)} would let every web page use the callers' credentials`;
    return wrongValue(found, reading, message, 'name each origin, e.g. https://app.example.com');
  }
  const url = parseUrl(found.value);
  if (url !== undefined && url.origin === found.value) return found.value;
  const help = url === undefined ? 'https://app.example.com' : url.origin;
  return wrongValue(found, reading, `${quoted(found.shown)} is not an origin (scheme, host, port)`, `write ${help}`);
});

/** Where an upstream is: the operator's own word, so loopback and private addresses are fine. */
export const upstreamUrl: Reader<string> = text(
  'a URL',
  'https://api.example.com/mcp',
  { format: 'uri' },
  (found, reading) => {
    if (found.secret?.isKnown === false) return found.value;
    const url = parseUrl(found.value, /^(?:http|ws)s?:\/\//i);
    if (url === undefined) {
      return wrongValue(
        found,
        reading,
        `${quoted(found.shown)} is not an http(s) or ws(s) URL`,
        'write https://api.example.com/mcp',
      );
    }
    if (url.username !== '' || url.password !== '') {
      reading.log.hide(found.node.origin, found.node.written.length);
      reading.log.report(found.node.origin, {
        code: 'literal-secret',
        message: 'the URL holds a user name or password',
        suggestion:
          'remove it from the URL and write auth: { bearer: env:NAME } or auth: { header: { NAME: env:NAME } }',
        length: found.node.written.length,
      });
      return undefined;
    }
    if (url.hash !== '') {
      const help = `write ${url.protocol}//${url.host}${url.pathname}`;
      return wrongValue(found, reading, 'a fragment (#…) never reaches a server', help);
    }
    return url.href;
  },
);

function parseUrl(value: string, scheme = /^https?:\/\//i): URL | undefined {
  if (!scheme.test(value) || /[\s\\]/.test(value)) return undefined;
  return URL.canParse(value) ? new URL(value) : undefined;
}

/** The host of a URL without the brackets of IPv6. */
export function bareHost(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}
