/**
 * Asks a legacy caller what a modern server wants to know before it goes on (`input_required`): as requests of our own on
 * the stream of the call, within its session. The answers go back with the next try of the same call.
 */
import { createCanceller, refuse, type Intended, type Refusal, type Session } from '@sallyport/guard';
import { isObject, readQuestions, toLegacyQuestion, type JsonObject, type Question } from '@sallyport/protocol';
import { sessionOf, type Server } from '../servers.ts';
import type { AskAnswer } from '../upstreams/link.ts';
import type { World } from '../world.ts';
import { longestState, mostQuestions, roundMs } from './bounds.ts';
import { declaredBy, findBar } from './declared.ts';
import { askCaller } from './relay.ts';

/** What the next try of the call takes along. */
export interface Round {
  readonly responses: readonly (readonly [key: string, body: Uint8Array])[];
  readonly requestState: string | undefined;
  /** Pages that the caller said it visits; it is told once the server has seen it. */
  readonly pages: readonly string[];
}

/**
 * Asks one round.
 *
 * @param body - the bytes of the server's result
 * @param result - the same, parsed
 * @returns the answers, or why the call cannot go on
 */
export async function askRound(
  body: Uint8Array,
  result: JsonObject,
  exchange: Intended,
  server: Server,
  world: World,
): Promise<Round | Refusal> {
  const session = sessionOf(exchange);
  const questions = readQuestions(body, result);
  const state = result['requestState'];
  if (questions === undefined || (state !== undefined && typeof state !== 'string')) {
    return refuse('bad-answer', { note: 'input_required that cannot be read' });
  }
  if (questions.length === 0 && state === undefined) {
    return refuse('bad-answer', { note: 'input_required that asks nothing' });
  }
  if (questions.length > mostQuestions) return refuse('bad-answer', { note: 'too many questions at once' });
  if (state !== undefined && state.length > longestState)
    return refuse('bad-answer', { note: 'its state is too long' });
  if (questions.length === 0) return { responses: [], requestState: state, pages: [] };
  if (session === undefined) return refuse('cannot-ask', { fill: { detail: 'you have no session' } });
  // All are judged before the first is asked, so that nobody answers for nothing.
  const declared = declaredBy(exchange);
  for (const { method, value } of questions) {
    const detail = findBar(method, value, server.ask, declared);
    if (detail !== undefined) return refuse('cannot-ask', { fill: { detail } });
  }
  const asked = questions.map((question) => ({ question, page: pageOf(question, world) }));
  const answers = await askAll(asked, exchange, session, server, world);
  if (answers === undefined) return refuse('timeout', { note: 'the caller did not answer in time' });
  if (exchange.cancellation.isCancelled || session.isClosed) return refuse('cancelled');
  return readAnswers(asked, answers, state);
}

interface AskedQuestion {
  readonly question: Question;
  /** The id that the caller knows a page by. */
  readonly page: string | undefined;
}

function pageOf({ value }: Question, world: World): string | undefined {
  return value?.['mode'] === 'url' ? Buffer.from(world.random.bytes(16)).toString('base64url') : undefined;
}

/** Asks all at once; `undefined` when the time is over before all have answered. */
async function askAll(
  asked: readonly AskedQuestion[],
  exchange: Intended,
  session: Session,
  server: Server,
  world: World,
): Promise<readonly AskAnswer[] | undefined> {
  const { id, caller, principal, door } = exchange;
  const over = createCanceller();
  let isLate = false;
  const timer = world.timers.after(Math.min(roundMs, server.maxTimeMs), () => {
    isLate = true;
    over.cancel('no answer in time');
  });
  const forget = exchange.cancellation.subscribe((reason) => over.cancel(reason));
  const context = { id, caller, principal, door, cancellation: over };
  const answers = await Promise.all(
    asked.map(({ question, page }) => {
      const params = toLegacyQuestion(question.params, page);
      return askCaller(question.method, params, session, context, server.name, world);
    }),
  );
  timer.cancel();
  forget();
  return isLate ? undefined : answers;
}

function readAnswers(
  asked: readonly AskedQuestion[],
  answers: readonly AskAnswer[],
  requestState: string | undefined,
): Round | Refusal {
  const responses: (readonly [string, Uint8Array])[] = [];
  const pages: string[] = [];
  for (const [index, { question, page }] of asked.entries()) {
    const answer = answers[index];
    if (answer === undefined) continue;
    const value = answer.kind === 'result' ? parse(answer.body) : undefined;
    if (value !== undefined) {
      responses.push([question.key, answer.body]);
      if (page !== undefined && value['action'] === 'accept') pages.push(page);
    } else if (question.method === 'elicitation/create') {
      // A modern server can be told that nobody answered, but not why.
      responses.push([question.key, cancelled]);
    } else {
      return refuse('unbridgeable', { fill: { detail: `you answered ${question.method} with an error` } });
    }
  }
  return { responses, requestState, pages };
}

const cancelled = Buffer.from('{"action":"cancel"}');

function parse(body: Uint8Array): JsonObject | undefined {
  const value: unknown = JSON.parse(Buffer.from(body).toString());
  return isObject(value) ? value : undefined;
}

/** The notification that the server has seen the caller's visit of a page (2025-11-25 elicitation). */
export function pageComplete(page: string): Uint8Array {
  return Buffer.from(
    `{"jsonrpc":"2.0","method":"notifications/elicitation/complete","params":{"elicitationId":${JSON.stringify(page)}}}`,
  );
}
