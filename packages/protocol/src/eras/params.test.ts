import { describe, expect, it } from 'vitest';
import { classify } from '../classify.ts';
import { readMessage } from '../read-message.ts';
import { toLegacyParams, toModernParams, withTask } from './params.ts';

const envelope = { revision: '2026-07-28', clientCapabilities: { roots: {} } };
const written =
  '"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"roots":{}}';
const modern = (params: string | undefined): string =>
  Buffer.from(toModernParams(params === undefined ? undefined : Buffer.from(params), envelope)).toString();
const legacy = (params: string): string => Buffer.from(toLegacyParams(Buffer.from(params))).toString();

describe('toModernParams', () => {
  it('puts the envelope where there is nothing, no _meta, or a _meta', () => {
    expect(modern(undefined)).toBe(`{"_meta":{${written}}}`);
    expect(modern('{}')).toBe(`{"_meta":{${written}}}`);
    expect(modern('{ "name": "x" }')).toBe(`{"_meta":{${written}}, "name": "x" }`);
    expect(modern('{"name":"x", "_meta" : { "progressToken": 1.0 }}')).toBe(
      `{"name":"x", "_meta" : {${written},"progressToken": 1.0}}`,
    );
  });

  it('says who asks and how much to log, when told', () => {
    const params = toModernParams(undefined, { ...envelope, clientInfo: { name: 'c' }, logLevel: 'info' });
    expect(JSON.parse(Buffer.from(params).toString())).toEqual({
      _meta: {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientCapabilities': { roots: {} },
        'io.modelcontextprotocol/clientInfo': { name: 'c' },
        'io.modelcontextprotocol/logLevel': 'info',
      },
    });
  });

  it('lets no legacy caller write the envelope, keys with escapes among them', () => {
    const smuggled =
      '{"_meta":{"io.modelcontextprotocol/clientInfo":{"name":"x"},"io.modelcontextprotocol\\u002fprotocolVersion":"1","keep":[1]}}';
    expect(modern(smuggled)).toBe(`{"_meta":{${written},"keep":[1]}}`);
  });

  it('lets no legacy caller answer what a modern server has asked of another, keys with escapes among them', () => {
    expect(modern('{"requestState":"forged"}')).toBe(`{"_meta":{${written}}}`);
    expect(
      modern('{"name":"x","request\\u0053tate":"forged","inputResponses":{"a":{}},"arguments":{"requestState":"own"}}'),
    ).toBe(`{"_meta":{${written}},"name":"x","arguments":{"requestState":"own"}}`);
    expect(modern('{ "inputResponses" : [] , "_meta" : {"requestState":1} , "a" : 1 }')).toBe(
      `{"_meta" : {${written},"requestState":1},"a" : 1}`,
    );
  });

  it('makes parameters that the classifier takes', () => {
    const reading = readMessage(
      Buffer.from(`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":${modern('{"cursor":"c"}')}}`),
    );
    expect(reading.kind === 'message' && classify({ transport: 'stdio', message: reading.message })).toMatchObject({
      kind: 'request',
      era: 'modern',
    });
  });
});

describe('withTask', () => {
  it('asks for a task beside what was there', () => {
    expect(Buffer.from(withTask(Buffer.from('{"name":"n"}'), 5)).toString()).toBe('{"task":{"ttl":5},"name":"n"}');
    expect(Buffer.from(withTask(undefined, 5)).toString()).toBe('{"task":{"ttl":5}}');
  });
});

describe('toLegacyParams', () => {
  it('takes the envelope out and keeps the rest as written', () => {
    expect(legacy(`{"name":"x","_meta":{${written},"progressToken":1.0 , "a": {}}}`)).toBe(
      '{"name":"x","_meta":{"progressToken":1.0,"a": {}}}',
    );
  });

  it('takes _meta out when nothing else is in there, wherever it stands', () => {
    expect(legacy(`{"_meta":{${written}}}`)).toBe('{}');
    expect(legacy(`{"a":1,"_meta":{${written}}}`)).toBe('{"a":1}');
    expect(legacy(`{"_meta":{${written}}, "a" : 1}`)).toBe('{"a" : 1}');
  });

  it('takes out what means something in the other era only', () => {
    const given = '{"name":"n","task":{"ttl":1},"requestState":"s","inputResponses":{},"arguments":{"task":1}}';
    expect(Buffer.from(toLegacyParams(Buffer.from(given))).toString()).toBe('{"name":"n","arguments":{"task":1}}');
    const envelope = { revision: '2026-07-28', clientCapabilities: {} };
    expect(JSON.parse(Buffer.from(toModernParams(Buffer.from(given), envelope)).toString())).not.toHaveProperty('task');
  });

  it('gives back parameters without _meta', () => {
    const params = Buffer.from('{"name":"x"}');
    expect(toLegacyParams(params)).toBe(params);
  });
});
