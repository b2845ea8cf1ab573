import { describe, expect, it } from 'vitest';
import { readEvents } from './sse.ts';

async function* chunks(...parts: string[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield new TextEncoder().encode(part);
}

describe('readEvents', () => {
  it('joins chunks and data lines, and skips comments and events without data', async () => {
    const stream = chunks(': hello\n\nid: 1\nda', 'ta: a\ndata: b\n\nevent: x\n', 'data: c\r\n\r\nretry: 5\n\n');
    const found = [];
    for await (const event of readEvents(stream)) found.push(event);
    expect(found).toEqual([
      { event: 'message', data: 'a\nb', id: '1' },
      { event: 'x', data: 'c', id: undefined },
    ]);
  });
});
