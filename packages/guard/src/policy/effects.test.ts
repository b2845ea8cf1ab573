import { describe, expect, it } from 'vitest';
import type { Target } from '../exchange.ts';
import { compileEffects } from './effects.ts';

const origin = { file: 'a.yaml', line: 1, column: 1 };
const effects = compileEffects([
  { pattern: 'db.delete_all', effect: 'write', origin },
  { pattern: '*.delete_*', effect: 'destructive', origin },
  { pattern: 'db.*', effect: 'read', origin },
]);

const tool = (name: string): Target => ({ kind: 'tool', upstream: 'db', name, key: `db.${name}` });

describe('effects', () => {
  it('are those of the first line that matches', () => {
    expect(['db.delete_all', 'db.delete_one', 'db.query', 'web.get'].map((key) => effects.of(key))).toEqual([
      'write',
      'destructive',
      'read',
      undefined,
    ]);
  });

  it('are put on tools only, once for each target', () => {
    const query = tool('query');
    expect(effects.assign(query)).toEqual({ ...query, effect: 'read' });
    expect(effects.assign(query)).toBe(effects.assign(query));
    const prompt: Target = { ...query, kind: 'prompt' };
    expect(effects.assign(prompt)).toBe(prompt);
    const unnamed: Target = { ...query, key: 'web.get' };
    expect(effects.assign(unnamed)).toBe(unnamed);
  });
});
