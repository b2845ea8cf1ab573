/** Reads the body: strict JSON, JSON-RPC shape, era, agreement of headers and body, and the session it names. */
import { classify, readMessage, type ClassifyFault, type Message, type MessageFault } from '@sallyport/protocol';
import type { CallerSession, Filling, Identified, Parsed } from '../exchange.ts';
import type { Ports } from '../ports.ts';
import { noteQuirk, noteSessionQuirks, noteUnknownMethod } from '../quirks.ts';
import { isRefusal, refuse, type Refusal, type RefusalName } from '../refusals.ts';

/** Turns bytes into a classified message. */
export async function parse(exchange: Identified, ports: Ports): Promise<Parsed | Refusal> {
  if (exchange.connectionId !== undefined) {
    const connection = ports.sessions.find(exchange.connectionId, exchange);
    if (connection === undefined) return refuse('unknown-session');
    Object.assign(exchange, { connection });
  }
  const read = exchange.readBody(exchange.principal);
  const body = read instanceof Promise ? await read : read;
  if (isRefusal(body)) return body;
  const parsed = parseBody(body, exchange, ports);
  if (!isRefusal(parsed)) exchange.onParsed?.(exchange.connection);
  return parsed;
}

function parseBody(body: Uint8Array, exchange: Identified, ports: Ports): Parsed | Refusal {
  const reading = readMessage(body, { maxDepth: exchange.rules.limits.depth });
  if (reading.kind === 'fault') return refuseShape(reading.fault);
  const { message } = reading;
  // Known from here on, so that a refusal can answer its id, or leave a notification unanswered.
  const parsed = exchange as Filling<Parsed>;
  parsed.message = message;
  const session = findSession(exchange, ports);
  const classified = classify({
    transport: exchange.door === 'http' ? 'http' : 'stdio',
    message,
    ...(exchange.head === undefined ? {} : { headers: exchange.head.headers, repeated: exchange.head.repeated }),
    sessionRevision: isRefusal(session) ? undefined : session?.revision,
  });
  if (classified.kind === 'fault') {
    if (classified.fault.name === 'unknown-method') noteUnknownMethod(exchange, message, classified.era);
    return refuseClass(classified.fault);
  }
  const { era, revision } = classified;
  if (era === 'modern') {
    track(exchange.connection, exchange, message);
    return fill(parsed, era, revision, methodOf(classified));
  }
  if (isRefusal(session)) return session;
  const missing = needsSession(classified, session, exchange);
  if (missing) return refuse('session-required');
  noteSessionQuirks(exchange, message, session);
  track(exchange.connection ?? session, exchange, message);
  if (session !== undefined) parsed.session = session;
  return fill(parsed, era, revision, methodOf(classified));
}

function fill(parsed: Filling<Parsed>, era: Parsed['era'], revision: string, method: Parsed['method']): Parsed {
  parsed.era = era;
  parsed.revision = revision;
  parsed.method = method;
  return parsed;
}

/** From here on a cancellation finds the request, however long it waits before it is sent. */
function track(conversation: CallerSession | undefined, exchange: Identified, { kind, id }: Message): void {
  if (conversation === undefined || kind !== 'request' || id === undefined || id === null) return;
  if (!conversation.track(id, exchange.cancellation)) noteQuirk(exchange, 'reused-id');
}

function methodOf(classified: Exclude<ReturnType<typeof classify>, { kind: 'fault' }>): Parsed['method'] {
  return classified.kind === 'response' ? undefined : classified.method;
}

function findSession(exchange: Identified, ports: Ports): CallerSession | Refusal | undefined {
  if (exchange.connection !== undefined) return exchange.connection;
  const id = exchange.head?.headers['mcp-session-id'];
  if (id === undefined) return undefined;
  if (exchange.head?.repeated.has('mcp-session-id') === true) return refuse('unknown-session');
  return ports.sessions.find(id, exchange) ?? refuse('unknown-session');
}

/** Legacy methods that may come before, or without, a session. */
const sessionless = new Set(['initialize', 'ping']);

function needsSession(
  classified: Exclude<ReturnType<typeof classify>, { kind: 'fault' }>,
  session: CallerSession | undefined,
  exchange: Identified,
): boolean {
  if (classified.kind !== 'response' && sessionless.has(classified.method.name)) return false;
  if (session === undefined) return true;
  // Notifications have no envelope, so on a connection that began nothing this one is a modern caller's.
  if (classified.kind === 'notification' && classified.method.name === 'notifications/cancelled') return false;
  return exchange.connection !== undefined && session.revision === undefined;
}

function refuseShape(fault: MessageFault): Refusal {
  const id = typeof fault.id === 'string' || typeof fault.id === 'number' ? { id: fault.id } : {};
  if (fault.code === -32700) return refuse('malformed-json', id);
  return refuse(fault.code === -32602 ? 'invalid-params' : 'invalid-request', { ...id, fill: { detail: fault.name } });
}

const classRefusals = new Map<number, RefusalName>([
  [-32600, 'invalid-request'],
  [-32601, 'unknown-method'],
  [-32602, 'invalid-params'],
  [-32020, 'header-mismatch'],
  [-32022, 'unsupported-version'],
]);

function refuseClass(fault: ClassifyFault): Refusal {
  return refuse(classRefusals.get(fault.code) ?? 'invalid-request', {
    fill: { detail: fault.name },
    ...(fault.data === undefined ? {} : { data: fault.data }),
  });
}
