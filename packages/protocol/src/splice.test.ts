import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readJson } from './json.ts';
import { locate, memberOf, members } from './members.ts';
import { removeMember, removeMembers, setMember, setMembers, splice } from './splice.ts';

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const whole = (bytes: Uint8Array) => ({ start: 0, end: bytes.length });

function after(source: string, edit: (bytes: Uint8Array) => Parameters<typeof splice>[1]): string {
  const bytes = Buffer.from(source);
  return text(splice(bytes, edit(bytes)));
}

describe('locate', () => {
  const bytes = Buffer.from(' {"a" : {"\\u0062":[1,{"c":"]}"}],"d":"\\"x"} ,"e":-1 } ');
  const at = (...path: string[]): string | undefined => {
    const span = locate(bytes, path);
    return span && text(bytes.subarray(span.start, span.end));
  };

  it('finds values below the outermost object, keys with escapes among them', () => {
    expect(at('a', 'b')).toBe('[1,{"c":"]}"}]');
    expect(at('a', 'd')).toBe('"\\"x"');
    expect(at('e')).toBe('-1');
    expect(at()).toBe('{"a" : {"\\u0062":[1,{"c":"]}"}],"d":"\\"x"} ,"e":-1 }');
  });

  it('finds nothing below what is no object, and nothing that is not there', () => {
    expect(at('e', 'x')).toBeUndefined();
    expect(at('a', 'b', '0')).toBeUndefined();
    expect(at('toString')).toBeUndefined();
  });
});

describe('members', () => {
  it('walks the members in order, with their spans', () => {
    const bytes = Buffer.from('{ "a":1, "b" : [ {} ] ,"\\u0063":"," }');
    const found = [...members(bytes, whole(bytes))].map(({ key, keySpan, value }) => [
      key,
      text(bytes.subarray(keySpan.start, keySpan.end)),
      text(bytes.subarray(value.start, value.end)),
    ]);
    expect(found).toEqual([
      ['a', '"a"', '1'],
      ['b', '"b"', '[ {} ]'],
      ['c', '"\\u0063"', '","'],
    ]);
    expect([...members(Buffer.from('{ }'), { start: 0, end: 3 })]).toEqual([]);
    expect([...members(Buffer.from('[1]'), { start: 0, end: 3 })]).toEqual([]);
  });

  it('steps over a million levels without recursion', () => {
    const bytes = Buffer.from(`{"a":${'['.repeat(1e6)}${']'.repeat(1e6)},"b":1}`);
    expect(memberOf(bytes, whole(bytes), 'b')?.value).toEqual({ start: bytes.length - 2, end: bytes.length - 1 });
  });
});

describe('splice', () => {
  const edit = (start: number, end: number, bytes: string) => ({ start, end, bytes: Buffer.from(bytes) });

  it('makes edits in any order and leaves the source alone', () => {
    const bytes = Buffer.from('abcdef');
    expect(text(splice(bytes, [edit(4, 6, ''), edit(0, 1, 'AAA'), edit(2, 2, '-')]))).toBe('AAAb-cd');
    expect(text(bytes)).toBe('abcdef');
    expect(splice(bytes, [])).toBe(bytes);
  });

  it('throws at edits that overlap or leave the bytes', () => {
    const bytes = Buffer.from('abc');
    for (const edits of [[edit(0, 2, ''), edit(1, 3, '')], [edit(2, 1, '')], [edit(0, 4, '')], [edit(-1, 1, '')]]) {
      expect(() => splice(bytes, edits)).toThrow('overlaps another or leaves the 3 bytes');
    }
  });
});

describe('setMember and removeMember', () => {
  const one = Buffer.from('1');

  it('replaces a value where its key stands, or adds the member', () => {
    expect(after('{"a":[0], "b":2}', (bytes) => [setMember(bytes, whole(bytes), 'a', one)])).toBe('{"a":1, "b":2}');
    expect(after('{"\\u0061":0}', (bytes) => [setMember(bytes, whole(bytes), 'a', one)])).toBe('{"\\u0061":1}');
    expect(after('{"b":2}', (bytes) => [setMember(bytes, whole(bytes), 'a', one)])).toBe('{"a":1,"b":2}');
    expect(after('{ }', (bytes) => [setMember(bytes, whole(bytes), 'a"', one)])).toBe('{"a\\"":1 }');
  });

  it('removes a member with one comma, wherever it stands', () => {
    const remove = (source: string, key: string) =>
      after(source, (bytes) => {
        const edit = removeMember(bytes, whole(bytes), key);
        return edit === undefined ? [] : [edit];
      });
    expect(remove('{"a":1, "b":2 ,"c":3}', 'a')).toBe('{"b":2 ,"c":3}');
    expect(remove('{"a":1, "b":2 ,"c":3}', 'b')).toBe('{"a":1 ,"c":3}');
    expect(remove('{"a":1, "b":2 ,"c":3}', 'c')).toBe('{"a":1, "b":2 }');
    expect(remove('{ "a":1 }', 'a')).toBe('{  }');
    expect(remove('{"a":1}', 'x')).toBe('{"a":1}');
  });

  it('does to any object what it would do to the parsed value', () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd', 'é', '"', '__proto__');
    const source = fc.dictionary(key, fc.jsonValue({ maxDepth: 2 }), { noNullPrototype: true });
    fc.assert(
      fc.property(
        source,
        fc.subarray(['a', 'b', 'é', '"', 'x']),
        fc.constantFrom(undefined, 1),
        (value, keys, indent) => {
          const source = JSON.stringify(value, undefined, indent);
          const parsed = Object.entries(JSON.parse(source) as Record<string, unknown>);
          const bytes = Buffer.from(source);
          const removed = splice(
            bytes,
            removeMembers(bytes, whole(bytes), (key) => keys.includes(key)),
          );
          const left = readJson(removed);
          expect(left.kind === 'value' && Object.entries(Object(left.value))).toEqual(
            parsed.filter(([key]) => !keys.includes(key)),
          );
          const set = splice(
            bytes,
            setMembers(
              bytes,
              whole(bytes),
              keys.map((key) => [key, Buffer.from('"new"')]),
            ),
          );
          const result = readJson(set);
          const expected = new Map([...parsed, ...keys.map((key): [string, unknown] => [key, 'new'])]);
          expect(result.kind === 'value' && new Map(Object.entries(Object(result.value)))).toEqual(expected);
        },
      ),
      { seed: 20261120, numRuns: 500 },
    );
  });
});
