import { describe, expect, it } from 'vitest';
import { LineBuffer } from './line-buffer.ts';

describe('LineBuffer', () => {
  it('gives the one piece that it was given, without a copy', () => {
    const buffer = new LineBuffer(10);
    const piece = Buffer.from('abc');
    expect(buffer.add(piece)).toBe(true);
    expect(buffer.take().buffer).toBe(piece.buffer);
    expect(buffer.take()).toHaveLength(0);
  });

  it('puts pieces together and does not write into any of them', () => {
    const buffer = new LineBuffer(100_000);
    const source = Buffer.from('x'.repeat(10));
    for (let index = 0; index < 5000; index += 1)
      expect(buffer.add(source.subarray(index % 10, (index % 10) + 1))).toBe(true);
    expect(Buffer.from(buffer.take()).toString()).toBe('x'.repeat(5000));
    expect(source.toString()).toBe('x'.repeat(10));
  });

  it('does not write into bytes that it gave away', () => {
    const buffer = new LineBuffer(100);
    buffer.add(Buffer.from('a'));
    buffer.add(Buffer.from('b'));
    const first = buffer.take();
    buffer.add(Buffer.from('c'));
    buffer.add(Buffer.from('d'));
    expect(Buffer.from(first).toString()).toBe('ab');
  });

  it('holds as much as the limit and forgets everything beyond it', () => {
    const buffer = new LineBuffer(4);
    expect([buffer.add(Buffer.from('ab')), buffer.add(Buffer.from('cd')), buffer.size]).toEqual([true, true, 4]);
    expect([buffer.add(Buffer.from('e')), buffer.size]).toEqual([false, 0]);
  });
});
