import { describe, expect, it } from 'vitest';
import { toLegacyTool, toModernTool } from './tools.ts';

const tool = (outputSchema?: object) => ({
  name: 't',
  inputSchema: { type: 'object' },
  ...(outputSchema && { outputSchema }),
});

describe('toLegacyTool', () => {
  it('leaves tools alone whose output is an object or not described', () => {
    for (const given of [tool(), tool({ type: 'object', properties: { a: { $ref: '#/$defs/a' } } })]) {
      expect(toLegacyTool(given)).toEqual({ tool: given, isOutputWrapped: false });
    }
  });

  it('wraps any other output schema as the property result', () => {
    expect(
      toLegacyTool(tool({ $schema: 'https://json-schema.org/draft/2020-12/schema', type: 'array', items: {} })),
    ).toEqual({
      tool: tool({
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        type: 'object',
        properties: { result: { type: 'array', items: {} } },
        required: ['result'],
      }),
      isOutputWrapped: true,
    });
    expect(toLegacyTool(tool({ anyOf: [{ type: 'object' }] })).isOutputWrapped).toBe(true);
  });

  it('points references to where their targets stand then, and touches neither data nor other documents', () => {
    const natural = {
      type: 'array',
      items: { $ref: '#/$defs/node' },
      $defs: {
        node: { properties: { next: { $ref: '#' }, $ref: { $dynamicRef: '#/$defs/node' } }, default: { $ref: '#/x' } },
        other: { $id: 'https://example.com/other', items: { $ref: '#/own' } },
        anchored: { $id: '#here', items: { $ref: '#/$defs/node' } },
      },
      allOf: [{ $ref: 'https://example.com/other' }, { $ref: '#anchor' }],
      const: [{ $ref: '#/x' }],
    };
    expect(toLegacyTool(tool(natural)).tool).toMatchObject({
      outputSchema: {
        properties: {
          result: {
            type: 'array',
            items: { $ref: '#/properties/result/$defs/node' },
            $defs: {
              node: {
                properties: {
                  next: { $ref: '#/properties/result' },
                  $ref: { $dynamicRef: '#/properties/result/$defs/node' },
                },
                default: { $ref: '#/x' },
              },
              other: { $id: 'https://example.com/other', items: { $ref: '#/own' } },
              anchored: { $id: '#here', items: { $ref: '#/properties/result/$defs/node' } },
            },
            allOf: [{ $ref: 'https://example.com/other' }, { $ref: '#anchor' }],
            const: [{ $ref: '#/x' }],
          },
        },
      },
    });
  });

  it('keeps a property named __proto__ a property', () => {
    const schema: unknown = JSON.parse('{"type":"array","properties":{"__proto__":{"$ref":"#"}}}');
    const { tool: wrapped } = toLegacyTool({ name: 't', outputSchema: schema });
    expect(JSON.stringify(wrapped)).toContain('"properties":{"__proto__":{"$ref":"#/properties/result"}}');
  });
});

describe('toModernTool', () => {
  it('takes out what modern tools do not say', () => {
    expect(toModernTool({ name: 't', execution: { taskSupport: 'optional' } })).toEqual({ name: 't' });
    const plain = tool();
    expect(toModernTool(plain)).toBe(plain);
  });
});
