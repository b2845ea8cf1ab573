import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { collectBody } from './decoding.ts';
import { EgressError } from './egress-error.ts';

const collect = (encoding: string | undefined, pieces: readonly Uint8Array[], maxBytes = 1000): Promise<string> =>
  new Promise((resolve) => {
    const collector = collectBody(encoding, maxBytes, 'h.example', {
      onBody: (body) => resolve(Buffer.from(body).toString()),
      onFault: (fault) => resolve(fault.reason),
    });
    if (collector instanceof EgressError) {
      resolve(collector.reason);
      return;
    }
    for (const piece of pieces) collector.push(piece);
    collector.end();
  });
const bytewise = (data: Uint8Array): readonly Uint8Array[] => [...data].map((byte) => Uint8Array.of(byte));
const text = 'twelve stages '.repeat(20);

describe('a body', () => {
  it.each([
    ['no encoding', undefined, Buffer.from(text)],
    ['identity', 'identity', Buffer.from(text)],
    ['gzip', 'gzip', gzipSync(text)],
    ['x-gzip in capitals', ' X-GZIP ', gzipSync(text)],
    ['deflate as it should be', 'deflate', deflateSync(text)],
    ['deflate as some send it', 'deflate', deflateRawSync(text)],
    ['br', 'br', brotliCompressSync(text)],
  ])('in %s is unpacked, in one piece or many', async (_name, encoding, data) => {
    expect(await collect(encoding, [data])).toBe(text);
    expect(await collect(encoding, bytewise(data))).toBe(text);
  });

  it.each(['gzip', 'deflate', 'br', undefined])('may be empty with encoding %s', async (encoding) => {
    expect(await collect(encoding, [])).toBe('');
  });

  it.each(['zstd', 'compress', 'gzip, gzip', 'gzip, br', 'aes128gcm', '*'])('in %s is refused', async (encoding) => {
    expect(await collect(encoding, [zstdCompressSync(text)])).toBe('encoding');
  });

  it.each(['gzip', 'deflate', 'br'])('in broken %s is refused', async (encoding) => {
    expect(await collect(encoding, [Buffer.from([0x78, 1, 2, 3, 4, 5, 6, 7])])).toBe('encoding');
  });

  it('that ends too early is refused', async () => {
    expect(await collect('gzip', [gzipSync(text).subarray(0, -9)])).toBe('encoding');
  });

  it('is bounded as it comes and as it is unpacked', async () => {
    expect(await collect(undefined, [Buffer.alloc(10)], 10)).toHaveLength(10);
    expect(await collect(undefined, [Buffer.alloc(6), Buffer.alloc(5)], 10)).toBe('too-large');
    expect(await collect('gzip', [gzipSync(Buffer.alloc(1000))], 1000)).toHaveLength(1000);
    expect(await collect('gzip', [gzipSync(Buffer.alloc(1001))], 1000)).toBe('too-large');
    expect(await collect('gzip', [gzipSync('a')], 5)).toBe('too-large');
  });

  it.each([
    ['gzip', gzipSync(Buffer.alloc(64 * 1024 * 1024))],
    ['br', brotliCompressSync(Buffer.alloc(64 * 1024 * 1024))],
    ['deflate', deflateSync(Buffer.alloc(64 * 1024 * 1024))],
  ])('that unpacks to 64 MiB in %s is given up at its bound', async (encoding, bomb) => {
    let unpacked = 0;
    const fault = await new Promise<string>((resolve) => {
      const collector = collectBody(encoding, 1_000_000, 'h.example', {
        onBody: (body) => {
          unpacked = body.length;
          resolve('body');
        },
        onFault: ({ reason }) => resolve(reason),
      });
      if (collector instanceof EgressError) throw collector;
      collector.push(bomb);
      collector.end();
    });
    expect([fault, unpacked]).toEqual(['too-large', 0]);
  });
});
