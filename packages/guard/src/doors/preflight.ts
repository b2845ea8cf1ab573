/** Answers the question of a browser whether a page may call (CORS preflight). No caller is known by it, and nothing runs. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CallerStream } from '../exchange.ts';
import { endExchange } from '../pipeline.ts';
import { isRefusal } from '../refusals.ts';
import { receive } from '../stages/receive.ts';
import { preflightHeaders } from './cors.ts';
import { endWhenSpent } from './pace.ts';
import { arrivalOf, readHead, receiveRequest, type HttpContext } from './request.ts';
import { headersUnder } from './security-headers.ts';

const silent: CallerStream = { isOpenable: false, open: () => undefined, send: () => undefined };

/**
 * Answers 204 to a page that may call, wherever the method that it asks for has a door; otherwise what the `receive`
 * stage says.
 *
 * @param method - that the page wants to use
 */
export async function servePreflight(
  request: IncomingMessage,
  response: ServerResponse,
  method: string,
  context: HttpContext,
): Promise<void> {
  const rules = context.rules();
  const arrival = arrivalOf(method, request.url ?? '', rules);
  const head = readHead(request, arrival);
  const exchange = receiveRequest(request, arrival, head, rules, silent, context);
  const judged = receive(exchange, context.ports);
  if (!request.complete) response.shouldKeepAlive = false;
  // Address, Host, Origin and path are judged before the method is.
  if (isRefusal(judged) && judged.name === 'method-not-allowed') {
    response.writeHead(204, ['Sallyport-Exchange', exchange.id, ...headersUnder(rules), ...preflightHeaders(exchange)]);
    response.end();
    return;
  }
  exchange.refusedAt = 'receive';
  const refusal = isRefusal(judged) ? judged : undefined;
  if (refusal === undefined) throw new Error('a preflight was taken for a call');
  const replied = await endExchange(Object.assign(exchange, { refusal }), context.ports);
  endWhenSpent(request, response, replied, context);
  const { status, headers, body } = replied.reply;
  response.writeHead(status, [...headers, 'Content-Length', String(body?.length ?? 0)]);
  response.end(body);
}
