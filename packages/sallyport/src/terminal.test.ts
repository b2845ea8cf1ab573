import { describe, expect, it } from 'vitest';
import { clip, createTerminal, isColoured, plain, table, widthOf } from './terminal.ts';

const output = (isTerminal: boolean) => {
  const written: string[] = [];
  return { written, isTerminal, write: (text: string) => void written.push(text) };
};

describe('terminal', () => {
  it('colours a terminal and nothing else', () => {
    expect(isColoured(output(true), {})).toBe(true);
    expect(isColoured(output(false), {})).toBe(false);
    expect(isColoured(output(true), { NO_COLOR: '1' })).toBe(false);
    expect(isColoured(output(true), { NO_COLOR: '' })).toBe(true);
    expect(isColoured(output(true), { TERM: 'dumb' })).toBe(false);
  });

  it('decides on colour for each stream by itself', () => {
    const terminal = createTerminal(output(false), output(true), {});
    expect(terminal.paint.red('x')).toBe('x');
    expect(terminal.paintErr.red('x')).not.toBe('x');
  });

  it('writes control, reordering and invisible characters from outside as escapes', () => {
    expect(plain('a\u001b[2Jb')).toBe('a\\u001b[2Jb');
    expect(plain('safe\u202etxt')).toBe('safe\\u202etxt');
    expect(plain('line\nbreak')).toBe('line\\u000abreak');
    expect(plain('tag\u{e0041}')).toBe('tag\\u{e0041}');
    expect(plain('Grüße, 世界 ✓')).toBe('Grüße, 世界 ✓');
  });

  it('writes JSON that says the same and hides nothing', () => {
    const out = output(true);
    const terminal = createTerminal(out, output(true), {});
    const value = {
      'na\u202eme': 'a\u001b[2J\u007f\u009b\u200b\u2028\u2066\ufeff\u{e0041}',
      n: 1,
      text: 'Grüße, 世界 ✓ \\u202e 😀',
    };
    terminal.json(value);
    const line = out.written.join('');
    expect(JSON.parse(line)).toEqual(value);
    expect(line).toContain('\\u202e');
    expect(line).toContain('\\udb40\\udc41');
    expect(line).toContain('Grüße, 世界 ✓');
    expect(line).not.toMatch(
      /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|[\u{e0000}-\u{e007f}]/u,
    );
  });

  it('lines columns up by cells, not by bytes or colours', () => {
    expect(
      table(
        [
          ['\u001b[31mab\u001b[39m', 'x'],
          ['世界', 'y'],
          ['abcdef', 'z'],
        ],
        1,
      ),
    ).toEqual([' \u001b[31mab\u001b[39m      x', ' 世界    y', ' abcdef  z']);
    expect(widthOf('\u001b[1m✓\u001b[22m')).toBe(1);
  });

  it('marks where a text was cut', () => {
    expect(clip('abcdef', 4)).toBe('abc…');
    expect(clip('abc', 4)).toBe('abc');
  });
});
