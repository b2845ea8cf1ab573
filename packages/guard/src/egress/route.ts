/** How a host is reached from here: whose addresses are dialled, which proxy is asked, and what is ours to trust. */
import { lookup as systemLookup } from 'node:dns/promises';
import { connect, isIPv6, type LookupFunction, type Socket } from 'node:net';
import { readAddress, type Network } from '../addresses.ts';
import { whatIs } from './special-addresses.ts';
import { EgressError } from './egress-error.ts';
import { openTunnel, type Proxy } from './proxy.ts';
import { judgeAddresses, judgeDestination, type Destination } from './reach.ts';

/** Returns the addresses of a name, all of them, in the order in which they should be tried. Rejects as `node:dns`. */
export type Lookup = (name: string) => Promise<readonly string[]>;

/** Begins to connect to one of the addresses; which of them is up to the dialler. */
export type Dial = (addresses: readonly string[], port: number) => Socket;

/** What connections of one egress have in common. */
export interface Surroundings {
  /** Blocks beyond the public internet that URLs from outside may reach. */
  readonly allow: readonly Network[];
  readonly proxy: Proxy | undefined;
  readonly lookup: Lookup;
  readonly dial: Dial;
}

/** The system's own resolution, `/etc/hosts` included. */
export const lookupSystem: Lookup = async (name) =>
  (await systemLookup(name, { all: true, order: 'verbatim' })).map(({ address }) => address);

/** Dials the addresses themselves, never a name: what was judged is what is reached. Several are tried in turn. */
export const dialSystem: Dial = (addresses, port) => {
  const [first = ''] = addresses;
  if (addresses.length < 2) return connect({ host: first, port });
  const list = addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }));
  const known: LookupFunction = (_name, _options, done) => done(null, list);
  return connect({
    host: 'judged.invalid',
    port,
    lookup: known,
    autoSelectFamily: true,
  });
};

/**
 * Opens a plain connection to a destination, directly or through the proxy. Public addresses are asked for through the
 * proxy, where there is one, and all others directly. Names from outside are resolved and judged here, and the proxy is
 * told the address that was judged; names that an operator wrote are the proxy's to resolve.
 *
 * Rejects with `EgressError` for what may not be reached, and with the system's errors.
 *
 * @param signal - destroys what is being opened
 */
export async function openRoute(
  to: Destination,
  port: number,
  around: Surroundings,
  signal: AbortSignal,
): Promise<Socket> {
  const refusal = judgeDestination(to, around.allow);
  if (refusal !== undefined) throw refusal;
  const { proxy } = around;
  const addresses = await addressesOf(to, around);
  signal.throwIfAborted();
  if (addresses !== undefined && (proxy === undefined || addresses.every((address) => !isPublic(address)))) {
    return dialled(around.dial(addresses, port), signal);
  }
  if (proxy === undefined) throw new EgressError('name', `${to.host} has no address.`);
  const asked = to.trust === 'operator' ? to.host : (addresses?.find((address) => !isIPv6(address)) ?? addresses?.[0]);
  if (asked === undefined) throw new EgressError('name', `${to.host} has no address.`);
  return openTunnel(proxy, { asked, host: to.host, port }, (host, at) => reachProxy(host, at, around, signal), signal);
}

/** Undefined where only the proxy may know: an operator's name that has no address here. */
async function addressesOf(to: Destination, around: Surroundings): Promise<readonly string[] | undefined> {
  if (readAddress(to.host) !== undefined) return settle(judgeAddresses(to, [to.host], around.allow));
  let found: readonly string[];
  try {
    found = await around.lookup(to.host);
  } catch (cause) {
    if (around.proxy !== undefined && to.trust === 'operator') return undefined;
    throw cause;
  }
  if (found.length > 0) return settle(judgeAddresses(to, found, around.allow));
  if (around.proxy !== undefined && to.trust === 'operator') return undefined;
  throw new EgressError('name', `${to.host} has no address.`);
}

function settle(judged: readonly string[] | EgressError): readonly string[] {
  if (judged instanceof EgressError) throw judged;
  return judged;
}

function isPublic(address: string): boolean {
  const read = readAddress(address);
  return read !== undefined && whatIs(read) === undefined;
}

/** The proxy is an operator's word, and dialled as written. */
async function reachProxy(host: string, port: number, around: Surroundings, signal: AbortSignal): Promise<Socket> {
  const addresses = readAddress(host) === undefined ? await around.lookup(host) : [host];
  signal.throwIfAborted();
  return dialled(around.dial(addresses, port), signal);
}

/** Waits until a socket is connected. */
function dialled(socket: Socket, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      socket.destroy();
      reject(signal.reason);
    };
    const finish = (error: Error | undefined): void => {
      signal.removeEventListener('abort', abort);
      socket.off('connect', onConnect);
      if (error === undefined) resolve(socket);
      else reject(error);
    };
    const onConnect = (): void => finish(undefined);
    // Stays, so that an error between this and the next listener ends nothing.
    socket.on('error', finish);
    socket.on('connect', onConnect);
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
  });
}
