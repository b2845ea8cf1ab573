/** A POST or DELETE whose answer holds nothing: notifications, answers to server requests, the end of a session. */
import type { Dispatcher } from 'undici';
import type { LinkFailure } from '../link.ts';
import type { Connections } from '@sallyport/guard';
import type { Endpoint } from './endpoint.ts';
import { connectionFailure, statusFailure, type ResponseHeaders } from './trouble.ts';

/**
 * Sends one message that gets no JSON-RPC answer.
 *
 * @param headers - names and values in turn
 * @param body - the message; without one the request is a DELETE, which gets no more time than a step of stopping
 * @param client - the connections to use; default: those for notices
 * @returns undefined when the upstream took it (2xx)
 */
export const sendNotice = (
  endpoint: Endpoint,
  headers: string[],
  body: Buffer | undefined,
  client: Connections = endpoint.notices,
): Promise<LinkFailure | undefined> =>
  new Promise((resolve) => {
    let controller: Dispatcher.DispatchController | undefined;
    let wasSent = false;
    let isOver = false;
    // The timer outlasts the head of an answer: one that never ends would keep its connection from all others.
    const finish = (failure: LinkFailure | undefined): void => {
      isOver = true;
      resolve(failure);
    };
    const { handshakeMs, stopMs } = endpoint.tuning;
    const timer = endpoint.ports.timers.after(body === undefined ? stopMs : handshakeMs, () => {
      const error = new Error('no answer in time');
      finish(connectionFailure(endpoint.name, error, wasSent));
      controller?.abort(error);
    });
    client.dispatch(
      { method: body === undefined ? 'DELETE' : 'POST', path: endpoint.path, headers, body: body ?? null },
      {
        onRequestStart(started: Dispatcher.DispatchController): void {
          if (isOver) {
            started.abort(new Error('no answer in time'));
            return;
          }
          controller = started;
          wasSent = true;
        },
        onResponseStart(answering: Dispatcher.DispatchController, status: number, headers_: ResponseHeaders): void {
          if (status < 200) return;
          finish(
            status < 300
              ? undefined
              : statusFailure(endpoint.name, status, headers_, endpoint.ports.clock.now(), endpoint.redact),
          );
          if (headers_['content-length'] !== '0' && status !== 202 && status !== 204) {
            answering.abort(new Error('the body is of no interest'));
          }
        },
        onResponseData(answering: Dispatcher.DispatchController): void {
          answering.abort(new Error('the body is of no interest'));
        },
        onResponseEnd(): void {
          timer.cancel();
        },
        onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
          timer.cancel();
          finish(connectionFailure(endpoint.name, error, wasSent));
        },
      },
    );
  });
