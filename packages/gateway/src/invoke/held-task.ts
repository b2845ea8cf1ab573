/**
 * Tools of legacy servers that run as tasks only (2025-11-25, `execution.taskSupport: required`), for modern callers, whose
 * revision has no such thing: the task is begun for them, and the call is held until it has ended.
 */
import { createCanceller } from '@sallyport/guard';
import { isObject, withTask, type Message } from '@sallyport/protocol';
import { ownParams } from '../own-request.ts';
import type { Server } from '../servers.ts';
import type { Link, LinkAnswer, LinkListener, LinkRequest } from '../upstreams/link.ts';

/** Hears a call that may become a task, of which the server may then speak by its id. */
export interface HeldListener extends LinkListener {
  task?: string | undefined;
}

/**
 * Sends a call as a task and waits for what comes of it. When nobody waits any more, the server is told to cancel it.
 *
 * @param request - the plain call
 */
export async function holdTask(
  link: Link,
  server: Server,
  request: LinkRequest,
  listener: HeldListener,
): Promise<LinkAnswer> {
  const params = withTask(request.params, server.maxTimeMs);
  const begun = await link.request({ ...request, params }, listener);
  const taskId = begun.kind === 'answer' ? taskOf(begun.message) : undefined;
  // A server may answer at once, or refuse.
  if (taskId === undefined) return begun;
  listener.task = taskId;
  const ended = await link.request(
    {
      id: link.mint(),
      method: 'tasks/result',
      params: ownParams(link, { taskId }),
      timeoutMs: server.maxTimeMs,
      maxTimeMs: server.maxTimeMs,
      cancellation: request.cancellation,
    },
    listener,
  );
  if (ended.kind === 'failure') void cancel(link, server, taskId);
  return ended;
}

function taskOf({ value }: Message): string | undefined {
  const { result } = value;
  const task = isObject(result) ? result['task'] : undefined;
  const id = isObject(task) ? task['taskId'] : undefined;
  return typeof id === 'string' ? id : undefined;
}

async function cancel(link: Link, server: Server, taskId: string): Promise<void> {
  await link.request(
    {
      id: link.mint(),
      method: 'tasks/cancel',
      params: ownParams(link, { taskId }),
      timeoutMs: server.timeoutMs,
      maxTimeMs: server.timeoutMs,
      cancellation: createCanceller(),
    },
    { onMessage: () => undefined, onRequest: () => Promise.reject(new Error('nothing is asked at the end')) },
  );
}
