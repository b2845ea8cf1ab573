/** An outside world for tests: answers by URL, and everything that was asked. */
import type { Egress, EgressAnswer, EgressFault, EgressRequest } from '@sallyport/guard';

/** One request as it was made. */
export interface AskedRequest extends EgressRequest {
  readonly form: URLSearchParams;
}

/** What a URL answers: a JSON body, a status with one, or a fault. */
export type Answering = (
  request: AskedRequest,
) => object | { readonly status: number; readonly body: object } | EgressFault;

/** The outside world. */
export interface TestEgress extends Egress {
  readonly asked: AskedRequest[];
  readonly answers: Map<string, Answering>;
}

/** Makes a world in which nothing answers yet. */
export function makeEgress(answers: Readonly<Record<string, Answering | object>> = {}): TestEgress {
  const asked: AskedRequest[] = [];
  const table = new Map(
    Object.entries(answers).map(([url, answer]): [string, Answering] => [
      url,
      typeof answer === 'function' ? (answer as Answering) : () => answer,
    ]),
  );
  return {
    asked,
    answers: table,
    async request(request) {
      const text = typeof request.body === 'string' ? request.body : '';
      const made = { ...request, form: new URLSearchParams(text) };
      asked.push(made);
      await Promise.resolve();
      const answering = table.get(request.url);
      if (answering === undefined) return answerOf(request.url, 404, {});
      const answer = answering(made);
      if ('kind' in answer && answer.kind === 'fault') return answer;
      const isFull = 'status' in answer && 'body' in answer;
      return isFull ? answerOf(request.url, answer.status, answer.body) : answerOf(request.url, 200, answer);
    },
  };
}

function answerOf(url: string, status: number, body: object): EgressAnswer {
  const headers = { 'content-type': 'application/json' };
  return { kind: 'answer', status, headers, body: Buffer.from(JSON.stringify(body)), url };
}
