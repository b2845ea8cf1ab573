/**
 * Streams that a caller holds open over HTTP end when their caller would not be let in any more: its token was revoked,
 * its key taken away, its certificate distrusted, its roles changed. What was running when that happened goes on.
 */
import type { IncomingMessage } from 'node:http';
import { createCanceller } from '../cancellation.ts';
import type { CallerStream, HttpHead, Identified, Received } from '../exchange.ts';
import { judgeAgain } from '../pipeline.ts';
import { isRefusal, type Refusal } from '../refusals.ts';
import { standingTeller, type HttpContext } from './request.ts';

const silent: CallerStream = { isOpenable: false, open: () => undefined, send: () => undefined };

/** A stream's request, with whom it was opened for. */
export type Held = Pick<Received, 'door' | 'path' | 'address'> & {
  readonly head: HttpHead;
  readonly roles: readonly string[];
};

/**
 * Judges the caller of a stream again whenever connections are.
 *
 * @param held - what the stream was opened with
 * @param end - called once its caller would be refused, or has other roles; not while nobody can tell
 * @returns how to forget it
 */
export function watchHeld(held: Held, request: IncomingMessage, end: () => void, context: HttpContext): () => void {
  const { roles, ...opened } = held;
  const standing = standingTeller(request, held.head, context);
  const heed = (judged: Identified | Refusal): void => {
    // An identity provider that is away says nothing against anybody who is in already.
    if (isRefusal(judged) ? judged.name !== 'identity-unavailable' : !isSame(judged.principal.roles, roles)) end();
  };
  return context.conversations.watch(() => {
    const { clock } = context.ports;
    const again: Received = {
      ...opened,
      ...standing(),
      id: '',
      rules: context.rules(),
      time: clock.now(),
      started: clock.monotonic(),
      cancellation: createCanceller(),
      caller: silent,
      readBody: () => Promise.resolve(new Uint8Array()),
      marks: [],
    };
    const judged = judgeAgain(again, context.ports);
    if (!(judged instanceof Promise)) heed(judged);
    // What is thrown here is a bug, and a caller that cannot be judged does not stay.
    else void judged.then(heed).catch(end);
  });
}

function isSame(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((role) => others.includes(role));
}
