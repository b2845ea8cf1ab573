import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, definitionDigest } from './canonical.ts';

describe('canonical JSON', () => {
  it('sorts members by UTF-16 units and writes no white space', () => {
    // The order of RFC 8785 §3.2.3.
    const names = ['\u20ac', '\r', '\ufb33', '1', '\ud83d\ude00', '\u0080', '\u00f6'];
    const value = Object.fromEntries(names.map((name) => [name, name.length]));
    expect(Object.keys(JSON.parse(canonicalJson(value)))).toHaveLength(names.length);
    expect(canonicalJson(value)).toBe('{"\\r":1,"1":1,"\u0080":1,"\u00f6":1,"\u20ac":1,"\ud83d\ude00":2,"\ufb33":1}');
  });

  it.each([
    [{ b: [1, { d: null, c: true }], a: 'x' }, '{"a":"x","b":[1,{"c":true,"d":null}]}'],
    [[-0, 1e21, 0.000_001, 1e-7, 1.5e300], '[0,1e+21,0.000001,1e-7,1.5e+300]'],
    ['\u2028"\\\u0001', '"\u2028\\"\\\\\\u0001"'],
    [{ a: undefined, b: 1 }, '{"b":1}'],
    [undefined, 'null'],
  ])('writes %j as %s', (value, text) => {
    expect(canonicalJson(value)).toBe(text);
  });

  it('keeps members that are named like built-in ones', () => {
    const value: unknown = JSON.parse('{"constructor":1,"__proto__":{"x":2},"toString":3}');
    expect(canonicalJson(value)).toBe('{"__proto__":{"x":2},"constructor":1,"toString":3}');
  });

  it('refuses numbers that JSON cannot hold', () => {
    expect(() => canonicalJson([Number.NaN])).toThrow(TypeError);
  });

  it('reads back as the same value, and is the same for any order of members', () => {
    const property = fc.property(fc.jsonValue(), (value) => {
      const text = canonicalJson(value);
      expect(canonicalJson(JSON.parse(text))).toBe(text);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
    });
    fc.assert(property, { numRuns: 500, seed: 23 });
  });
});

describe('a digest of a definition', () => {
  it('does not depend on order and depends on everything else', () => {
    const digest = definitionDigest({ name: 'a', inputSchema: { type: 'object', required: ['x'] } });
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
    expect(definitionDigest({ inputSchema: { required: ['x'], type: 'object' }, name: 'a' })).toBe(digest);
    expect(definitionDigest({ name: 'a', inputSchema: { type: 'object', required: ['y'] } })).not.toBe(digest);
  });
});
