import { describe, expect, it, vi } from 'vitest';
import { readEntry, type ListKind } from './definition.ts';

const none = () => undefined;
const read = (list: ListKind, definition: Record<string, unknown>) => readEntry('files', list, definition, none);
const sound = { name: 'read', inputSchema: { type: 'object', properties: { n: { type: 'integer' } } } };

function entry(list: ListKind, definition: Record<string, unknown>) {
  const made = read(list, definition);
  if ('reason' in made) throw new Error(made.reason);
  return made;
}

describe('a definition', () => {
  it.each<[ListKind, Record<string, unknown>, string, string]>([
    ['tools', sound, 'read', 'files__read'],
    ['prompts', { name: 'ask' }, 'ask', 'files__ask'],
    ['resources', { uri: 'file:///a', name: 'a' }, 'file:///a', 'mcp+files:file:///a'],
    ['templates', { uriTemplate: 'file:///{a}', name: 'a' }, 'file:///{a}', 'mcp+files:file:///{a}'],
  ])('of %s has the server’s name and the one on /mcp', (list, definition, name, wireName) => {
    const made = entry(list, definition);
    expect(made).toMatchObject({ name, wireName, key: `files.${name}` });
    expect([made.directTarget.asked, made.prefixedTarget.asked]).toEqual([undefined, wireName]);
    expect(JSON.parse(made.direct.modern)).toEqual(definition);
    expect(JSON.parse(made.prefixed.modern)).toMatchObject({
      ...definition,
      [list === 'resources' ? 'uri' : list === 'templates' ? 'uriTemplate' : 'name']: wireName,
    });
  });

  it('checks arguments by its input schema', () => {
    const { definition } = entry('tools', sound);
    expect(definition.checkArguments?.({ n: 1 })).toBeUndefined();
    expect(definition.checkArguments?.({ n: 'x' })).toMatchObject({ path: '/n', keyword: 'type' });
  });

  it.each<[string, ListKind, Record<string, unknown>]>([
    ['no name', 'tools', { inputSchema: { type: 'object' } }],
    ['a name that is no string', 'prompts', { name: 7 }],
    ['an illegal name', 'tools', { ...sound, name: 'rm -rf' }],
    ['a name of 129 characters', 'prompts', { name: 'a'.repeat(129) }],
    ['no URI', 'resources', { name: 'a' }],
    ['no input schema', 'tools', { name: 'read' }],
    [
      'a remote reference',
      'tools',
      { name: 'read', inputSchema: { type: 'object', properties: { a: { $ref: 'https://example.com/s' } } } },
    ],
    [
      'an x-mcp-header that is no token',
      'tools',
      { name: 'read', inputSchema: { type: 'object', properties: { a: { type: 'string', 'x-mcp-header': 'a b' } } } },
    ],
    ['more than 256 KiB', 'tools', { ...sound, description: 'd'.repeat(256 * 1024) }],
    ['more than 256 KiB of other characters', 'prompts', { name: 'ask', description: 'ü'.repeat(130 * 1024) }],
  ])('with %s is quarantined, and says why', (_, list, definition) => {
    expect(read(list, definition)).toMatchObject({ server: 'files', list, reason: expect.stringMatching(/\w+/) });
  });

  it('of almost 256 KiB is shown', () => {
    const made = entry('resources', { uri: 'file:///a', name: 'a', description: 'd'.repeat(255 * 1024) });
    expect(made.prefixed.legacy.length).toBeGreaterThan(255 * 1024);
  });

  it('is encoded once for both eras where they see the same, and when it is first shown where they do not', () => {
    const stringify = vi.spyOn(JSON, 'stringify');
    const encodings = (): number => stringify.mock.calls.filter(([value]) => typeof value === 'object').length;
    entry('tools', sound);
    expect(encodings()).toBe(2);
    stringify.mockClear();
    const made = entry('tools', { ...sound, execution: {} });
    expect(encodings()).toBe(1);
    expect(made.prefixed.modern).toBe(made.prefixed.modern);
    expect(encodings()).toBe(2);
    stringify.mockRestore();
  });

  it('of a task-bearing tool is shown to each era as it knows it', () => {
    const made = entry('tools', { ...sound, execution: { taskSupport: 'optional' } });
    for (const encoded of [made.direct, made.prefixed]) {
      expect(JSON.parse(encoded.modern)).not.toHaveProperty('execution');
      expect(JSON.parse(encoded.legacy)).toHaveProperty('execution');
    }
  });

  it('is not read again while it reads the same', () => {
    const before = entry('tools', sound);
    expect(readEntry('files', 'tools', { ...sound }, () => before)).toBe(before);
    expect(readEntry('files', 'tools', { ...sound, description: 'new' }, () => before)).not.toBe(before);
  });

  it('has another digest when anything in it changes, and the same in any order of members', () => {
    const digest = (definition: Record<string, unknown>) => entry('tools', definition).definition.digest;
    expect(digest({ inputSchema: sound.inputSchema, name: 'read' })).toBe(digest(sound));
    expect(digest({ ...sound, annotations: { readOnlyHint: true } })).not.toBe(digest(sound));
  });

  it('points at ui:// resources as callers of /mcp know them', () => {
    const made = entry('tools', { ...sound, _meta: { ui: { resourceUri: 'ui://panel', csp: {} }, own: 1 } });
    expect(JSON.parse(made.prefixed.modern)).toMatchObject({
      _meta: { ui: { resourceUri: 'ui://files/panel', csp: {} }, own: 1 },
    });
    expect(JSON.parse(made.direct.modern)).toMatchObject({ _meta: { ui: { resourceUri: 'ui://panel' } } });
  });

  it('is shown to legacy callers with an output that they can read', () => {
    const made = entry('tools', { ...sound, outputSchema: { type: 'array' } });
    expect(made.isOutputWrapped).toBe(true);
    expect(JSON.parse(made.direct.legacy)).toMatchObject({ outputSchema: { type: 'object', required: ['result'] } });
  });

  it('checks the headers that mirror its arguments', () => {
    const inputSchema = { type: 'object', properties: { r: { type: 'string', 'x-mcp-header': 'Region' } } };
    const { definition } = entry('tools', { name: 'read', inputSchema });
    expect(definition.checkHeaders?.({ r: 'eu' }, { 'mcp-param-region': 'eu' })).toBeUndefined();
    expect(definition.checkHeaders?.({ r: 'eu' }, { 'mcp-param-region': 'us' })?.toLowerCase()).toBe(
      'mcp-param-region',
    );
    expect(definition.checkHeaders?.({ r: 'eu' }, {})).toBeDefined();
  });
});
