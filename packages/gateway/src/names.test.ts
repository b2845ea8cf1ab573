import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isLegalName, readWireUri, wireName, wireUri } from './names.ts';

const server = fc.stringMatching(/^[a-z][a-z0-9-]{0,23}$/);
const name = fc.stringMatching(/^[A-Za-z0-9_.-]{1,128}$/);

describe('names on /mcp', () => {
  it('are the server, two underscores and the name', () => {
    expect(wireName('files', 'read_file')).toBe('files__read_file');
  });

  it('of at most 64 characters stay whole, longer ones are cut and end in a digest of the whole', () => {
    const full = `files__${'a'.repeat(57)}`;
    expect(wireName('files', 'a'.repeat(57))).toBe(full);
    const long = `files__${'a'.repeat(58)}`;
    const digest = createHash('sha256').update(long).digest('hex').slice(0, 8);
    expect(wireName('files', 'a'.repeat(58))).toBe(`${long.slice(0, 55)}_${digest}`);
  });

  it('stay within the protocol’s bounds and differ for different tools', () => {
    fc.assert(
      fc.property(server, name, server, name, (serverA, nameA, serverB, nameB) => {
        const [a, b] = [wireName(serverA, nameA), wireName(serverB, nameB)];
        expect(a.length).toBeLessThanOrEqual(64);
        expect(isLegalName(a)).toBe(true);
        expect(a === b).toBe(serverA === serverB && nameA === nameB);
      }),
    );
  });

  it.each([
    ['a', true],
    ['A-z_0.9', true],
    ['a'.repeat(128), true],
    ['a'.repeat(129), false],
    ['', false],
    ['a b', false],
    ['a/b', false],
    ['ä', false],
    ['a\n', false],
    ['a\u200b', false],
  ])('%j is legal: %s', (given, isLegal) => {
    expect(isLegalName(given)).toBe(isLegal);
  });
});

describe('URIs on /mcp', () => {
  it('carry the server in front, and for ui:// in the place of the host', () => {
    expect(wireUri('files', 'file:///srv/a')).toBe('mcp+files:file:///srv/a');
    expect(wireUri('app', 'ui://panel/index.html')).toBe('ui://app/panel/index.html');
  });

  it('can be read back, whatever the server calls its resources', () => {
    const uri = fc.oneof(
      fc.string(),
      fc.string().map((rest) => `ui://${rest}`),
      fc.webUrl(),
      fc.string({ unit: 'binary' }),
    );
    fc.assert(
      fc.property(server, uri, (owner, original) => {
        expect(readWireUri(wireUri(owner, original))).toEqual({ server: owner, uri: original });
      }),
    );
  });

  it('cannot pass for another server’s', () => {
    expect(readWireUri(wireUri('files', 'mcp+other:x'))).toEqual({ server: 'files', uri: 'mcp+other:x' });
    expect(readWireUri(wireUri('files', 'ui://other/x'))).toEqual({ server: 'files', uri: 'ui://other/x' });
  });

  it.each([
    '',
    'file:///x',
    'mcp+:x',
    'mcp+Files:x',
    'mcp+files',
    'MCP+files:x',
    'ui://',
    'ui://files',
    'ui://FILES/x',
    ' mcp+files:x',
  ])('%j names no server', (given) => {
    expect(readWireUri(given)).toBeUndefined();
  });
});
