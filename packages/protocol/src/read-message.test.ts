import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Message } from './message.ts';
import { isObject } from './object.ts';
import { readMessage } from './read-message.ts';
import { corpusLines, corpusNote, hasCorpus } from './shared-corpus.test-support.ts';

function messageOf(text: string): Message {
  const reading = readMessage(Buffer.from(text));
  if (reading.kind === 'fault') throw new Error(`refused: ${reading.fault.name}`, { cause: reading.fault });
  return reading.message;
}

function faultOf(text: string): unknown {
  const reading = readMessage(Buffer.from(text));
  return reading.kind === 'fault' ? { ...reading.fault } : 'taken';
}

/** The spans of a message as the text that they cover. */
function spansOf(message: Message): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [name, span] of Object.entries(message.spans)) {
    if (isObject(span))
      texts[name] = Buffer.from(message.bytes).subarray(Number(span['start']), Number(span['end'])).toString();
  }
  return texts;
}

function request(rest: string): string {
  return `{"jsonrpc":"2.0","id":1,${rest}}`;
}

describe('readMessage', () => {
  it('tells requests, notifications and responses apart', () => {
    expect(messageOf('{"jsonrpc":"2.0","id":"a","method":"ping"}')).toMatchObject({
      kind: 'request',
      id: 'a',
      method: 'ping',
      params: undefined,
    });
    expect(messageOf('{"jsonrpc":"2.0","method":"n","params":{"a":1}}')).toMatchObject({
      kind: 'notification',
      id: undefined,
      method: 'n',
      params: { a: 1 },
    });
    expect(messageOf('{"jsonrpc":"2.0","id":0,"result":{}}')).toMatchObject({
      kind: 'response',
      id: 0,
      method: undefined,
    });
    const error = '"error":{"code":-32601,"message":"no"}';
    expect(messageOf(`{"jsonrpc":"2.0","id":7,${error}}`)).toMatchObject({ kind: 'response', id: 7 });
    expect(messageOf(`{"jsonrpc":"2.0","id":null,${error}}`)).toMatchObject({ kind: 'response', id: null });
    expect(messageOf(`{"jsonrpc":"2.0",${error}}`)).toMatchObject({ kind: 'response', id: undefined });
  });

  it('takes ids that are strings or safe integers, and no others', () => {
    for (const id of ['0', '-0', '-5', '9007199254740991', '""', '"__proto__"', `"${'x'.repeat(1024)}"`]) {
      expect(messageOf(`{"jsonrpc":"2.0","id":${id},"method":"m"}`).id).toEqual(JSON.parse(id));
    }
    const refused = ['null', '1.5', 'true', '{}', '[]', '9007199254740992', '-9007199254740993', '1e300'];
    for (const id of [...refused, `"${'x'.repeat(1025)}"`, `"${'é'.repeat(513)}"`]) {
      expect(faultOf(`{"jsonrpc":"2.0","id":${id},"method":"m"}`)).toEqual({ name: 'bad-id', code: -32600 });
    }
    expect(faultOf('{"jsonrpc":"2.0","id":null,"result":{}}')).toMatchObject({ name: 'bad-id' });
    expect(faultOf('{"jsonrpc":"2.0","result":{}}')).toMatchObject({ name: 'bad-id' });
  });

  it.each([
    ['batch', -32600, '[]'],
    ['batch', -32600, '[{"jsonrpc":"2.0","id":1,"method":"ping"}]'],
    ['not-object', -32600, '1'],
    ['not-object', -32600, 'null'],
    ['not-object', -32600, '"x"'],
    ['malformed', -32700, ''],
    ['malformed', -32700, '{"jsonrpc":"2.0","id":1,"method":"ping"'],
    ['bad-version', -32600, '{"id":1,"method":"ping"}'],
    ['bad-version', -32600, '{"jsonrpc":"1.0","id":1,"method":"ping"}'],
    ['bad-version', -32600, '{"jsonrpc":2,"id":1,"method":"ping"}'],
    ['no-shape', -32600, '{"jsonrpc":"2.0","id":1}'],
    ['bad-method', -32600, request('"method":1')],
    ['bad-method', -32600, request('"method":null')],
    ['mixed-shape', -32600, request('"method":"m","result":{}')],
    ['mixed-shape', -32600, request('"method":"m","error":{"code":1,"message":""}')],
    ['mixed-shape', -32600, request('"error":{"code":1,"message":""},"result":{}')],
    ['bad-result', -32600, request('"result":[]')],
    ['bad-result', -32600, request('"result":null')],
    ['bad-error', -32600, request('"error":"no"')],
    ['bad-error', -32600, request('"error":{"code":"1","message":""}')],
    ['bad-error', -32600, request('"error":{"code":1}')],
    ['bad-params', -32602, request('"method":"m","params":[1]')],
    ['bad-params', -32602, request('"method":"m","params":null')],
    ['bad-params', -32602, request('"method":"m","params":"x"')],
    ['bad-meta', -32602, request('"method":"m","params":{"_meta":[]}')],
    ['bad-progress-token', -32602, request('"method":"m","params":{"_meta":{"progressToken":{}}}')],
    ['bad-progress-token', -32602, request('"method":"m","params":{"_meta":{"progressToken":1.5}}')],
    ['bad-progress-token', -32602, request('"method":"m","params":{"_meta":{"progressToken":null}}')],
  ])('answers %s with %i for %s', (name, code, text) => {
    expect(faultOf(text)).toMatchObject({ name, code });
  });

  it('gives the id with a fault, where it is beyond doubt', () => {
    expect(faultOf(request('"method":1'))).toMatchObject({ id: 1 });
    expect(faultOf('{"id":"x","method":"m"}')).toMatchObject({ id: 'x' });
    expect(faultOf(request('"method":"m","params":[]'))).toMatchObject({ id: 1 });
    expect(faultOf(request('"method":"m","params":{"a":1,"a":2}'))).toMatchObject({ name: 'duplicate-key', id: 1 });
    expect(faultOf(request(`"method":"m","params":${'['.repeat(99)}${']'.repeat(99)}`))).toMatchObject({
      name: 'too-deep',
      id: 1,
    });
    expect(faultOf('{"a":1e999,"\\u0069d":"late"}')).toMatchObject({ name: 'number-overflow', id: 'late' });
    for (const text of [
      '{"id":1,"id":2}',
      '{"id":1,"i\\u0064":2}',
      '{"id":1e999}',
      '{"id":[],"a":1e999}',
      '{"id":"\\ud800"}',
      '[{"id":1,"a":1e999}]',
      '{"a":1,"id":5,',
    ]) {
      expect(faultOf(text)).not.toHaveProperty('id');
    }
  });

  it('notes where the members stand that are read and edited', () => {
    const message = messageOf(
      '{ "id" : "a" ,"params":{"_meta":{"progressToken" : 7,"io.modelcontextprotocol/clientCapabilities":{"x":[1]},' +
        '"io.modelcontextprotocol/protocolVersion":"2026-07-28"},"name":"n\\u0061","uri":"u","taskId":"t","cursor":"c",' +
        '"requestState":"s","arguments":{"name":"inner","_meta":{"progressToken":9},"uri":[{"id":1}]} },"jsonrpc":"2.0","method":"m"}',
    );
    expect(spansOf(message)).toEqual({
      id: '"a"',
      params: expect.stringMatching(/^\{"_meta".*\} \}$/),
      name: '"n\\u0061"',
      uri: '"u"',
      arguments: '{"name":"inner","_meta":{"progressToken":9},"uri":[{"id":1}]}',
      meta: expect.stringMatching(/^\{"progressToken" : 7,.*"2026-07-28"\}$/),
      progressToken: '7',
      protocolVersion: '"2026-07-28"',
      clientCapabilities: '{"x":[1]}',
      cursor: '"c"',
      requestState: '"s"',
      taskId: '"t"',
    });
  });

  it('knows members by keys that are written with escapes', () => {
    const message = messageOf(
      '{"jsonrpc":"2.0","\\u0069d":1,"method":"m","p\\u0061rams":{"n\\u0061me":"x","\\u005fmeta":{"progress\\u0054oken":2}}}',
    );
    expect(spansOf(message)).toMatchObject({ id: '1', name: '"x"', progressToken: '2' });
  });

  it('notes nothing under keys that only look alike, and nothing in other places', () => {
    const message = messageOf(
      request(
        '"Params":{"name":1},"params":{"nam":"a","namee":"b","a":{"name":"c","_meta":{"progressToken":1}},"name":{"uri":1}},"method":"m"',
      ),
    );
    expect(spansOf(message)).toEqual({ id: '1', params: expect.any(String), name: '{"uri":1}' });
  });

  it('notes result and error of responses', () => {
    expect(spansOf(messageOf(request('"result":{"content":[]}')))).toEqual({ id: '1', result: '{"content":[]}' });
    expect(spansOf(messageOf(request('"error":{"code":1,"message":"x"}')))).toMatchObject({
      error: '{"code":1,"message":"x"}',
    });
  });

  it('gives the same answer whether its value is asked for or not', () => {
    for (const text of [
      '{"jsonrpc":"2.0","id":7,"result":{"content":[],"isError":true,"resultType":"complete"}}',
      ' {"result":{"isError":false},"id":0,"jsonrpc":"2.0"}\n',
      '{"jsonrpc":"2.0","id":"a","result":{}}',
      '{"jsonrpc":"\\u0032.0","id":7,"result":{"a":{"isError":true}}}',
      '{"jsonrpc":"2.0","id":12345678901234567,"result":{}}'.replace('67', ''),
    ]) {
      const message = messageOf(text);
      const value = JSON.parse(text) as Record<string, unknown>;
      expect(message.kind).toBe('response');
      expect(message.id).toBe(value['id']);
      expect(message.value).toEqual(value);
      expect(message.value).toBe(message.value);
      const result = value['result'] as Record<string, unknown>;
      expect(spansOf(message)['isError']).toBe(JSON.stringify(result['isError']));
    }
  });

  it('refuses answers that are not of the usual form as it refuses any other message', () => {
    for (const [text, name] of [
      ['{"jsonrpc":"2.1","id":7,"result":{}}', 'bad-version'],
      ['{"id":7,"result":{}}', 'bad-version'],
      ['{"jsonrpc":"2.0","result":{}}', 'bad-id'],
      ['{"jsonrpc":"2.0","id":-0.5,"result":{}}', 'bad-id'],
      ['{"jsonrpc":"2.0","id":7,"result":[]}', 'bad-result'],
      ['{"jsonrpc":"2.0","id":7,"result":{},"error":{"code":1,"message":""}}', 'mixed-shape'],
      ['{"jsonrpc":"2.0","id":7,"result":{},"method":"a"}', 'mixed-shape'],
      ['{"jsonrpc":"2.0","id":7,"result":{},"\\u006dethod":"a"}', 'mixed-shape'],
    ] as const) {
      expect([text, faultOf(text)]).toMatchObject([text, { name }]);
    }
  });

  it('forgets the spans of the message before', () => {
    messageOf(request('"method":"m","params":{"name":"a","_meta":{"progressToken":1}}'));
    expect(spansOf(messageOf('{"jsonrpc":"2.0","method":"m"}'))).toEqual({});
  });

  it('keeps the bytes without the white space around them, and spans that fit them', () => {
    const text = request('"method":"m","params":{"name":"a"}');
    const message = messageOf(` \r\n\t${text}\r\n `);
    expect(Buffer.from(message.bytes).toString()).toBe(text);
    expect(spansOf(message)).toMatchObject({ id: '1', name: '"a"', params: '{"name":"a"}' });
    const exact = Buffer.from(text);
    const reading = readMessage(exact);
    expect(reading.kind === 'message' && reading.message.bytes).toBe(exact);
  });

  it('allows members that JSON-RPC does not know', () => {
    expect(messageOf(request('"method":"m","evil":1,"__proto__":{"method":"x"}')).method).toBe('m');
  });

  it('notes spans that hold exactly the values that were parsed, for any message', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 6 }).filter((value) => value.isWellFormed());
    const args = fc.dictionary(text, fc.jsonValue({ maxDepth: 3 }), { maxKeys: 30 });
    fc.assert(
      fc.property(text, args, fc.integer(), fc.constantFrom(undefined, 1, '\t'), (name, value, token, indent) => {
        const params = { arguments: value, name, _meta: { other: value, progressToken: token } };
        const source = { method: 'm', params, id: name, jsonrpc: '2.0' };
        const message = messageOf(JSON.stringify(source, undefined, indent));
        const spans = spansOf(message);
        expect(JSON.parse(spans['arguments'] ?? '')).toEqual(JSON.parse(JSON.stringify(value)));
        expect(JSON.parse(spans['name'] ?? '')).toBe(name);
        expect(JSON.parse(spans['id'] ?? '')).toBe(name);
        expect(JSON.parse(spans['progressToken'] ?? '')).toBe(token);
        expect(JSON.parse(spans['params'] ?? '')).toEqual(message.params);
      }),
      { seed: 20261120, numRuns: 300 },
    );
  });
});

describe.skipIf(!hasCorpus)(`readMessage over the JSON-RPC corpus${corpusNote}`, () => {
  /** What the reader answers where the corpus leaves a choice, or where the answer is somebody else's: `taken`. */
  const answers: Readonly<Record<string, string>> = {
    'id-float': '-32600 bad-id',
    'id-empty-string': 'taken',
    'id-1MB': '-32600 bad-id',
    'id-proto': 'taken',
    'method-empty': 'taken',
    'method-unknown': 'taken',
    'method-proto': 'taken',
    'method-constructor': 'taken',
    'method-toString': 'taken',
    'method-case': 'taken',
    'method-space': 'taken',
    'method-unicode': 'taken',
    'method-reserved': 'taken',
    'error-and-result': '-32600 mixed-shape',
    'orphan-response': 'taken',
    'extra-member': 'taken',
    'batch-one': '-32600 batch',
    bom: '-32700 malformed',
    'dup-method': '-32600 duplicate-key',
    'dup-params-name': '-32600 duplicate-key',
    'escaped-key-dup': '-32600 duplicate-key',
    'proto-args': 'taken',
    'constructor-args': 'taken',
    'big-int': '-32600 bad-id',
    'lone-surrogate': '-32600 lone-surrogate',
    'deep-args-100k': '-32600 too-deep',
    'wide-args-200k': '-32600 too-wide',
    'float-huge': '-32600 number-overflow',
    'neg-zero': 'taken',
    'meta-prefix': 'taken',
  };
  const cases = (hasCorpus ? corpusLines('jsonrpc/messages.jsonl') : []).filter(isObject);

  it('answers all 56 messages as expected', () => {
    const messages = cases.filter((row) => row['body'] !== 'harness');
    expect([cases.length, messages.length]).toEqual([61, 56]);
    for (const { name, body, expect: expected } of messages) {
      const reading = readMessage(Buffer.from(String(body)));
      const answer = reading.kind === 'message' ? 'taken' : `${reading.fault.code} ${reading.fault.name}`;
      const tabled = answers[String(name)];
      if (tabled === undefined) expect([name, answer.split(' ')[0]]).toEqual([name, String(expected).split(':')[0]]);
      else expect([name, answer]).toEqual([name, tabled]);
    }
    expect(Object.hasOwn(Object.prototype, 'admin')).toBe(false);
  });
});
