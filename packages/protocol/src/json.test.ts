import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonBounds } from './json.ts';
import { readJson } from './json.ts';
import { corpusFiles, corpusNote, hasCorpus } from './shared-corpus.test-support.ts';

function read(text: string | Uint8Array, bounds?: JsonBounds): unknown {
  const reading = readJson(typeof text === 'string' ? Buffer.from(text) : text, bounds);
  return reading.kind === 'value' ? { value: reading.value } : { ...reading.fault };
}

/** What the reader answers where RFC 8259 leaves it open: the value, or the name of the fault. */
const OPEN_ANSWERS: Readonly<Record<string, string>> = {
  'i_number_double_huge_neg_exp.json': 'value',
  'i_number_huge_exp.json': 'number-overflow',
  'i_number_neg_int_huge_exp.json': 'number-overflow',
  'i_number_pos_double_huge_exp.json': 'number-overflow',
  'i_number_real_neg_overflow.json': 'number-overflow',
  'i_number_real_pos_overflow.json': 'number-overflow',
  'i_number_real_underflow.json': 'value',
  'i_number_too_big_neg_int.json': 'value',
  'i_number_too_big_pos_int.json': 'value',
  'i_number_very_big_negative_int.json': 'value',
  'i_object_key_lone_2nd_surrogate.json': 'lone-surrogate',
  'i_string_1st_surrogate_but_2nd_missing.json': 'lone-surrogate',
  'i_string_1st_valid_surrogate_2nd_invalid.json': 'lone-surrogate',
  'i_string_UTF-16LE_with_BOM.json': 'malformed',
  'i_string_UTF-8_invalid_sequence.json': 'malformed',
  'i_string_UTF8_surrogate_U+D800.json': 'malformed',
  'i_string_incomplete_surrogate_and_escape_valid.json': 'lone-surrogate',
  'i_string_incomplete_surrogate_pair.json': 'lone-surrogate',
  'i_string_incomplete_surrogates_escape_valid.json': 'lone-surrogate',
  'i_string_invalid_lonely_surrogate.json': 'lone-surrogate',
  'i_string_invalid_surrogate.json': 'lone-surrogate',
  'i_string_invalid_utf-8.json': 'malformed',
  'i_string_inverted_surrogates_U+1D11E.json': 'lone-surrogate',
  'i_string_iso_latin_1.json': 'malformed',
  'i_string_lone_second_surrogate.json': 'lone-surrogate',
  'i_string_lone_utf8_continuation_byte.json': 'malformed',
  'i_string_not_in_unicode_range.json': 'malformed',
  'i_string_overlong_sequence_2_bytes.json': 'malformed',
  'i_string_overlong_sequence_6_bytes.json': 'malformed',
  'i_string_overlong_sequence_6_bytes_null.json': 'malformed',
  'i_string_truncated-utf-8.json': 'malformed',
  'i_string_utf16BE_no_BOM.json': 'malformed',
  'i_string_utf16LE_no_BOM.json': 'malformed',
  'i_structure_500_nested_arrays.json': 'too-deep',
  'i_structure_UTF-8_BOM_empty_object.json': 'malformed',
};

describe.skipIf(!hasCorpus)(`readJson over JSONTestSuite${corpusNote}`, () => {
  const answers = (hasCorpus ? corpusFiles('json/parsing') : []).map(({ name, bytes }) => {
    const reading = readJson(bytes);
    return { name, answer: reading.kind === 'value' ? 'value' : reading.fault.name, bytes };
  });

  it('calls all 188 texts malformed that are not JSON', () => {
    const refused = answers.filter(({ name }) => name.startsWith('n_'));
    expect(refused).toHaveLength(188);
    expect(refused.filter(({ answer }) => answer !== 'malformed')).toEqual([]);
  });

  it('reads all 95 texts that are JSON as JSON.parse does, but two with a key twice', () => {
    const accepted = answers.filter(({ name }) => name.startsWith('y_'));
    expect(accepted).toHaveLength(95);
    const refused = accepted.filter(({ answer }) => answer !== 'value');
    expect(refused.map(({ name, answer }) => [name, answer])).toEqual([
      ['y_object_duplicated_key.json', 'duplicate-key'],
      ['y_object_duplicated_key_and_value.json', 'duplicate-key'],
    ]);
    for (const { answer, bytes } of accepted) {
      if (answer === 'value') expect(read(bytes)).toEqual({ value: JSON.parse(Buffer.from(bytes).toString()) });
    }
  });

  it('gives the tabled answer to all 35 texts that RFC 8259 leaves open', () => {
    const open = answers.filter(({ name }) => name.startsWith('i_'));
    expect(Object.fromEntries(open.map(({ name, answer }) => [name, answer]))).toEqual(OPEN_ANSWERS);
    expect(open).toHaveLength(35);
  });
});

describe('readJson', () => {
  it('points at the first byte that is not UTF-8', () => {
    expect(read(Buffer.from([0x22, 0xc3, 0xa9, 0xc0, 0xaf, 0x22]))).toEqual({
      name: 'malformed',
      code: -32700,
      offset: 3,
    });
    for (const bytes of [
      [0xed, 0xa0, 0x80],
      [0xf4, 0x90, 0x80, 0x80],
      [0xe0, 0x80, 0x80],
      [0xf0, 0x80, 0x80, 0x80],
      [0xc3],
      [0xff],
    ]) {
      expect(read(Buffer.from([0x22, ...bytes, 0x22]))).toMatchObject({ name: 'malformed', offset: 1 });
    }
  });

  it('refuses a byte order mark, a second document and white space that JSON does not have', () => {
    expect(read('\ufeff{}')).toMatchObject({ name: 'malformed', offset: 0 });
    expect(read('{}{}')).toMatchObject({ name: 'malformed', offset: 2 });
    expect(read('{}\n{}')).toMatchObject({ name: 'malformed', offset: 3 });
    expect(read('{}\u00a0')).toMatchObject({ name: 'malformed' });
    expect(read('{}\v')).toMatchObject({ name: 'malformed' });
    expect(read('{}\0')).toMatchObject({ name: 'malformed' });
    expect(read('')).toMatchObject({ name: 'malformed', offset: 0 });
    expect(read(' \t\r\n{ } \n')).toEqual({ value: {} });
  });

  it('allows as many levels as the bound says and no more', () => {
    expect(read('['.repeat(64) + ']'.repeat(64))).toHaveProperty('value');
    expect(read('['.repeat(65) + ']'.repeat(65))).toEqual({ name: 'too-deep', code: -32600, offset: 64 });
    expect(read('{"a":[{}]}', { maxDepth: 2 })).toMatchObject({ name: 'too-deep', offset: 6 });
    expect(read('['.repeat(300) + ']'.repeat(300), { maxDepth: 300 })).toHaveProperty('value');
  });

  it('allows as many members and values as the bounds say and no more', () => {
    expect(read('[1,2,3]', { maxMembers: 3 })).toEqual({ value: [1, 2, 3] });
    expect(read('[1,2,3,4]', { maxMembers: 3 })).toMatchObject({ name: 'too-wide', code: -32600 });
    expect(read('{"a":1,"b":2}', { maxMembers: 1 })).toMatchObject({ name: 'too-wide' });
    expect(read('[[1,2],[3,4]]', { maxMembers: 2 })).toHaveProperty('value');
    expect(read('[[1,2],[3,4]]', { maxNodes: 7 })).toHaveProperty('value');
    expect(read('[[1,2],[3,4]]', { maxNodes: 6 })).toMatchObject({ name: 'too-wide' });
    expect(read(`[${'1,'.repeat(10_000)}1]`)).toMatchObject({ name: 'too-wide' });
  });

  it('holds strings and keys to their bound in bytes', () => {
    expect(read('{"abc":"def"}', { maxStringBytes: 3 })).toHaveProperty('value');
    expect(read('{"abc":"defg"}', { maxStringBytes: 3 })).toMatchObject({ name: 'too-long', code: -32600 });
    expect(read('{"abcd":1}', { maxStringBytes: 3 })).toMatchObject({ name: 'too-long' });
    expect(read('"éé"', { maxStringBytes: 3 })).toMatchObject({ name: 'too-long' });
  });

  it('refuses a key that stands twice in one object, however it is written', () => {
    for (const text of [
      '{"name":1,"name":2}',
      '{"name":1,"n\\u0061me":2}',
      '{"n\\u0061me":1,"name":2}',
      '{"\\u006eame":1,"n\\u0061me":2}',
      '{"é":1,"\\u00e9":2}',
      '{"a/b":1,"a\\/b":2}',
      '{"":1,"":2}',
      '{"__proto__":1,"__proto__":2}',
      '[{"a":{"b":1,"c":{},"b":2}}]',
    ]) {
      expect(read(text)).toMatchObject({ name: 'duplicate-key', code: -32600 });
    }
  });

  it('takes equal keys in different objects and keys that differ in any byte', () => {
    expect(read('{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}],"A":1,"\\u00e9":1,"e\\u0301":2}')).toHaveProperty('value');
  });

  it('finds a repeated key in an object of any size', () => {
    for (const size of [2, 23, 24, 25, 26, 100, 5000]) {
      const members = Array.from({ length: size }, (_, index) => `"k${index}":{"k${index}":0}`);
      expect(read(`{${members.join()}}`)).toHaveProperty('value');
      const last = size - 1;
      for (const again of [0, last >> 1, last]) {
        expect(read(`{${members.join()},"\\u006b${again}":1}`)).toMatchObject({ name: 'duplicate-key' });
      }
    }
  });

  it('forgets the keys of a large object when it closes', () => {
    const large = `{${Array.from({ length: 40 }, (_, index) => `"k${index}":0`).join()}}`;
    expect(read(`[${large},${large},{"k1":{"k1":${large}}}]`)).toHaveProperty('value');
  });

  it('refuses numbers beyond a double and keeps all others', () => {
    for (const text of ['1e309', '-1E+400', `1${'0'.repeat(309)}`, '0.1e310', '1.7976931348623159e308']) {
      expect(read(`[${text}]`)).toMatchObject({ name: 'number-overflow', code: -32600, offset: 1 });
    }
    for (const text of [
      '1e308',
      '-0',
      '1e-400',
      '9007199254740993',
      `0.${'0'.repeat(400)}1`,
      '1.7976931348623157e308',
    ]) {
      expect(read(text)).toEqual({ value: Number(text) });
    }
  });

  it('refuses an escaped surrogate without its partner, in keys too, and takes pairs', () => {
    for (const text of [
      '"\\ud800"',
      '"\\udc00"',
      '"\\ud800\\ud800"',
      '"\\ud800x\\udc00"',
      '{"\\udfff":1}',
      '"\\ud83d\\ude00\\ud83d"',
    ]) {
      expect(read(text)).toMatchObject({ name: 'lone-surrogate', code: -32600 });
    }
    expect(read('"\\ud83d\\ude00 \\uD83D\\uDE00"')).toEqual({ value: '😀 😀' });
    expect(read('"\\\\ud800"')).toEqual({ value: '\\ud800' });
  });

  it('calls a text malformed that is, even where a bound was exceeded before', () => {
    expect(read('['.repeat(100))).toMatchObject({ name: 'malformed', code: -32700, offset: 100 });
    expect(read('['.repeat(100) + '}'.repeat(100))).toMatchObject({ name: 'malformed', offset: 100 });
    expect(read('{"a":1,"a":2')).toMatchObject({ name: 'malformed' });
    expect(read('[1e999,tru]')).toMatchObject({ name: 'malformed', offset: 7 });
    expect(read('{"\\ud800":1}x')).toMatchObject({ name: 'malformed' });
    expect(read('[1,2,3,]', { maxMembers: 1 })).toMatchObject({ name: 'malformed' });
    const mixed = '[{"a":'.repeat(40);
    expect(read(`${mixed}1${'}]'.repeat(40)}`)).toMatchObject({ name: 'too-deep' });
    expect(read(`${mixed}1${']}'.repeat(40)}`)).toMatchObject({ name: 'malformed' });
  });

  it('judges a million levels to the end without recursion', () => {
    expect(read('['.repeat(1_000_000) + ']'.repeat(1_000_000))).toMatchObject({ name: 'too-deep', offset: 64 });
    expect(read('['.repeat(1_000_000))).toMatchObject({ name: 'malformed', offset: 1_000_000 });
    expect(read(`${'{"a":'.repeat(200_000)}1${'}'.repeat(200_000)}`)).toMatchObject({ name: 'too-deep' });
  });

  it('makes __proto__ an own member like any other', () => {
    const reading = readJson(Buffer.from('{"__proto__":{"admin":true},"constructor":{"prototype":{}}}'));
    const value = reading.kind === 'value' ? reading.value : undefined;
    expect(Object.keys(Object(value))).toEqual(['__proto__', 'constructor']);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.hasOwn(Object.prototype, 'admin')).toBe(false);
  });

  it('reads what JSON.stringify wrote, whatever the value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8 }), fc.constantFrom(undefined, 1, '\t'), (value, indent) => {
        const text = JSON.stringify(value, undefined, indent);
        expect(read(text)).toEqual({ value: JSON.parse(text) });
      }),
      { seed: 20261120, numRuns: 500 },
    );
  });

  it('takes no text that JSON.parse refuses, and names a fault of meaning for each that it takes', () => {
    const bounds = { maxDepth: 1e6, maxMembers: 1e6, maxNodes: 1e6 };
    const pieces = fc.constantFrom(
      ...'[]{}:,"0123456789-+.eE\\ut/ \n\tfalsenull'.split(''),
      'true',
      'null',
      '"a"',
      '\\u00e9',
      'é',
      '1e5',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 24 }), (parts) => {
        const text = parts.join('');
        const reading = readJson(Buffer.from(text), bounds);
        let parsed: unknown;
        try {
          parsed = JSON.parse(text);
        } catch {
          expect(reading).toMatchObject({ kind: 'fault', fault: { name: 'malformed' } });
          return;
        }
        if (reading.kind === 'value') expect(reading.value).toEqual(parsed);
        else expect(['duplicate-key', 'number-overflow', 'lone-surrogate']).toContain(reading.fault.name);
      }),
      { seed: 20261120, numRuns: 5000 },
    );
  });

  it('agrees with JSON.parse after any one byte of a good text was changed', () => {
    const good = Buffer.from('{"a":[1,-2.5e3,"x\\n\\u0041",true,null],"b":{"c":"é","d":{}}}');
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), (at, byte) => {
        const bytes = Buffer.from(good);
        bytes[at] = byte;
        let parsed: unknown;
        let isJson = true;
        try {
          parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
        } catch {
          isJson = false;
        }
        const reading = readJson(bytes);
        if (reading.kind === 'value') expect({ value: reading.value }).toEqual({ value: parsed });
        else expect(reading.fault.name === 'malformed').toBe(!isJson);
      }),
      { seed: 20261120, numRuns: 5000 },
    );
  });
});
