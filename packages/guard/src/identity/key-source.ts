/**
 * Where the keys of an issuer come from: a URL that the operator wrote, or the document by which an issuer says where they
 * are (RFC 8414 §3, OpenID Connect Discovery §4). Nothing in a token has a say in it.
 */
import { isObject, readJson } from '@sallyport/protocol';
import type { Egress, EgressAnswer, UrlTrust } from '../egress/egress.ts';
import type { Algorithm } from './algorithms.ts';
import { readKeyDocument, type KeyDocument, type KeySetFault } from './key-document.ts';

/** Gives the keys of one issuer. */
export interface KeySource {
  /** Milliseconds between two readings. */
  readonly everyMs: number;
  /** Reads the keys; `unchanged` where a look was enough. Never throws for what is outside. */
  load(): Promise<KeyDocument | KeySetFault | 'unchanged'>;
}

/** How a source at a URL is asked. */
export interface RemoteOptions {
  readonly egress: Egress;
  readonly algorithms: readonly Algorithm[];
  /** Milliseconds between two readings. */
  readonly everyMs: number;
}

/** How long an issuer may take to answer, milliseconds. */
const timeoutMs = 5000;
/** Largest document, bytes. */
const maxBytes = 512 * 1024;
/** Redirects of an address that the operator wrote; each leads to an address from outside. */
const maxRedirects = 3;
/** Readings of the keys for which a discovered address is good. */
const readingsPerDiscovery = 12;

/** Keys at a URL that the operator wrote. */
export function createUrlSource(url: string, options: RemoteOptions): KeySource {
  return { everyMs: options.everyMs, load: () => loadKeys(url, 'operator', options) };
}

/** Keys at the address that the issuer's own metadata names. */
export function createDiscoverySource(issuer: string, options: RemoteOptions): KeySource {
  let address: string | undefined;
  let uses = 0;
  return {
    everyMs: options.everyMs,
    async load() {
      if (address === undefined || uses >= readingsPerDiscovery) {
        const found = await discover(issuer, options.egress);
        if (typeof found !== 'string') return found;
        address = found;
        uses = 0;
      }
      uses += 1;
      const loaded = await loadKeys(address, trustOf(address, issuer), options);
      // The keys may have moved.
      if (loaded.kind === 'fault') address = undefined;
      return loaded;
    },
  };
}

/** What a document names is from outside, unless it is where the operator said that the issuer is. */
function trustOf(address: string, issuer: string): UrlTrust {
  return new URL(address).origin === new URL(issuer).origin ? 'operator' : 'outside';
}

async function loadKeys(
  url: string,
  trust: UrlTrust,
  { egress, algorithms }: RemoteOptions,
): Promise<KeyDocument | KeySetFault> {
  const answer = await get(url, trust, egress);
  if (answer.kind === 'fault') return answer;
  if (answer.status !== 200) return fault(`${shown(url)} answered ${answer.status}`);
  const read = await readKeyDocument(answer.body, algorithms);
  return read.kind === 'fault' ? fault(`${shown(url)}: ${read.message}`) : read;
}

async function get(url: string, trust: UrlTrust, egress: Egress): Promise<EgressAnswer | KeySetFault> {
  const headers = { accept: 'application/json, application/jwk-set+json' };
  const answer = await egress.request({ url, trust, headers, timeoutMs, maxBytes, maxRedirects });
  return answer.kind === 'fault' ? fault(`${shown(url)} could not be read: ${answer.message}`) : answer;
}

/** The addresses at which an issuer's metadata can be, the standard's own first. */
export function metadataAddresses(issuer: string): readonly string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  const inserted = (name: string): string => `${origin}/.well-known/${name}${path}`;
  const appended = `${origin}${path}/.well-known/openid-configuration`;
  return [...new Set([inserted('oauth-authorization-server'), appended, inserted('openid-configuration')])];
}

const metadataBounds = { maxDepth: 16, maxMembers: 2000, maxNodes: 20_000 };

/** Reads the issuer's metadata, which has to name the very issuer that was asked for, and returns its `jwks_uri`. */
async function discover(issuer: string, egress: Egress): Promise<string | KeySetFault> {
  let last = fault('no address was tried');
  for (const address of metadataAddresses(issuer)) {
    const answer = await get(address, 'operator', egress);
    if (answer.kind === 'fault') return answer;
    if (answer.status === 200) return readMetadata(address, answer.body, issuer);
    last = fault(`${shown(address)} answered ${answer.status}`);
    // An issuer in trouble is not one that keeps its metadata elsewhere.
    if (answer.status >= 500 || answer.status === 429) break;
  }
  return last;
}

function readMetadata(address: string, body: Uint8Array, issuer: string): string | KeySetFault {
  const reading = readJson(body, metadataBounds);
  if (reading.kind === 'fault' || !isObject(reading.value)) return fault(`${shown(address)} is not one JSON object`);
  const { issuer: named, jwks_uri: keys } = reading.value;
  if (named !== issuer) {
    const which = typeof named === 'string' ? JSON.stringify(named.slice(0, 200)) : 'none';
    return fault(`${shown(address)} is the metadata of another issuer: ${which}; write \`issuer\` as it stands there`);
  }
  if (typeof keys !== 'string' || !URL.canParse(keys)) return fault(`${shown(address)} names no jwks_uri`);
  const { protocol } = new URL(keys);
  const isSecure = protocol === 'https:' || (protocol === 'http:' && issuer.startsWith('http:'));
  return isSecure ? keys : fault(`${shown(address)} names a jwks_uri that is not https`);
}

/** A URL without what may be secret in it. */
function shown(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}

function fault(message: string): KeySetFault {
  return { kind: 'fault', message };
}
