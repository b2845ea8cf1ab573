import { describe, expect, it } from 'vitest';
import type { ParamHeaderAnnotation } from './param-headers.ts';
import { checkParamHeaders, paramHeaders, readParamHeaderAnnotations } from './param-headers.ts';

const schema = {
  type: 'object',
  properties: {
    region: { type: 'string', 'x-mcp-header': 'Region' },
    nested: { type: 'object', properties: { n: { type: 'integer', 'x-mcp-header': 'X-N' } } },
    flag: { type: 'boolean', 'x-mcp-header': 'Flag' },
    'x-mcp-header': { type: 'string', default: { 'x-mcp-header': 'data' } },
    plain: { enum: [{ 'x-mcp-header': 'data' }], const: { 'x-mcp-header': 'data' }, examples: [{ 'x-mcp-header': 1 }] },
  },
};

function annotationsOf(inputSchema: unknown): readonly ParamHeaderAnnotation[] {
  const reading = readParamHeaderAnnotations(inputSchema);
  if (reading.kind === 'fault') throw new Error(`refused: ${reading.fault.name}`);
  return reading.annotations;
}

describe('readParamHeaderAnnotations', () => {
  it('finds annotations on properties at any depth, and takes neither names nor data for them', () => {
    expect(annotationsOf(schema)).toEqual([
      { path: ['region'], name: 'Region', header: 'mcp-param-region', type: 'string' },
      { path: ['nested', 'n'], name: 'X-N', header: 'mcp-param-x-n', type: 'integer' },
      { path: ['flag'], name: 'Flag', header: 'mcp-param-flag', type: 'boolean' },
    ]);
    expect(annotationsOf({ type: 'object' })).toEqual([]);
    expect(annotationsOf(true)).toEqual([]);
  });

  const annotated = { type: 'string', 'x-mcp-header': 'A' };
  it.each([
    ['unreachable', '', annotated],
    ['unreachable', '/properties/a/items', { properties: { a: { items: annotated } } }],
    ['unreachable', '/anyOf/0/properties/a', { anyOf: [{ properties: { a: annotated } }] }],
    ['unreachable', '/$defs/a', { $defs: { a: annotated } }],
    ['unreachable', '/additionalProperties', { additionalProperties: annotated }],
    ['unreachable', '/patternProperties/a~1b', { patternProperties: { 'a/b': annotated } }],
    ['unreachable', '/if/properties/a', { if: { properties: { a: annotated } } }],
    ['unreachable', '/x-future/a', { 'x-future': { a: annotated } }],
    ['bad-name', '/properties/a', { properties: { a: { type: 'string', 'x-mcp-header': '' } } }],
    ['bad-name', '/properties/a', { properties: { a: { type: 'string', 'x-mcp-header': 'a b' } } }],
    ['bad-name', '/properties/a', { properties: { a: { type: 'string', 'x-mcp-header': 'a\r\nx: 1' } } }],
    ['bad-name', '/properties/a', { properties: { a: { type: 'string', 'x-mcp-header': 7 } } }],
    ['bad-type', '/properties/a', { properties: { a: { type: 'number', 'x-mcp-header': 'A' } } }],
    ['bad-type', '/properties/a', { properties: { a: { type: ['string'], 'x-mcp-header': 'A' } } }],
    ['bad-type', '/properties/a', { properties: { a: { 'x-mcp-header': 'A' } } }],
    ['repeated-name', '/properties/b', { properties: { a: annotated, b: { ...annotated, 'x-mcp-header': 'a' } } }],
  ])('refuses %s at %j', (name, pointer, inputSchema) => {
    expect(readParamHeaderAnnotations(inputSchema)).toEqual({ kind: 'fault', fault: { name, pointer } });
  });

  it('gives up on a schema of absurd size, and on depth without recursion', () => {
    const wide = { properties: Object.fromEntries(Array.from({ length: 30_000 }, (_, index) => [`p${index}`, {}])) };
    expect(readParamHeaderAnnotations(wide)).toMatchObject({ fault: { name: 'schema-too-large' } });
    let deep: object = annotated;
    for (let level = 0; level < 5000; level += 1) deep = { not: deep };
    expect(readParamHeaderAnnotations(deep)).toMatchObject({ fault: { name: 'unreachable' } });
  });
});

describe('checkParamHeaders', () => {
  const annotations = annotationsOf(schema);

  it('takes headers that equal the arguments, integers by their value', () => {
    const args = { region: 'eu', nested: { n: 10 }, flag: true };
    for (const n of ['10', '10.0', '1e1']) {
      const headers = {
        'mcp-param-region': 'eu',
        'mcp-param-x-n': n,
        'mcp-param-flag': 'true',
        'mcp-param-future': 'x',
      };
      expect(checkParamHeaders(args, headers, annotations)).toBeUndefined();
    }
    expect(checkParamHeaders({ region: 'é' }, { 'mcp-param-region': '=?base64?w6k=?=' }, annotations)).toBeUndefined();
    expect(checkParamHeaders(undefined, {}, annotations)).toBeUndefined();
    expect(checkParamHeaders({ region: null }, {}, annotations)).toBeUndefined();
  });

  it.each([
    ['header-mismatch', { region: 'eu' }, { 'mcp-param-region': 'us' }],
    ['header-mismatch', { region: 'eu' }, { 'mcp-param-region': 'EU' }],
    ['header-mismatch', { region: null }, { 'mcp-param-region': 'null' }],
    ['header-mismatch', {}, { 'mcp-param-region': 'eu' }],
    ['header-mismatch', { region: ['eu'] }, { 'mcp-param-region': 'eu' }],
    ['header-mismatch', { flag: true }, { 'mcp-param-flag': 'True' }],
    ['header-mismatch', { nested: { n: 10 } }, { 'mcp-param-x-n': '010' }],
    ['header-mismatch', { nested: { n: 10 } }, { 'mcp-param-x-n': '0xA' }],
    ['header-mismatch', { nested: { n: 0 } }, { 'mcp-param-x-n': '' }],
    ['header-mismatch', { nested: { n: 9007199254740992 } }, { 'mcp-param-x-n': '9007199254740993' }],
    ['header-missing', { region: 'eu' }, {}],
    ['header-missing', { region: '' }, {}],
    ['header-encoding', { region: 'eu' }, { 'mcp-param-region': '=?base64?!?=' }],
    ['header-encoding', { region: 'é' }, { 'mcp-param-region': 'é' }],
  ])('answers %s for %j beside %j', (name, args, headers) => {
    expect(checkParamHeaders(args, headers, annotations)).toMatchObject({ name, code: -32020 });
  });
});

describe('paramHeaders', () => {
  const annotations = annotationsOf(schema);

  it('writes what the server will check, and nothing for what is not there', () => {
    const args = { region: 'eu\r\nx-admin: 1', nested: { n: -7 }, flag: false };
    const headers = paramHeaders(args, annotations);
    expect(headers).toEqual({
      'mcp-param-region': `=?base64?${Buffer.from('eu\r\nx-admin: 1').toString('base64')}?=`,
      'mcp-param-x-n': '-7',
      'mcp-param-flag': 'false',
    });
    expect(checkParamHeaders(args, headers, annotations)).toBeUndefined();
    expect(paramHeaders({ region: null, nested: { n: 1.5 }, flag: {} }, annotations)).toEqual({});
    expect(paramHeaders(undefined, annotations)).toEqual({});
  });

  it('replaces what a caller sent under the same name', () => {
    const sent = { 'mcp-param-region': 'us' };
    expect({ ...sent, ...paramHeaders({ region: 'eu' }, annotations) }).toEqual({ 'mcp-param-region': 'eu' });
  });

  it('keeps an annotated name within its own prefix', () => {
    const named = annotationsOf({ properties: { t: { type: 'string', 'x-mcp-header': 'authorization' } } });
    expect(paramHeaders({ t: 'x' }, named)).toEqual({ 'mcp-param-authorization': 'x' });
  });

  it('does not read what arguments inherit', () => {
    const named = annotationsOf({
      properties: { constructor: { properties: { name: { type: 'string', 'x-mcp-header': 'C' } } } },
    });
    expect(paramHeaders({}, named)).toEqual({});
  });
});
