import { describe, expect, it } from 'vitest';
import { parse, parseDocument } from 'yaml';
import { importedConfig, scalar, starterConfig } from './config-text.ts';

describe('scalar', () => {
  it('writes every text so that YAML reads the same text', () => {
    const texts = [
      'plain',
      '@scope/name',
      'env:NAME',
      'https://a.example.com/x?y=z#w',
      'true',
      'null',
      '1',
      '-y',
      '',
      "it's",
      'a: b',
      'x #y',
      '!no',
      '*',
      '& x',
      '{}',
      'tab\tbell\u0007',
      'two\nlines',
      '~',
      'a:',
      '=',
      '0x10',
      'yes',
      'C:\\x',
      '\u2028',
    ];
    for (const text of texts) {
      expect(parse(`[${scalar(text)}]`), text).toEqual([text]);
      expect(parse(`{ key: ${scalar(text)} }`), text).toEqual({ key: text });
      expect(parse(`key: ${scalar(text)}\n`), text).toEqual({ key: text });
    }
  });
});

describe('configurations', () => {
  it('are YAML without a warning', () => {
    const upstreams = [
      {
        kind: 'stdio',
        name: 'a',
        from: '"A\n- x" of Cursor',
        command: ['npx', '-y', "it's"],
        env: [['X', 'env:X']],
        cwd: '/p',
      },
      {
        kind: 'http',
        name: 'b',
        from: '"B" of Cursor',
        url: 'https://b/',
        bearer: 'env:B',
        headers: [['X-Y', 'file:state/secrets/b-X-Y']],
      },
    ] as const;
    for (const text of [
      starterConfig(),
      importedConfig({ upstreams, secrets: [], remarks: [] }),
      importedConfig({ upstreams: [], secrets: [], remarks: [] }),
    ]) {
      const document = parseDocument(text);
      expect([...document.errors, ...document.warnings]).toEqual([]);
    }
    expect(parse(importedConfig({ upstreams, secrets: [], remarks: [] })).upstreams).toEqual({
      a: { command: ['npx', '-y', "it's"], cwd: '/p', env: { X: 'env:X' } },
      b: { url: 'https://b/', auth: { bearer: 'env:B', header: { 'X-Y': 'file:state/secrets/b-X-Y' } } },
    });
  });
});
