import { describe, expect, it } from 'vitest';
import { narrowDefinition } from './narrowed.ts';

const text =
  '{"name":"query","inputSchema":{"type":"object","properties":{ "schema" : {"type":"string","description":"where"},"n":{"enum":[1,2,3]},"any":true},"required":["schema"]},"x":1.0}';

function narrowed(fixed: Record<string, readonly unknown[]>): string {
  return narrowDefinition(text, new Map(Object.entries(fixed)));
}

describe('a narrowed definition', () => {
  it('says which value an argument has, and leaves every other byte as it was', () => {
    expect(narrowed({ schema: ['public'] })).toBe(
      text.replace('"description":"where"}', '"description":"where","const":"public"}'),
    );
  });

  it('says which values an argument can have, of those that the server takes', () => {
    expect(narrowed({ schema: ['a', 'b'] })).toContain('"description":"where","enum":["a","b"]}');
    expect(narrowed({ n: [2, 3, 4] })).toContain('"n":{"enum":[2,3]}');
    expect(narrowed({ n: [2, 9] })).toContain('"n":{"const":2}');
  });

  it('stays as it was where nothing can be said', () => {
    for (const fixed of [{}, { other: ['a'] }, { n: [9] }, { any: ['a'] }, { __proto__: ['a'] }, { toString: ['a'] }]) {
      expect(narrowed(fixed)).toBe(text);
    }
    expect(narrowDefinition('{"name":"x","inputSchema":{"type":"object"}}', new Map([['a', [1]]]))).not.toContain(
      'const',
    );
  });
});
