/** A POST or DELETE whose answer holds nothing: notifications, answers to server requests, the end of a session. */
import type { Dispatcher } from 'undici';
import type { LinkFailure } from '../link.ts';
import type { Endpoint } from './endpoint.ts';
import { connectionFailure, statusFailure, type ResponseHeaders } from './trouble.ts';

/**
 * Sends one message that gets no JSON-RPC answer.
 *
 * @param headers - names and values in turn
 * @param body - the message; without one the request is a DELETE
 * @returns undefined when the upstream took it (2xx)
 */
export const sendNotice = (
  endpoint: Endpoint,
  headers: string[],
  body: Buffer | undefined,
): Promise<LinkFailure | undefined> =>
  new Promise((resolve) => {
    let controller: Dispatcher.DispatchController | undefined;
    let wasSent = false;
    const finish = (failure: LinkFailure | undefined): void => {
      timer.cancel();
      resolve(failure);
    };
    const timer = endpoint.ports.timers.after(endpoint.tuning.handshakeMs, () => {
      const error = new Error('no answer in time');
      finish(connectionFailure(endpoint.name, error, wasSent));
      controller?.abort(error);
    });
    endpoint.calls.dispatch(
      { method: body === undefined ? 'DELETE' : 'POST', path: endpoint.path, headers, body: body ?? null },
      {
        onRequestStart(started: Dispatcher.DispatchController): void {
          controller = started;
          wasSent = true;
        },
        onResponseStart(answering: Dispatcher.DispatchController, status: number, headers_: ResponseHeaders): void {
          if (status < 200) return;
          finish(status < 300 ? undefined : statusFailure(endpoint.name, status, headers_, endpoint.ports.clock.now()));
          if (headers_['content-length'] !== '0' && status !== 202 && status !== 204) {
            answering.abort(new Error('the body is of no interest'));
          }
        },
        onResponseData(answering: Dispatcher.DispatchController): void {
          answering.abort(new Error('the body is of no interest'));
        },
        onResponseEnd(): void {},
        onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
          finish(connectionFailure(endpoint.name, error, wasSent));
        },
      },
    );
  });
