import { describe, expect, it } from 'vitest';
import { toLegacyResult, toModernResult } from './results.ts';

const facts = { ttlMs: 5000, cacheScope: 'private', serverInfo: { name: 's' } } as const;
const legacy = (method: string, result: string, isWrapped?: boolean): string =>
  Buffer.from(toLegacyResult(method, Buffer.from(result), isWrapped === undefined ? {} : { isWrapped })).toString();
const modern = (method: string, result: string): unknown =>
  JSON.parse(Buffer.from(toModernResult(method, Buffer.from(result), facts)).toString());

describe('toLegacyResult', () => {
  it('takes out what only modern results have, and keeps the rest as written', () => {
    const meta = '"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s"},"a": 1.0}';
    expect(legacy('tools/list', `{"resultType":"complete","tools":[ ],"ttlMs":1,"cacheScope":"public",${meta}}`)).toBe(
      '{"tools":[ ],"_meta":{"a": 1.0}}',
    );
    expect(legacy('prompts/get', '{"_meta":{"io.modelcontextprotocol/serverInfo":{}},"messages":[]}')).toBe(
      '{"messages":[]}',
    );
  });

  it('gives back a result that has nothing modern', () => {
    const result = Buffer.from('{"content":[],"structuredContent":{}}');
    expect(toLegacyResult('tools/call', result)).toBe(result);
  });

  it('wraps structured content that is no object, of tool calls only', () => {
    expect(legacy('tools/call', '{"structuredContent": [1, 2] ,"content":[]}')).toBe(
      '{"structuredContent": {"result":[1, 2]} ,"content":[]}',
    );
    expect(legacy('tools/call', '{"resultType":"complete","structuredContent":null}')).toBe(
      '{"structuredContent":{"result":null}}',
    );
    expect(legacy('prompts/get', '{"structuredContent":1}')).toBe('{"structuredContent":1}');
  });

  it('wraps structured content by the tool’s schema where that is known', () => {
    expect(legacy('tools/call', '{"structuredContent":{"a":1}}', true)).toBe(
      '{"structuredContent":{"result":{"a":1}}}',
    );
    expect(legacy('tools/call', '{"structuredContent":[1]}', false)).toBe('{"structuredContent":[1]}');
  });
});

describe('toModernResult', () => {
  it('says that the result is complete, how long it may be kept, and who made it', () => {
    expect(modern('tools/list', '{"tools":[]}')).toEqual({
      resultType: 'complete',
      ttlMs: 5000,
      cacheScope: 'private',
      tools: [],
      _meta: { 'io.modelcontextprotocol/serverInfo': { name: 's' } },
    });
    expect(modern('tools/call', '{"content":[],"_meta":{"a":1}}')).toEqual({
      resultType: 'complete',
      content: [],
      _meta: { 'io.modelcontextprotocol/serverInfo': { name: 's' }, a: 1 },
    });
  });

  it('lets no legacy server say it', () => {
    const forged =
      '{"resultType":"input_required","ttl\\u004ds":9e9,"cacheScope":"public","_meta":{"io.modelcontextprotocol/serverInfo":1}}';
    expect(modern('tools/call', forged)).toEqual({
      resultType: 'complete',
      _meta: { 'io.modelcontextprotocol/serverInfo': { name: 's' } },
    });
  });

  it('says nothing of the server when it is not told', () => {
    const result = toModernResult('tools/call', Buffer.from('{}'), { ttlMs: 0, cacheScope: 'private' });
    expect(Buffer.from(result).toString()).toBe('{"resultType":"complete"}');
  });
});
