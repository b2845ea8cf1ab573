/**
 * The HTTP+SSE door of revision 2024-11-05: `GET /sse` opens the stream that answers go to, and names the address to
 * which the caller posts its messages. The address holds for that caller and path alone.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CallerStream, Identified, Received, Reply } from '../exchange.ts';
import { endExchange, runExchange, runHead } from '../pipeline.ts';
import { isRefusal } from '../refusals.ts';
import type { Rules } from '../rules.ts';
import { Conversation, type Channel } from './conversation.ts';
import { noteStatus } from './door.ts';
import { EventStream, type EventStreamOptions } from './event-stream.ts';
import { endWhenSpent } from './pace.ts';
import { readHead, receiveRequest, standingTeller, type Arrival, type HttpContext } from './request.ts';
import { accessHeaders } from './cors.ts';
import { headersUnder } from './security-headers.ts';
import { pathTail } from './path.ts';
import { Session } from './session.ts';

/** Serves one request of this door. */
export function serveSse(
  request: IncomingMessage,
  response: ServerResponse,
  arrival: Arrival,
  rules: Rules,
  context: HttpContext,
  options: EventStreamOptions,
): Promise<void> {
  const head = readHead(request, arrival);
  const late = new LateStream();
  const exchange = receiveRequest(request, arrival, head, rules, late, context);
  return arrival.connectionId === undefined
    ? open(exchange, request, response, context, options)
    : post(exchange, late, request, response, context);
}

async function open(
  exchange: Received,
  request: IncomingMessage,
  response: ServerResponse,
  context: HttpContext,
  options: EventStreamOptions,
): Promise<void> {
  const judged = await runHead(exchange, context.ports);
  const place = isRefusal(judged) ? judged : context.conversations.admit(judged as Identified, context.ports);
  if (isRefusal(place)) {
    if (exchange.refusedAt === undefined) exchange.refusedAt = 'admit';
    const replied = await endExchange(Object.assign(exchange, { refusal: place }), context.ports);
    endWhenSpent(request, response, replied, context);
    write(response, replied.reply);
    return;
  }
  if (response.closed) {
    place.release();
    return;
  }
  const { principal, path, address, head } = judged as Identified;
  const id = context.sessions.mint(judged as Identified);
  const events = new EventStream(response, options);
  const conversation = new Conversation(context, {
    door: 'sse',
    path,
    address,
    session: new Session(id, principal.id, principal.roles, path, context.ports.clock.now()),
    channel: channelOf(events, response),
    ...(principal.expiresAt === undefined ? {} : { expiresAt: principal.expiresAt }),
    ...(head === undefined ? {} : { head, standing: standingTeller(request, head, context) }),
  });
  response.once('close', () => conversation.close('the caller closed the stream'));
  context.conversations.add(conversation, place);
  noteStatus(exchange, 'stream opened', context);
  void conversation.closed.then(() => noteStatus(exchange, 'stream closed', context));
  events.open(exchange, principal.id);
  const messages = `/messages${pathTail(path)}`;
  events.event(Buffer.from(`${messages}?sessionId=${id}`), undefined, 'endpoint');
}

function channelOf(events: EventStream, response: ServerResponse): Channel {
  return {
    get waiting() {
      return events.waiting;
    },
    send: (message) => events.event(message, undefined, 'message'),
    // Messages come as requests of their own, each bounded as such.
    pause: () => undefined,
    resume: () => undefined,
    end() {
      events.end();
      if (response.closed) return undefined;
      return new Promise((resolve) => {
        response.once('close', resolve);
      });
    },
  };
}

/** Takes one message: 202 once it was understood, and what it is answered with goes to the stream. */
async function post(
  exchange: Received,
  late: LateStream,
  request: IncomingMessage,
  response: ServerResponse,
  context: HttpContext,
): Promise<void> {
  let conversation: Conversation | undefined;
  exchange.onParsed = (connection) => {
    conversation = connection === undefined ? undefined : context.conversations.of(connection);
    if (conversation === undefined) return;
    late.to = conversation;
    const { id, head, rules } = exchange;
    const headers = ['Sallyport-Exchange', id, ...headersUnder(rules), ...accessHeaders(head, rules)];
    write(response, { status: 202, headers });
    void conversation.follow(running, exchange);
  };
  const running = runExchange(exchange, context.ports);
  const replied = await running;
  if (conversation !== undefined) return;
  if (!request.complete) response.shouldKeepAlive = false;
  endWhenSpent(request, response, replied, context);
  write(response, replied.reply);
}

/** The stream of a message whose conversation is found on the way. */
class LateStream implements CallerStream {
  to: Conversation | undefined = undefined;

  get isOpenable(): boolean {
    return this.to !== undefined;
  }

  open(): void {
    // The conversation's stream is open for as long as it lasts.
  }

  send(message: Uint8Array): void {
    this.to?.send(message);
  }
}

function write(response: ServerResponse, { status, headers, body }: Reply): void {
  response.writeHead(status, [...headers, 'Content-Length', String(body?.length ?? 0)]);
  response.end(body);
}
