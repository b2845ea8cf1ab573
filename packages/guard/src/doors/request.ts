/** What every door that hangs on node:http makes of a request: its head, its path, its body, and the exchange. */
import type { IncomingMessage } from 'node:http';
import { createCanceller } from '../cancellation.ts';
import type { CallerStream, DoorKind, DoorPath, Filling, HttpHead, Received } from '../exchange.ts';
import { plainAddress } from '../addresses.ts';
import type { Rules } from '../rules.ts';
import { bodyOwner, type Bodies } from './body.ts';
import type { DoorContext } from './door.ts';
import { addressOf, standingOf, unshown, type ShownCertificates, type Standing } from './standing.ts';

/** What the doors of one listener share. */
export interface HttpContext extends DoorContext {
  readonly bodies: Bodies;
  /** Tells the certificates of TLS connections. */
  readonly shown: ShownCertificates;
}

/** Which door a request has come to, judged by its method and target alone. */
export interface Arrival {
  readonly door: DoorKind;
  /** `undefined` where no door has this target. */
  readonly path: DoorPath | undefined;
  /** The conversation that the target names, at the door for messages of an SSE connection. */
  readonly connectionId?: string;
}

const serverName = '[a-z][a-z0-9-]{0,23}';
const streamable = new RegExp(`^/mcp(?:/(${serverName}))?$`);
const eventDoor = new RegExp(`^/sse(?:/(${serverName}))?$`);
const messageDoor = new RegExp(`^/messages(?:/(${serverName}))?\\?sessionId=([A-Za-z0-9_-]{1,1024})$`);

/** The part of the rules that says where doors are. */
export type ArrivalRules = Pick<Rules, 'doors' | 'views'>;

/** Finds the door of a request; a door that the rules keep closed is not there. */
export function arrivalOf(method: string, target: string, { doors, views }: ArrivalRules): Arrival {
  if (target === '/mcp') return everything;
  const found = streamable.exec(target);
  if (found !== null) return { door: 'http', path: pathTo(found[1], views) };
  if (!doors.sse) return nowhere;
  const stream = method === 'POST' ? null : eventDoor.exec(target);
  if (stream !== null) return { door: 'sse', path: pathTo(stream[1], views) };
  const message = method === 'POST' ? messageDoor.exec(target) : null;
  if (message === null) return nowhere;
  const [, server, connectionId = ''] = message;
  return { door: 'sse', path: pathTo(server, views), connectionId };
}

const all: DoorPath = { kind: 'all' };
const everything: Arrival = { door: 'http', path: all };
const nowhere: Arrival = { door: 'http', path: undefined };

/** Servers and views share their names; one that is neither's is refused later, like a server that is not there. */
function pathTo(name: string | undefined, views: ArrivalRules['views']): DoorPath {
  if (name === undefined) return all;
  return views?.has(name) === true ? { kind: 'view', view: name } : { kind: 'server', server: name };
}

/** The exchange of a request. */
export function receiveRequest(
  request: IncomingMessage,
  arrival: Arrival,
  head: HttpHead,
  rules: Rules,
  caller: CallerStream,
  context: HttpContext,
): Received {
  const { clock } = context.ports;
  const { socket } = request;
  const told = rules.proxy === undefined ? socket.remoteAddress : addressOf(socket, request.headers, rules);
  const address = plainAddress(told ?? socket.remoteAddress ?? '');
  const started = clock.monotonic();
  const received: Filling<Received> = {
    id: context.nextId(),
    door: arrival.door,
    path: arrival.path ?? all,
    rules,
    time: clock.now(),
    started,
    address,
    head,
    ...(arrival.connectionId === undefined ? {} : { connectionId: arrival.connectionId }),
    cancellation: createCanceller(),
    caller,
    readBody: (principal) => context.bodies.read(request, bodyOwner(principal, address), rules.limits),
    marks: [],
  };
  // Only where there can be any: other callers pay nothing for it.
  if (rules.proxy !== undefined && told === undefined) received.isAddressDisputed = true;
  if (rules.callers.certificates !== undefined) {
    Object.assign(received, standingOf(socket, head, rules, context.shown, received.time));
  }
  return received;
}

/** Tells what the caller of a connection has shown, by the rules that are in force when it is asked. */
export function standingTeller(request: IncomingMessage, head: HttpHead, context: HttpContext): () => Standing {
  const { socket } = request;
  return () => {
    const rules = context.rules();
    if (rules.callers.certificates === undefined) return unshown;
    return standingOf(socket, head, rules, context.shown, context.ports.clock.now());
  };
}

/** Reads the head of a request. */
export function readHead(request: IncomingMessage, { door, path }: Arrival): HttpHead {
  const { headers, repeated } = readHeaders(request);
  let hasParamHeaders = false;
  // At the other doors a head speaks for a connection, never for the arguments of one message.
  if (door === 'http') for (const name in headers) if (name.startsWith('mcp-param-')) hasParamHeaders = true;
  return {
    version: request.httpVersion,
    method: request.method ?? '',
    target: request.url ?? '',
    isKnownPath: path !== undefined,
    headers,
    repeated,
    hasParamHeaders,
  };
}

const nothingRepeated: ReadonlySet<string> = new Set();

/**
 * Headers by lower-case name. The parser has made this object already, but it joins or drops what was sent twice; only
 * where something was, the raw list is read.
 */
function readHeaders(request: IncomingMessage): Pick<HttpHead, 'headers' | 'repeated'> {
  const raw = request.rawHeaders;
  const made = request.headers;
  let count = 0;
  for (const _ in made) count += 1;
  // Set-Cookie is the one that is made a list; no request has it for a reason.
  if (count * 2 === raw.length && made['set-cookie'] === undefined) {
    return { headers: made as HttpHead['headers'], repeated: nothingRepeated };
  }
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  const repeated = new Set<string>();
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] ?? '').toLowerCase();
    if (name in headers) repeated.add(name);
    else headers[name] = raw[i + 1] ?? '';
  }
  return { headers, repeated };
}
