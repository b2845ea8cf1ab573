/** The one client with which Sallyport asks others: every address judged, everything bounded, faults as values. */
import { readNetwork } from '../addresses.ts';
import { createConnector } from './connector.ts';
import { ACCEPTED_ENCODINGS } from './decoding.ts';
import type { Egress, EgressAnswer, EgressFault, EgressRequest } from './egress.ts';
import { EgressError, faultOf } from './egress-error.ts';
import { isRedirect, sendHop } from './hop.ts';
import { createPools } from './pools.ts';
import { readProxy } from './proxy.ts';
import { followRedirect, type Journey } from './redirects.ts';
import { dialSystem, lookupSystem, type Dial, type Lookup, type Surroundings } from './route.ts';
import { hostOf, readTarget } from './target.ts';
import { troubleOf } from './trouble.ts';
import { openConnections, type Connections, type ConnectionsOptions } from './connections.ts';
import { openWebSocket, type OpenSocket } from './web-socket.ts';

/** What an operator says about requests that we send. */
export interface EgressSettings {
  /** Blocks in the notation of CIDR that URLs from outside may reach beyond public addresses. Default: none. */
  readonly allow?: readonly string[];
  /** URL of an HTTP proxy, with user and password where it wants them. Default: none; no variable is read. */
  readonly proxy?: string;
  /** PEM certificates to trust besides those of Node. */
  readonly ca?: string;
}

/** What a client is made of. */
export interface EgressOptions extends EgressSettings {
  /** Default: the system's resolver. */
  readonly lookup?: Lookup;
  /** Default: TCP. */
  readonly dial?: Dial;
}

/** A client that can be changed and closed. */
export interface EgressClient extends Egress {
  /** Connections to an origin that an operator wrote, for code that dispatches requests itself. */
  readonly connections: (origin: string, options: ConnectionsOptions) => Connections;
  /** A WebSocket to a URL that an operator wrote. */
  readonly webSocket: OpenSocket;
  /**
   * Opens a connection to an http(s) or ws(s) URL that an operator wrote, TLS included, and closes it again.
   *
   * @returns why it cannot be opened; `undefined` when it can
   */
  reach(url: string, timeoutMs: number): Promise<EgressFault | undefined>;
  /** Takes other settings for all connections that are made from now on; requests under way end on the old ones. */
  change(settings: EgressSettings): void;
  /** Ends all requests and breaks their connections; none is sent any more. */
  close(): Promise<void>;
}

const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_MAX_BYTES = 1024 * 1024;
/** The client writes these itself. */
const OWN_HEADERS = new Set([
  'connection',
  'content-length',
  'host',
  'keep-alive',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Makes a client; nothing is opened yet. Throws `RangeError` for settings that cannot be meant.
 *
 * @returns a client. Its `request` rejects with `RangeError` for headers that only the client may write
 */
export function createEgress(options: EgressOptions = {}): EgressClient {
  const { lookup = lookupSystem, dial = dialSystem } = options;
  let surroundings = readSettings(options, lookup, dial);
  let ca = options.ca;
  let pools = createPools(surroundings, ca);
  const closing = new AbortController();

  const travel = async (request: EgressRequest, signal: AbortSignal): Promise<EgressAnswer | EgressError> => {
    const { url, trust, maxBytes = DEFAULT_MAX_BYTES, maxRedirects = 0 } = request;
    const target = readTarget(url, trust);
    if (target instanceof EgressError) return target;
    let journey: Journey | EgressError = {
      target,
      method: request.method ?? 'GET',
      headers: headersOf(request),
      body: request.body,
      clientCertificate: request.clientCertificate,
    };
    for (let hops = 0; ; hops += 1) {
      if (signal.aborted) return signal.reason as EgressError;
      const { target: at, ...rest } = journey;
      const pool = pools.poolFor(at, rest.clientCertificate);
      const answer = await sendHop(pool, { ...rest, url: at.url, maxBytes, signal });
      if (answer instanceof EgressError) return answer;
      if (!isRedirect(answer)) return { kind: 'answer', ...answer, url: at.url.href };
      if (hops >= maxRedirects) return tooMany(at.url, answer.headers['location'], maxRedirects);
      journey = followRedirect(journey, answer.status, answer.headers['location'] ?? '');
      if (journey instanceof EgressError) return journey;
    }
  };

  const request = async (wanted: EgressRequest): Promise<EgressAnswer | EgressFault> => {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, signal } = wanted;
    const giveUp = new AbortController();
    const cancel = (): void => giveUp.abort(new EgressError('cancelled', 'The request was given up.'));
    const timer = setTimeout(() => {
      giveUp.abort(new EgressError('timeout', `${nameOf(wanted.url)} did not answer in ${timeoutMs} ms.`));
    }, timeoutMs);
    const signals = signal === undefined ? [closing.signal] : [closing.signal, signal];
    for (const one of signals) one.addEventListener('abort', cancel, { once: true });
    if (signals.some(({ aborted }) => aborted)) cancel();
    try {
      const outcome = await travel(wanted, giveUp.signal);
      return outcome instanceof EgressError ? faultOf(outcome) : outcome;
    } finally {
      clearTimeout(timer);
      for (const one of signals) one.removeEventListener('abort', cancel);
    }
  };

  return {
    request,
    connections: (origin, wanted) => openConnections(surroundings, origin, { ...wanted, ca: both(ca, wanted.ca) }),
    webSocket: (wanted, listener) => openWebSocket(surroundings, { ...wanted, ca: both(ca, wanted.ca) }, listener),
    reach(text, timeoutMs) {
      const url = new URL(text.replace(/^ws/i, 'http'));
      const connect = createConnector(surroundings, { ca, trust: 'operator', connectTimeoutMs: timeoutMs });
      const { host, port, protocol } = url;
      return new Promise((resolve) => {
        connect({ host, hostname: hostOf(url), port, protocol }, (error, socket) => {
          socket?.destroy();
          resolve(error === null ? undefined : faultOf(troubleOf(error, url)));
        });
      });
    },
    change(settings) {
      surroundings = readSettings(settings, lookup, dial);
      ca = settings.ca;
      pools.retire();
      pools = createPools(surroundings, ca);
    },
    async close() {
      closing.abort();
      await pools.destroy();
    },
  };
}

/** Returns the headers to send, names in lower case. */
function headersOf({ headers = {} }: EgressRequest): Readonly<Record<string, string>> {
  const own = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  const reserved = own.find(([name]) => OWN_HEADERS.has(name));
  if (reserved !== undefined) throw new RangeError(`the client itself writes ${reserved[0]}`);
  return { 'user-agent': 'Sallyport', 'accept-encoding': ACCEPTED_ENCODINGS, ...Object.fromEntries(own) };
}

function both(one: string | undefined, other: string | undefined): string | undefined {
  return one === undefined || other === undefined ? (one ?? other) : `${one}\n${other}`;
}

function tooMany(from: URL, location: string | undefined, max: number): EgressError {
  const to =
    location !== undefined && URL.canParse(location, from.href) ? new URL(location, from.href).host : 'nowhere';
  const rule = max === 0 ? 'redirects are not followed here' : `more than ${max} redirects are not followed`;
  return new EgressError('redirect', `${from.host} redirects to ${to}, and ${rule}.`);
}

/** A URL may hold secrets, its host does not. */
function nameOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'The server';
}

function readSettings({ allow = [], proxy, ca }: EgressSettings, lookup: Lookup, dial: Dial): Surroundings {
  const networks = allow.map((text) => {
    const read = readNetwork(text);
    if ('message' in read) throw new RangeError(read.message);
    return read;
  });
  const via = proxy === undefined ? undefined : readProxy(proxy, ca);
  if (typeof via === 'string') throw new RangeError(`the proxy cannot be used: ${via}`);
  return { allow: networks, proxy: via, lookup, dial };
}
