import { describe, expect, it } from 'vitest';
import type { LinkCredential } from './credential.ts';
import { present } from './credential.ts';
import { linkFailure, type LinkAnswer } from './link.ts';

const refused: LinkAnswer = {
  kind: 'failure',
  failure: linkFailure('unauthorized', 'files refused the credentials it was given.', { httpStatus: 401 }),
};

/** A credential that is another one after each refusal, and a server that refuses the first `bad` of them. */
function setUp(bad: number) {
  let number = 0;
  const sent: string[] = [];
  const credential: LinkCredential = {
    key: 'ada',
    headers: () => ['authorization', `Bearer ${number}`],
    ready: () => undefined,
    accepted: () => undefined,
    refused: () => {
      number += 1;
      return Promise.resolve(undefined);
    },
  };
  const good = { kind: 'answer' } as LinkAnswer;
  const send = (headers: readonly string[]): Promise<LinkAnswer> => {
    sent.push(headers[1] ?? '');
    return Promise.resolve(number < bad ? refused : good);
  };
  return { sent, answer: () => present(credential, send) };
}

describe('a request whose credential is refused', () => {
  it('is sent again with the better one, also when that was outdated meanwhile', async () => {
    const { sent, answer } = setUp(2);
    expect(await answer()).toMatchObject({ kind: 'answer' });
    expect(sent).toEqual(['Bearer 0', 'Bearer 1', 'Bearer 2']);
  });

  it('is given up after three tries', async () => {
    const { sent, answer } = setUp(9);
    expect(await answer()).toBe(refused);
    expect(sent).toHaveLength(3);
  });
});
