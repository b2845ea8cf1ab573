import { describe, expect, it } from 'vitest';
import { rewriteResult, rewriteUpdated } from './rewrite.ts';

function rewritten(text: string): string {
  return Buffer.from(rewriteResult('files', Buffer.from(text), JSON.parse(text))).toString();
}

describe('a result on /mcp', () => {
  it.each<[string, string, string]>([
    [
      'contents',
      '{"contents":[{"uri":"file:///a","text":"x"}]}',
      '{"contents":[{"uri":"mcp+files:file:///a","text":"x"}]}',
    ],
    [
      'links',
      '{"content":[{"type":"resource_link","uri":"ui://x","name":"n"}]}',
      '{"content":[{"type":"resource_link","uri":"ui://files/x","name":"n"}]}',
    ],
    [
      'embedded resources',
      '{"content":[{"type":"resource","resource":{"uri":"a:b"}}]}',
      '{"content":[{"type":"resource","resource":{"uri":"mcp+files:a:b"}}]}',
    ],
    [
      'prompt messages',
      '{"messages":[{"role":"user","content":{"type":"resource","resource":{"uri":"a:b"}}}]}',
      '{"messages":[{"role":"user","content":{"type":"resource","resource":{"uri":"mcp+files:a:b"}}}]}',
    ],
    [
      'every one of several',
      '{"contents":[{"uri":"a:1"},{"text":"x"},{"uri":"a:2"}]}',
      '{"contents":[{"uri":"mcp+files:a:1"},{"text":"x"},{"uri":"mcp+files:a:2"}]}',
    ],
    [
      'page',
      '{"content":[],"_meta":{"ui":{"resourceUri":"ui://x/y"},"ui/resourceUri":"ui://x"}}',
      '{"content":[],"_meta":{"ui":{"resourceUri":"ui://files/x/y"},"ui/resourceUri":"ui://files/x"}}',
    ],
    // Otherwise a server could name what another one has.
    [
      'links whose keys are written with escapes',
      '{"content":[{"type":"resource_link","\\u0075ri":"mcp+other:a:b"}]}',
      '{"content":[{"type":"resource_link","\\u0075ri":"mcp+files:mcp+other:a:b"}]}',
    ],
    ['URIs written with escapes', '{"contents":[{"uri":"a:\\u0062\\/"}]}', '{"contents":[{"uri":"mcp+files:a:b/"}]}'],
  ])('has the URIs of its %s rewritten', (_, given, expected) => {
    expect(rewritten(given)).toBe(expected);
  });

  it.each([
    '{"content":[{"type":"text","text":"\\"uri\\":\\"file:///a\\""}]}',
    '{"content":[{"type":"text","text":"x","uri":"file:///a"}]}',
    '{"structuredContent":{"uri":"file:///a"},"content":[]}',
    '{"content":[{"type":"resource","resource":{"uri":7}}]}',
    '{"content":{"uri":"file:///a"}}',
    '{"contents":[["uri"]],"messages":[{"content":"uri"}],"uri":"file:///a"}',
    '{"_meta":{"uri":"file:///a"}}',
    '{"inputRequests":{"a":{"params":{"uri":"file:///a"}}}}',
  ])('keeps what is no URI of a resource as it is: %s', (given) => {
    expect(rewritten(given)).toBe(given);
  });

  it('finds a URI whose key is written with escapes', () => {
    const given = '{"contents":[{"\\u0075ri":"file:///a","text":""}]}';
    expect(Buffer.from(rewriteResult('files', Buffer.from(given), JSON.parse(given))).toString()).toBe(
      '{"contents":[{"\\u0075ri":"mcp+files:file:///a","text":""}]}',
    );
  });

  it('keeps every other byte as the server wrote it', () => {
    const given = '{ "contents" : [ { "n":1.0, "uri" : "a:b" ,"t":"\\u0061" } ] }';
    expect(rewritten(given)).toBe(given.replace('"a:b"', '"mcp+files:a:b"'));
  });

  it('is given back itself where nothing is rewritten', () => {
    const body = Buffer.from('{"content":[]}');
    expect(rewriteResult('files', body, { content: [] })).toBe(body);
    expect(rewriteResult('files', body, 'no object')).toBe(body);
  });

  it('is read right when it is a part of larger memory', () => {
    const whole = Buffer.from('xxxx{"contents":[{"uri":"a:b"}]}"uri"');
    const body = whole.subarray(4, whole.length - 5);
    expect(Buffer.from(rewriteResult('files', body, JSON.parse(body.toString()))).toString()).toContain(
      'mcp+files:a:b',
    );
  });
});

describe('a notification about a resource', () => {
  it('names it as callers of /mcp do', () => {
    const given = '{"uri":"a:b","_meta":{"x":1}}';
    expect(Buffer.from(rewriteUpdated('files', Buffer.from(given), JSON.parse(given))).toString()).toBe(
      '{"uri":"mcp+files:a:b","_meta":{"x":1}}',
    );
  });

  it('is left alone when it names none', () => {
    const given = Buffer.from('{"uri":7}');
    expect(rewriteUpdated('files', given, { uri: 7 })).toBe(given);
  });
});
