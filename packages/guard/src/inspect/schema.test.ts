import { describe, expect, it } from 'vitest';
import { compileInputSchema, createSchemaCache, DEFAULT_SCHEMA_BOUNDS, type CompiledSchema } from './schema.ts';

function compile(schema: unknown): CompiledSchema {
  const compiled = compileInputSchema(schema);
  if (compiled.kind === 'fault') throw new Error(`${compiled.name} at ${compiled.pointer}: ${compiled.message}`);
  return compiled;
}

function faultOf(schema: unknown): readonly [string, string] | undefined {
  const compiled = compileInputSchema(schema);
  return compiled.kind === 'fault' ? [compiled.name, compiled.pointer] : undefined;
}

/** Reads JSON, so that members named `__proto__` are members. */
function parse(text: string): unknown {
  return JSON.parse(text);
}

describe('a check of arguments', () => {
  const schema = compile({
    type: 'object',
    properties: {
      path: { type: 'string', pattern: '^/[a-z/]*$', maxLength: 10 },
      count: { type: 'integer', minimum: 1, maximum: 9 },
      mode: { enum: ['fast', 'slow'] },
      tags: { type: 'array', items: { type: 'string' }, uniqueItems: true },
    },
    required: ['path'],
    additionalProperties: false,
  });

  it('finds nothing wrong with what fits', () => {
    expect(schema.check({ path: '/a', count: 3, mode: 'fast', tags: ['x', 'y'] })).toBeUndefined();
  });

  it.each([
    [[], '', 'type', 'must be object'],
    [{}, '', 'required', 'must have "path"'],
    [{ path: 1 }, '/path', 'type', 'must be string'],
    [{ path: 'a' }, '/path', 'pattern', 'must match ^/[a-z/]*$'],
    [{ path: '/', count: 1.5 }, '/count', 'type', 'must be integer'],
    [{ path: '/', count: 10 }, '/count', 'maximum', 'must be at most 9'],
    [{ path: '/', mode: 'other' }, '/mode', 'enum', 'must be one of "fast", "slow"'],
    [{ path: '/', tags: ['x', 2] }, '/tags/1', 'type', 'must be string'],
    [{ path: '/', tags: ['x', 'x'] }, '/tags', 'uniqueItems', 'must not have the same item twice'],
    [{ path: '/', 'a/~b': 1 }, '/a~1~0b', 'additionalProperties', 'is not expected here'],
  ])('says about %j what is wrong and where', (value, path, keyword, message) => {
    expect(schema.check(value)).toEqual({ path, keyword, message });
  });

  it('coerces nothing and fills nothing in', () => {
    const filling = compile({ properties: { a: { type: 'integer', default: 1 } }, required: ['a'] });
    const value = { b: '1' };
    expect(filling.check(value)).toMatchObject({ keyword: 'required' });
    expect(value).toEqual({ b: '1' });
    expect(filling.check({ a: '1' })).toMatchObject({ keyword: 'type' });
  });

  it('takes format for an annotation', () => {
    expect(compile({ format: 'email' }).check('no address')).toBeUndefined();
  });

  it('never repeats what was sent', () => {
    const long = 'secret'.repeat(1000);
    const strict = compile({
      properties: { a: { maxLength: 3, const: 'x', pattern: 'y' } },
      additionalProperties: false,
    });
    for (const value of [{ a: long }, { a: [long] }]) {
      expect(JSON.stringify(strict.check(value))).not.toContain('secret');
    }
    const fault = strict.check({ [long]: 1 });
    expect(fault?.message).not.toContain('secret');
    expect(fault?.path.length).toBeLessThan(300);
  });

  it('stays on one line, whatever names and patterns hold', () => {
    const name = 'a\n\u001b[31m\u202e\u2028\ud800';
    const faults = [
      compile({ additionalProperties: false }).check({ [name]: 1 }),
      compile({ required: [name] }).check({}),
      compile({ enum: [name] }).check(1),
      compile({ pattern: 'a\n\u202eb' }).check('x'),
    ];
    for (const fault of faults) {
      expect(fault).toBeDefined();
      expect(`${fault?.path}${fault?.message}`).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\u2028]/u);
    }
  });

  it('repeats little of the schema', () => {
    const wordy = compile({ enum: [`x${'y'.repeat(10_000)}`] });
    expect(wordy.check('z')?.message.length).toBeLessThan(200);
  });
});

describe('numbers beyond 2^53', () => {
  const unsafe = parse('9007199254740993');

  it.each([
    { type: 'integer' },
    { type: 'number' },
    { minimum: 0 },
    { enum: [1] },
    { const: 9_007_199_254_740_992 },
    { not: { const: 9_007_199_254_740_992 } },
    { not: { type: 'integer' } },
    { anyOf: [{ const: 1 }, true] },
    { oneOf: [{ minimum: 5 }, { maximum: 2 }] },
    { if: { const: 5 }, else: true },
    { multipleOf: 3 },
  ])('are refused where %j looks at them', (schema) => {
    expect(compile(schema).check(unsafe)).toMatchObject({ keyword: 'safe-integer' });
  });

  it('are refused within what is compared as a whole', () => {
    expect(compile({ uniqueItems: true }).check([{ a: unsafe }, 1])).toMatchObject({ keyword: 'safe-integer' });
    expect(compile({ not: { enum: [{ a: 1 }] } }).check({ a: unsafe })).toMatchObject({ keyword: 'safe-integer' });
  });

  it('pass where no schema looks at them', () => {
    expect(compile({ properties: { a: { type: 'integer' }, b: true } }).check({ a: 1, b: unsafe })).toBeUndefined();
    expect(compile({ type: 'integer' }).check(9_007_199_254_740_991)).toBeUndefined();
    expect(compile({ type: 'number' }).check(0.1)).toBeUndefined();
  });
});

describe('hostile names', () => {
  const names = [
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    '"',
    "'",
    '\\',
    '`${1}`',
    '\u2028',
    '\n',
    '*/',
  ];

  it.each(names)('%j in a schema is a name like any other', (name) => {
    const properties: unknown = parse(`{${JSON.stringify(name)}:{"type":"string"}}`);
    const schema = compile({ type: 'object', properties, required: [name], additionalProperties: false });
    expect(schema.check({})).toMatchObject({ keyword: 'required' });
    expect(schema.check(parse(`{${JSON.stringify(name)}:"x"}`))).toBeUndefined();
    expect(schema.check(parse(`{${JSON.stringify(name)}:1}`))).toMatchObject({ keyword: 'type' });
    const reference = encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'));
    const referring = compile(
      parse(`{"$defs":{${JSON.stringify(name)}:{"type":"null"}},"$ref":"#/$defs/${reference}"}`),
    );
    expect(referring.check(null)).toBeUndefined();
    expect(referring.check(1)).toMatchObject({ keyword: 'type' });
  });

  it.each(names)('%j in arguments is a name like any other', (name) => {
    const schema = compile({ properties: { a: true }, additionalProperties: { type: 'string' } });
    expect(schema.check(parse(`{${JSON.stringify(name)}:1}`))).toMatchObject({ keyword: 'type' });
    const dependent = compile(parse(`{"dependentRequired":{${JSON.stringify(name)}:["b"]}}`));
    expect(dependent.check({})).toBeUndefined();
    expect(dependent.check(parse(`{${JSON.stringify(name)}:1}`))).toMatchObject({ keyword: 'dependentRequired' });
  });

  it('cannot reach inherited members by reference', () => {
    expect(faultOf({ $ref: '#/constructor' })).toEqual(['bad-reference', '/$ref']);
    expect(faultOf({ $ref: '#/__proto__' })).toEqual(['bad-reference', '/$ref']);
    expect(faultOf({ allOf: [true], $ref: '#/allOf/length' })).toEqual(['bad-reference', '/$ref']);
  });
});

describe('references', () => {
  it('may be recursive', () => {
    const tree = compile({ properties: { children: { items: { $ref: '#' } }, n: { type: 'integer' } } });
    expect(tree.check({ children: [{ children: [{ n: 1 }] }] })).toBeUndefined();
    expect(tree.check({ children: [{ children: [{ n: 'x' }] }] })).toMatchObject({ path: '/children/0/children/0/n' });
  });

  it.each([
    ['https://example.com/schema.json', 'remote-ref'],
    ['http://169.254.169.254/latest', 'remote-ref'],
    ['file:///etc/passwd', 'remote-ref'],
    ['other.json#/a', 'remote-ref'],
    ['//example.com/x', 'remote-ref'],
    ['#/nowhere', 'bad-reference'],
    ['#nowhere', 'bad-reference'],
    ['#/%ZZ', 'bad-reference'],
    ['http://[', 'bad-reference'],
  ])('to %j are not followed', (reference, name) => {
    expect(faultOf({ type: 'object', properties: { a: { $ref: reference } } })).toEqual([name, '/properties/a/$ref']);
  });

  it('of one schema cannot lead into another that was compiled before', () => {
    compile({ $id: 'https://example.com/first', $anchor: 'x', type: 'object' });
    expect(faultOf({ $ref: 'https://example.com/first#x' })).toEqual(['remote-ref', '/$ref']);
    expect(compile({ $id: 'https://example.com/first', type: 'string' }).check('x')).toBeUndefined();
  });

  it('that only lead in a circle end the check', () => {
    expect(compile({ $ref: '#' }).check({})).toMatchObject({ keyword: 'cost' });
    expect(compile({ not: { $ref: '#' } }).check({})).toMatchObject({ keyword: 'cost' });
  });
});

describe('a schema that cannot be compiled', () => {
  const nested = (levels: number): unknown => {
    let schema: unknown = {};
    for (let level = 0; level < levels; level += 1) schema = { not: schema };
    return schema;
  };

  it.each([
    ['is too deep', nested(DEFAULT_SCHEMA_BOUNDS.depth), 'too-deep', ''],
    ['is too large', { description: 'x'.repeat(DEFAULT_SCHEMA_BOUNDS.bytes) }, 'too-large', ''],
    [
      'has too many schemas',
      { properties: Object.fromEntries(Array.from({ length: 5001 }, (_, index) => [`p${index}`, {}])) },
      'too-many-subschemas',
      '/properties/p4999',
    ],
    [
      'has too many references',
      { allOf: Array.from({ length: 1001 }, () => ({ $ref: '#/$defs/a' })), $defs: { a: {} } },
      'too-many-references',
      '/allOf/1000',
    ],
    [
      'has too many patterns',
      { allOf: Array.from({ length: 501 }, (_, index) => ({ pattern: `a${index}` })) },
      'too-many-patterns',
      '/allOf/500/pattern',
    ],
    [
      'has patterns that are too much work together',
      { allOf: Array.from({ length: 30 }, (_, index) => ({ pattern: `a{500}${index}` })) },
      'too-many-patterns',
      '/allOf/19/pattern',
    ],
    [
      'has too many Unicode properties in its patterns',
      { allOf: Array.from({ length: 30 }, (_, index) => ({ pattern: `${'[a-z\\p{L}]'.repeat(50)}${index}` })) },
      'too-many-patterns',
      '/allOf/4/pattern',
    ],
    ['has a pattern that is too long', { pattern: 'a'.repeat(1025) }, 'bad-pattern', '/pattern'],
    ['has a pattern that looks around', { pattern: 'a(?=b)' }, 'bad-pattern', '/pattern'],
    [
      'has a pattern among names that refers back',
      { patternProperties: { '(a)\\1': true } },
      'bad-pattern',
      '/patternProperties',
    ],
    ['names another dialect', { $schema: 'http://json-schema.org/draft-04/schema#' }, 'unknown-dialect', '/$schema'],
    ['is no schema', 'string', 'bad-shape', ''],
    ['holds what is no schema', { properties: { a: 1 } }, 'bad-shape', '/properties/a'],
    ['has a type that does not exist', { type: 'file' }, 'bad-shape', '/type'],
    ['has no list where one belongs', { required: 'a' }, 'bad-shape', '/required'],
    ['has an empty list of alternatives', { anyOf: [] }, 'bad-shape', '/anyOf'],
    ['counts with a fraction', { minLength: 1.5 }, 'bad-shape', '/minLength'],
    ['divides by zero', { multipleOf: 0 }, 'bad-shape', '/multipleOf'],
    ['bounds with a text', { maximum: '5' }, 'bad-shape', '/maximum'],
    ['uses an identifier twice', { $defs: { a: { $id: 'x:y' }, b: { $id: 'x:y' } } }, 'bad-reference', '/$defs/b'],
    [
      'uses an anchor twice',
      { $defs: { a: { $anchor: 'x' }, b: { $anchor: 'x' } } },
      'bad-reference',
      '/$defs/b/$anchor',
    ],
  ])('because it %s is a fault with name and place', (_title, schema, name, pointer) => {
    expect(faultOf(schema)).toEqual([name, pointer]);
  });

  it('because dynamic references multiply it is a fault', () => {
    const resources = Array.from({ length: 30 }, (_, level) => ['a', 'b'].map((side) => [level, side] as const)).flat();
    const $defs = Object.fromEntries(
      resources.map(([level, side]) => [
        `${side}${level}`,
        {
          $id: `https://example.com/${side}${level}`,
          $dynamicAnchor: `x${level}`,
          anyOf: level === 29 ? [true] : [{ $ref: `a${level + 1}` }, { $ref: `b${level + 1}` }],
        },
      ]),
    );
    expect(faultOf({ $defs, $ref: 'https://example.com/a0' })?.[0]).toBe('too-many-subschemas');
  });
});

describe('a check', () => {
  const doubling = (levels: number, keyword: string): unknown => {
    const $defs: Record<string, unknown> = {};
    for (let level = 0; level < levels; level += 1) {
      const next = { $ref: `#/$defs/d${level + 1}` };
      $defs[`d${level}`] = { [keyword]: [next, next] };
    }
    $defs[`d${levels}`] = keyword === 'anyOf' ? false : {};
    return { $ref: '#/$defs/d0', $defs };
  };

  it.each(['allOf', 'anyOf', 'oneOf'])('[schema-bounded] that would take 2^50 steps by %s ends', (keyword) => {
    const fault = compile(doubling(50, keyword)).check({});
    expect(fault).toBeDefined();
    if (keyword === 'allOf' || keyword === 'anyOf') expect(fault).toMatchObject({ keyword: 'cost' });
  });

  it('cannot be turned into a yes by running out of steps', () => {
    const schema = compile({ not: Object.assign({ $id: 'https://example.com/inner' }, doubling(50, 'anyOf')) });
    expect(schema.check({})).toMatchObject({ keyword: 'cost' });
  });

  it('of pattern work beyond its steps ends', () => {
    const schema = compile({ items: { pattern: '^(?:[a-z]{1,50}){1,9}$' } });
    const fault = schema.check(Array.from({ length: 2000 }, () => 'a'.repeat(400)));
    expect(fault).toMatchObject({ keyword: 'cost' });
  });

  it('of many different items for uniqueness does not compare them pair by pair', () => {
    const items = Array.from({ length: 100_000 }, (_, index) => (index % 2 === 0 ? index : { index }));
    expect(compile({ uniqueItems: true }).check(items)).toBeUndefined();
  });

  it('of large plain arguments stays within its steps', () => {
    const schema = compile({
      properties: { rows: { items: { type: 'object', properties: { id: { type: 'integer' } } } } },
    });
    const rows = Array.from({ length: 50_000 }, (_, id) => ({ id }));
    expect(schema.check({ rows })).toBeUndefined();
  });
});

describe('a cache of schemas', () => {
  it('compiles the same schema once, in whatever order it is written', () => {
    const cache = createSchemaCache();
    const first = cache.compile({ type: 'object', required: ['a'] });
    expect(cache.compile({ required: ['a'], type: 'object' })).toBe(first);
    expect(cache.size).toBe(1);
  });

  it('never keeps more than its capacity, and no faults', () => {
    const cache = createSchemaCache(10);
    for (let index = 0; index < 100; index += 1) cache.compile({ minimum: index });
    expect(cache.size).toBeLessThanOrEqual(10);
    const empty = createSchemaCache(10);
    expect(empty.compile({ type: 'file' })).toMatchObject({ kind: 'fault', name: 'bad-shape' });
    expect(empty.compile({ description: 'x'.repeat(300_000) })).toMatchObject({ kind: 'fault', name: 'too-large' });
    expect(empty.size).toBe(0);
  });
});
