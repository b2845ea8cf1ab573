import { describe, expect, it } from 'vitest';
import { curlCommand, keyOfSpoken, keyOfWireName, listedTools, pickAllowed, pickRefused } from './try-out.ts';

const tool = (name: string, required: string[] = [], properties: Record<string, unknown> = {}) => ({
  name,
  inputSchema: { type: 'object', properties, required },
});
const tools = listedTools({
  tools: [
    tool('files__read', ['path']),
    tool('files__write_file', ['path', 'content'], { path: { type: 'string' }, content: { type: 'string' } }),
    tool('files__list'),
    tool('everything__echo', ['message'], { message: { type: 'string' } }),
    tool('everything__sum', ['a', 'kind', 'deep'], {
      a: { type: 'integer', minimum: 3 },
      kind: { enum: ['x'] },
      deep: { type: 'object' },
    }),
    null,
  ],
});

describe('picking calls to try', () => {
  it('prefers a tool that answers what it is told, then one that needs nothing', () => {
    expect(pickAllowed(tools, () => true)).toEqual({ name: 'everything__echo', arguments: { message: 'hello' } });
    expect(pickAllowed(tools, (key) => key.startsWith('files.'))).toEqual({ name: 'files__list', arguments: {} });
    expect(pickAllowed(tools, () => false)).toBeUndefined();
  });

  it('prefers to show the refusal of a change', () => {
    expect(pickRefused(tools, (key) => key === 'everything.echo')).toEqual({
      name: 'files__write_file',
      arguments: { path: 'hello.txt', content: 'hello' },
    });
    expect(pickRefused(tools, () => true)).toBeUndefined();
  });

  it('fills in arguments that fit their schema', () => {
    expect(pickAllowed(tools, (key) => key === 'everything.sum')?.arguments).toEqual({ a: 3, kind: 'x', deep: {} });
  });

  it('knows which names were cut', () => {
    expect(keyOfWireName('a__b__c')).toBe('a.b__c');
    expect(keyOfWireName('plain')).toBeUndefined();
    expect(keyOfWireName(`a__${'b'.repeat(61)}`)).toBeUndefined();
  });
});

describe('curlCommand', () => {
  it('sends every header of 2026-07-28 and a body that agrees with them', () => {
    const command = curlCommand('http://127.0.0.1:8848/mcp', 'the-key', { name: 'a__b', arguments: { text: "it's" } });
    for (const part of [
      'Authorization: Bearer the-key',
      'MCP-Protocol-Version: 2026-07-28',
      'Mcp-Method: tools/call',
      'Mcp-Name: a__b',
    ]) {
      expect(command).toContain(part);
    }
    expect(command).toContain(`"text":"it'\\''s"`);
  });
});

describe('keyOfSpoken', () => {
  it('takes a tool as the file writes it and as callers read it', () => {
    const servers = ['files'];
    expect(keyOfSpoken('files.read', servers)).toBe('files.read');
    expect(keyOfSpoken('files__read__it', servers)).toBe('files.read__it');
    expect(keyOfSpoken('files.a__b', servers)).toBe('files.a__b');
    expect(keyOfSpoken('other__read', servers)).toBe('other__read');
    expect(keyOfSpoken('wBE0d0003', servers)).toBe('wBE0d0003');
  });
});
