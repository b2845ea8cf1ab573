import { readMessage, type Era } from '@sallyport/protocol';
import { describe, expect, it } from 'vitest';
import { linkFailure, troubleIn, type LinkAnswer } from './link.ts';

const answer = (body: object, httpStatus?: number): LinkAnswer => {
  const reading = readMessage(Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...body })));
  if (reading.kind === 'fault') throw new Error(reading.fault.name);
  return { kind: 'answer', message: reading.message, httpStatus };
};

const error = (code: number, id: number | null = 1): object => ({ id, error: { code, message: 'No.' } });

describe('trouble with an upstream', () => {
  it.each([
    ['modern', 'no longer speaks our revision', error(-32_022), 400],
    ['modern', 'no longer speaks our revision, without a status', error(-32_022), undefined],
    ['modern', 'wants a session', error(-32_000, null), 400],
    ['legacy', 'misses modern headers', error(-32_020), 400],
    ['legacy', 'misses modern capabilities, without a status', error(-32_021), undefined],
    ['legacy', 'does not know the session', error(-32_000, null), 400],
  ] as const)('is a server that in the %s era %s', (era, _what, body, status) => {
    expect(troubleIn('files', era, answer(body, status))).toMatchObject({ kind: 'trouble', isOther: true });
  });

  it.each([
    ['modern', { id: 1, result: {} }, 200],
    ['modern', error(-32_601), 404],
    ['modern', error(-32_602), 400],
    ['modern', error(-32_000), 200],
    ['legacy', error(-32_601), 200],
    ['legacy', error(-32_602), 400],
    ['legacy', error(-32_000), 200],
    ['legacy', error(-32_002), undefined],
  ] as const)('is no ordinary answer in the %s era: %j', (era: Era, body, status) => {
    expect(troubleIn('files', era, answer(body, status))).toBeUndefined();
  });

  it('is not looked for inside an answer that is no error, so that nothing is parsed for it', () => {
    const given = answer({ id: 1, result: {} });
    if (given.kind === 'failure') expect.fail('no answer');
    const unparsed = { ...given.message };
    Object.defineProperty(unparsed, 'value', { get: () => expect.fail('it was parsed') });
    expect(troubleIn('files', 'legacy', { ...given, message: unparsed })).toBeUndefined();
  });

  it('is a server that is not reached or not understood, but not one that is busy or slow', () => {
    const of = (reason: 'unreachable' | 'bad-answer' | 'busy' | 'timeout') =>
      troubleIn('files', 'modern', { kind: 'failure', failure: linkFailure(reason, 'No.') });
    expect([of('unreachable'), of('bad-answer')]).toMatchObject([{ isOther: false }, { isOther: false }]);
    expect([of('busy'), of('timeout')]).toEqual([undefined, undefined]);
  });
});
