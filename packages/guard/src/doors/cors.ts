/**
 * What web pages of other origins are told (WHATWG Fetch, CORS): those that the rules list may call with what MCP needs,
 * others learn nothing. Never a wildcard, and never cookies: credentials travel in headers that the page sets itself.
 */
import type { HttpHead, Received } from '../exchange.ts';
import type { Rules } from '../rules.ts';

/** Headers of answers that a page may read. */
const exposed = [
  'WWW-Authenticate',
  'Mcp-Session-Id',
  'Mcp-Protocol-Version',
  'Sallyport-Exchange',
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After',
].join(', ');

/** Headers of requests that a page may send. */
const accepted = [
  'authorization',
  'content-type',
  'accept',
  'last-event-id',
  'mcp-session-id',
  'mcp-protocol-version',
  'mcp-method',
  'mcp-name',
  'traceparent',
  'tracestate',
];

/** Arguments that a header mirrors have names of their own. */
const mirror = /^mcp-param-[a-z0-9!#$%&'*+.^_`|~-]{1,128}$/;

/** Mirrors that one preflight can ask for. */
const mostMirrors = 64;

/** How long a browser may go by the answer to a preflight, seconds. */
const maxAge = '600';

const none: readonly string[] = [];

/**
 * Headers of an answer to a request that a page sent.
 *
 * @param head - of the request
 * @param rules - which name the origins that may call
 * @returns names and values in turn; none where no page, or a page of another origin, asks
 */
export function accessHeaders(head: HttpHead | undefined, rules: Pick<Rules, 'origins'>): readonly string[] {
  const origin = head?.headers['origin'];
  if (origin === undefined) return none;
  if (!rules.origins.has(origin) || head?.repeated.has('origin') === true) return ['Vary', 'Origin'];
  return ['Access-Control-Allow-Origin', origin, 'Access-Control-Expose-Headers', exposed, 'Vary', 'Origin'];
}

/** The method that a page asks leave for; `undefined` where the request is no preflight. */
export function preflightMethod(method: string, headers: HttpHead['headers']): string | undefined {
  return method === 'OPTIONS' && headers['origin'] !== undefined ? headers['access-control-request-method'] : undefined;
}

/** Headers of the answer to a preflight that was found good. */
export function preflightHeaders({ head }: Received): readonly string[] {
  const asked = (head?.headers['access-control-request-headers'] ?? '').toLowerCase().split(',', 256);
  const mirrors = asked.map((name) => name.trim()).filter((name) => mirror.test(name));
  return [
    'Access-Control-Allow-Origin',
    head?.headers['origin'] ?? '',
    'Access-Control-Allow-Methods',
    'GET, POST, DELETE',
    'Access-Control-Allow-Headers',
    [...accepted, ...new Set(mirrors.slice(0, mostMirrors))].join(', '),
    'Access-Control-Max-Age',
    maxAge,
    'Vary',
    'Origin, Access-Control-Request-Method, Access-Control-Request-Headers',
  ];
}
