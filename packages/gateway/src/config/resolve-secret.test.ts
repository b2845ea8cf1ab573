import { describe, expect, it } from 'vitest';
import { isReference, parseReference } from './resolve-secret.ts';

const origin = { file: '/etc/sp/main.yaml', line: 1, column: 1 };

describe('parseReference', () => {
  it('knows references from texts', () => {
    expect(['env:A', 'file:a', 'file:/a', 'command:a'].every(isReference)).toBe(true);
    expect(['file:///a', 'file://a', 'environment', 'ENV:A', 'a env:B', ''].some(isReference)).toBe(false);
  });

  it('starts paths from the folder of the file', () => {
    expect(parseReference('file:secrets/a', origin)).toMatchObject({ kind: 'file', path: '/etc/sp/secrets/a' });
    expect(parseReference('file:/run/secrets/a', origin)).toMatchObject({ kind: 'file', path: '/run/secrets/a' });
  });

  it.each([
    ['command:op read x', ['op', 'read', 'x']],
    ['command: op   read "op://vault/my item/f" ', ['op', 'read', 'op://vault/my item/f']],
    [`command:a 'b "c"' d"e f"g ""`, ['a', 'b "c"', 'de fg', '']],
    ['command:["a", "b c"]', ['a', 'b c']],
    ['command:echo $HOME; rm * | `x`', ['echo', '$HOME;', 'rm', '*', '|', '`x`']],
  ])('splits %s without a shell', (text, argv) => {
    expect(parseReference(text, origin)).toMatchObject({ kind: 'command', argv, cwd: '/etc/sp' });
  });

  it.each([
    'command:',
    'command:  ',
    'command:"a',
    'command:[1]',
    'command:[]',
    'command:["a"',
    'env:',
    'env:1',
    'env:A B',
    'file:',
    'file:a\0b',
  ])('refuses %j with a way out', (text) =>
    expect(parseReference(text, origin)).toMatchObject({ kind: 'fault', suggestion: expect.stringContaining('write') }),
  );
});
