import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LineItem } from './lines.ts';
import { LineReader } from './lines.ts';

const texts = (items: readonly LineItem[]): string[] =>
  items.map((item) => (item.kind === 'line' ? Buffer.from(item.bytes).toString() : `!${item.name}`));

function readAll(chunks: readonly Uint8Array[], limit = 1000): string[] {
  const reader = new LineReader(limit);
  return texts([...chunks.flatMap((chunk) => reader.push(chunk)), ...reader.end()]);
}

describe('LineReader', () => {
  it('gives lines without their ends, and leaves empty ones out', () => {
    expect(readAll([Buffer.from('a\nb\r\n\n\r\nc\rd\n')])).toEqual(['a', 'b', 'c\rd']);
    expect(readAll([Buffer.from('\n')])).toEqual([]);
  });

  it('gives the last line when the stream ends without a line feed', () => {
    expect(readAll([Buffer.from('a\nrest')])).toEqual(['a', 'rest']);
  });

  it('puts lines together that arrive in pieces, a byte at a time too', () => {
    const bytes = Buffer.from('{"a":"é"}\r\n{"b":2}\n');
    expect(readAll(Array.from(bytes, (_, index) => bytes.subarray(index, index + 1)))).toEqual([
      '{"a":"é"}',
      '{"b":2}',
    ]);
  });

  it('refuses a line over the cap once, skips the rest of it, and goes on with the next', () => {
    const reader = new LineReader(4);
    expect(texts(reader.push(Buffer.from('1234\n12345\nab')))).toEqual(['1234', '!line-too-long']);
    expect(texts(reader.push(Buffer.from('cd\nxx')))).toEqual(['abcd']);
    expect(texts(reader.push(Buffer.from('xxx')))).toEqual(['!line-too-long']);
    expect(texts(reader.push(Buffer.from('x'.repeat(10_000))))).toEqual([]);
    expect(texts(reader.push(Buffer.from('xx\nok\n')))).toEqual(['ok']);
    expect(texts(reader.push(Buffer.from('too long')))).toEqual(['!line-too-long']);
    expect(texts(reader.end())).toEqual([]);
  });

  it('finds the same lines however the bytes are cut', () => {
    const lines = fc.array(fc.string({ unit: fc.constantFrom('a', 'é', ' ', '\\'), minLength: 1, maxLength: 30 }));
    fc.assert(
      fc.property(lines, fc.infiniteStream(fc.integer({ min: 1, max: 12 })), (wanted, cuts) => {
        const bytes = Buffer.from(wanted.map((line) => `${line}\n`).join(''));
        const chunks: Uint8Array[] = [];
        for (let at = 0; at < bytes.length;) {
          const size = Number(cuts.next().value);
          chunks.push(bytes.subarray(at, at + size));
          at += size;
        }
        expect(readAll(chunks)).toEqual(wanted);
      }),
      { seed: 20261120, numRuns: 300 },
    );
  });
});
