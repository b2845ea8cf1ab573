import { describe, expect, it } from 'vitest';
import {
  readQuestions,
  readUrlQuestions,
  toLegacyQuestion,
  toModernQuestion,
  withAnswers,
  writeInputRequired,
} from './input.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const text = (given: Uint8Array | undefined): string | undefined =>
  given === undefined ? undefined : Buffer.from(given).toString();
const read = (result: string) => readQuestions(bytes(result), JSON.parse(result) as object as never);

describe('questions of a modern result', () => {
  it('are read in their order, their params as they were written', () => {
    const found = read(
      '{"inputRequests":{"b":{"method":"x","params":{ "n" : 1.0 }},"\\u0061":{"method":"roots/list"}}}',
    );
    expect(found?.map(({ key, method, params }) => [key, method, text(params)])).toEqual([
      ['b', 'x', '{ "n" : 1.0 }'],
      ['a', 'roots/list', undefined],
    ]);
  });

  it('are none where there is no member, and nothing at all where it is malformed', () => {
    expect(read('{}')).toEqual([]);
    for (const wrong of [
      '[]',
      'null',
      '"x"',
      '{"a":7}',
      '{"a":{}}',
      '{"a":{"method":7}}',
      '{"a":{"method":"x","params":[]}}',
    ]) {
      expect(read(`{"inputRequests":${wrong}}`)).toBeUndefined();
    }
  });

  it('come back from what was written of them', () => {
    const questions = [
      { key: 'q"1', method: 'elicitation/create', params: bytes('{"message":"é"}'), value: { message: 'é' } },
      { key: 'q2', method: 'roots/list', params: undefined, value: undefined },
    ];
    const written = Buffer.from(writeInputRequired(questions, 'st"ate')).toString();
    expect(JSON.parse(written)).toEqual({
      resultType: 'input_required',
      inputRequests: {
        'q"1': { method: 'elicitation/create', params: { message: 'é' } },
        q2: { method: 'roots/list' },
      },
      requestState: 'st"ate',
    });
    expect(read(written)?.map(({ key }) => key)).toEqual(['q"1', 'q2']);
  });
});

describe('the params of a question', () => {
  it('get an id for legacy callers where a page is to be visited, and stay as they were otherwise', () => {
    const params = bytes('{"mode":"url", "url":"u"}');
    expect(JSON.parse(text(toLegacyQuestion(params, 'id')) ?? '')).toEqual({
      mode: 'url',
      url: 'u',
      elicitationId: 'id',
    });
    expect(toLegacyQuestion(params)).toBe(params);
    expect(toLegacyQuestion(undefined, 'id')).toBeUndefined();
  });

  it('lose for modern callers what belongs to the conversation, and nothing else', () => {
    const params = bytes(
      '{"message":"m","elicitationId":"e","task":{},"_meta":{"progressToken":1,"io.modelcontextprotocol/related-task":{},"own":2.0}}',
    );
    expect(text(toModernQuestion(params))).toBe('{"_meta":{"own":2.0},"message":"m"}');
    expect(text(toModernQuestion(bytes('{"message":"m","_meta":{"progressToken":1}}')))).toBe('{"message":"m"}');
    expect(toModernQuestion(undefined)).toBeUndefined();
  });
});

describe('answers to a round', () => {
  it('are put into the params in place of what stood there', () => {
    const params = bytes('{"name":"n","requestState":"old","inputResponses":{"x":1}}');
    const made = withAnswers(params, [['a', bytes('{"action":"accept"}')]], 'new');
    expect(JSON.parse(text(made) ?? '')).toEqual({
      name: 'n',
      inputResponses: { a: { action: 'accept' } },
      requestState: 'new',
    });
    expect(text(withAnswers(params, [], undefined))).toBe('{"name":"n"}');
  });
});

describe('pages that a legacy server wants visited', () => {
  const error = (elicitations: unknown) => ({ code: -32042, message: 'm', data: { elicitations } });
  const page = { mode: 'url', elicitationId: 'e', url: 'https://a.example/', message: 'Go' };

  it('become a question each', () => {
    expect(readUrlQuestions(error([page, page]))?.map(({ key, value }) => [key, value])).toEqual([
      ['page1', { mode: 'url', url: 'https://a.example/', message: 'Go' }],
      ['page2', { mode: 'url', url: 'https://a.example/', message: 'Go' }],
    ]);
  });

  it('are nothing where one cannot be read', () => {
    for (const wrong of [undefined, [], {}, [7], [{ url: 'u' }], [page, { ...page, url: 7 }]]) {
      expect(readUrlQuestions(error(wrong))).toBeUndefined();
    }
    expect(readUrlQuestions({ code: -32042, message: 'm' })).toBeUndefined();
  });
});
