/** Notifications and responses that callers send: heard, never answered. */
import type { Answer, Intended } from '@sallyport/guard';
import { sessionOf } from '../servers.ts';

const heard: Answer = { kind: 'result', body: new Uint8Array(), isToolError: false, interim: 0 };

/** Takes a posted response to whoever asked. */
export function takeResponse(exchange: Intended): Answer {
  sessionOf(exchange)?.settle(exchange.message);
  return heard;
}

/** Takes a notification: a cancellation acts on calls of the same conversation only, all others need no action. */
export function takeNotification(exchange: Intended): Answer {
  if (exchange.message.method !== 'notifications/cancelled') return heard;
  const id = exchange.message.params?.['requestId'];
  if (typeof id === 'string' || typeof id === 'number') {
    (exchange.connection ?? exchange.session)?.cancel(id, 'the caller cancelled the call');
  }
  return heard;
}
