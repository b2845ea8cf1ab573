/** The one client with which Sallyport asks others: every address judged, everything bounded, faults as values. */
import { Pool } from 'undici';
import { readBlock, type AddressBlock } from './addresses.ts';
import { createConnector } from './connector.ts';
import { ACCEPTED_ENCODINGS } from './decoding.ts';
import type { Egress, EgressAnswer, EgressFault, EgressRequest } from './egress.ts';
import { EgressError, faultOf } from './egress-error.ts';
import { isRedirect, sendHop } from './hop.ts';
import { readProxy } from './proxy.ts';
import { followRedirect, type Journey } from './redirects.ts';
import { dialSystem, lookupSystem, type Dial, type Lookup, type Surroundings } from './route.ts';
import { identityKey, type TlsIdentity } from './secure-context.ts';
import { readTarget } from './target.ts';
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
  /** Takes other settings for all connections that are made from now on; requests under way end on the old ones. */
  change(settings: EgressSettings): void;
  /** Breaks all connections that `request` has made. */
  close(): Promise<void>;
}

const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_MAX_BYTES = 1024 * 1024;
const CONNECTIONS_PER_POOL = 64;
const MAX_POOLS = 256;
const IDLE_CONNECTION_MS = 4000;
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
  const pools = new Map<string, Pool>();

  const poolFor = ({ target, clientCertificate }: Journey, connectTimeoutMs: number): Pool => {
    const { origin } = target.url;
    const identity: TlsIdentity = { ca, clientCertificate };
    const key = `${target.trust} ${origin} ${identityKey(identity)}`;
    const known = pools.get(key);
    if (known !== undefined) {
      pools.delete(key);
      pools.set(key, known);
      return known;
    }
    const made = new Pool(origin, {
      connect: createConnector(surroundings, { ...identity, trust: target.trust, connectTimeoutMs }),
      connections: CONNECTIONS_PER_POOL,
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: IDLE_CONNECTION_MS,
      keepAliveMaxTimeout: IDLE_CONNECTION_MS,
      allowH2: false,
      pipelining: 1,
    });
    pools.set(key, made);
    const [oldest] = pools;
    if (pools.size > MAX_POOLS && oldest !== undefined) {
      pools.delete(oldest[0]);
      void oldest[1].close();
    }
    return made;
  };

  const travel = async (request: EgressRequest, signal: AbortSignal): Promise<EgressAnswer | EgressError> => {
    const { url, trust, maxBytes = DEFAULT_MAX_BYTES, maxRedirects = 0 } = request;
    const target = readTarget(url, trust);
    if (target instanceof EgressError) return target;
    let journey: Journey | EgressError = {
      target,
      method: request.method ?? 'GET',
      headers: { 'user-agent': 'Sallyport', 'accept-encoding': ACCEPTED_ENCODINGS, ...request.headers },
      body: request.body,
      clientCertificate: request.clientCertificate,
    };
    for (let hops = 0; ; hops += 1) {
      if (signal.aborted) return signal.reason as EgressError;
      const { target: at, ...rest } = journey;
      const answer = await sendHop(poolFor(journey, DEFAULT_TIMEOUT_MS), { ...rest, url: at.url, maxBytes, signal });
      if (answer instanceof EgressError) return answer;
      if (!isRedirect(answer)) return { kind: 'answer', ...answer, url: at.url.href };
      if (hops >= maxRedirects) return tooMany(at.url, answer.headers['location'], maxRedirects);
      journey = followRedirect(journey, answer.status, answer.headers['location'] ?? '');
      if (journey instanceof EgressError) return journey;
    }
  };

  const request = async (wanted: EgressRequest): Promise<EgressAnswer | EgressFault> => {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, signal } = wanted;
    const own = Object.keys(wanted.headers ?? {}).find((name) => OWN_HEADERS.has(name.toLowerCase()));
    if (own !== undefined) throw new RangeError(`the client itself writes ${own}`);
    const giveUp = new AbortController();
    const cancel = (): void => giveUp.abort(new EgressError('cancelled', 'The request was given up.'));
    const timer = setTimeout(() => {
      giveUp.abort(new EgressError('timeout', `${nameOf(wanted.url)} did not answer in ${timeoutMs} ms.`));
    }, timeoutMs);
    signal?.addEventListener('abort', cancel, { once: true });
    if (signal?.aborted === true) cancel();
    try {
      const outcome = await travel(wanted, giveUp.signal);
      return outcome instanceof EgressError ? faultOf(outcome) : outcome;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
    }
  };

  return {
    request,
    connections: (origin, wanted) => openConnections(surroundings, origin, { ...wanted, ca: both(ca, wanted.ca) }),
    webSocket: (wanted, listener) => openWebSocket(surroundings, { ...wanted, ca: both(ca, wanted.ca) }, listener),
    change(settings) {
      surroundings = readSettings(settings, lookup, dial);
      ca = settings.ca;
      for (const pool of pools.values()) void pool.close();
      pools.clear();
    },
    async close() {
      const open = [...pools.values()];
      pools.clear();
      await Promise.all(open.map((pool) => pool.destroy()));
    },
  };
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
  const blocks = allow.map((text): AddressBlock => {
    const block = readBlock(text);
    if (block === undefined) throw new RangeError(`${text} is not a block of addresses`);
    return block;
  });
  const via = proxy === undefined ? undefined : readProxy(proxy, ca);
  if (typeof via === 'string') throw new RangeError(`the proxy cannot be used: ${via}`);
  return { allow: blocks, proxy: via, lookup, dial };
}
