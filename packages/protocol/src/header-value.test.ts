import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeHeaderValue, encodeHeaderValue, stripOws } from './header-value.ts';

describe('encodeHeaderValue', () => {
  it.each([
    ['us-west1', 'us-west1'],
    ['Hello, 世界', '=?base64?SGVsbG8sIOS4lueVjA==?='],
    [' padded ', '=?base64?IHBhZGRlZCA=?='],
    ['line1\nline2', '=?base64?bGluZTEKbGluZTI=?='],
    ['=?base64?literal?=', '=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?='],
    ['', ''],
  ])('writes %j as the specification does', (value, written) => {
    expect(encodeHeaderValue(value)).toBe(written);
    expect(decodeHeaderValue(written)).toEqual({ ok: true, value });
  });

  it('writes nothing that could end a header or start another, and reads everything back', () => {
    const unit = fc.constantFrom(
      'a',
      ' ',
      '\t',
      '\r',
      '\n',
      '\0',
      '=',
      '?',
      'é',
      '😀',
      '\u007f',
      '=?base64?',
      '?=',
      '\ufeff',
    );
    fc.assert(
      fc.property(fc.array(unit), (units) => {
        const value = units.join('');
        const written = encodeHeaderValue(value);
        expect(written).toMatch(/^[\t\x20-\x7e]*$/);
        expect(decodeHeaderValue(written)).toEqual({ ok: true, value });
      }),
      { seed: 20261120, numRuns: 2000 },
    );
  });

  it('throws at a lone surrogate', () => {
    expect(() => encodeHeaderValue('\ud800')).toThrow(RangeError);
  });
});

describe('decodeHeaderValue', () => {
  it('takes white space off the ends', () => {
    expect(decodeHeaderValue(' \techo\t ')).toEqual({ ok: true, value: 'echo' });
    expect(decodeHeaderValue(' =?base64?ZWNobw==?= ')).toEqual({ ok: true, value: 'echo' });
    expect(stripOws('\u00a0x')).toBe('\u00a0x');
  });

  it.each([
    ['no base64', '=?base64?!!!!?='],
    ['missing padding', '=?base64?ZWNobw?='],
    ['padding too much', '=?base64?ZWNobw===?='],
    ['bits behind the last byte', '=?base64?ZWNobx==?='],
    ['base64url', '=?base64?__8=?='],
    ['white space inside', '=?base64?ZWNo bw==?='],
    ['bytes that are no UTF-8', '=?base64?//8=?='],
    ['an overlong form', '=?base64?wK8=?='],
    ['markers that overlap', '=?base64?='],
    ['a control character', 'a\u0001'],
    ['a byte beyond ASCII', 'caf\u00e9'],
  ])('refuses %s', (_, value) => {
    expect(decodeHeaderValue(value)).toEqual({ ok: false });
  });

  it('takes other look-alikes as plain text, and keeps a byte order mark', () => {
    for (const value of ['=?BASE64?ZWNobw==?=', '=?base64?ZWNobw', 'ZWNobw==', '=?utf-8?B?ZWNobw==?=']) {
      expect(decodeHeaderValue(value)).toEqual({ ok: true, value });
    }
    expect(decodeHeaderValue('=?base64?77u/ZWNobw==?=')).toEqual({ ok: true, value: '\ufeffecho' });
  });
});
