import { Buffer } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import { splitResponses } from './raw-http.ts';

describe('splitResponses', () => {
  it('splits responses by length, by chunks and by the end of the stream', () => {
    const stream = [
      'HTTP/1.1 100 Continue\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc',
      'HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
      'HTTP/1.1 500 Oops\r\nConnection: close\r\n\r\nrest',
    ].join('');
    const found = splitResponses(Buffer.from(stream)).map(({ status, body }) => [status, body]);
    expect(found).toEqual([
      [100, ''],
      [200, 'abc'],
      [400, 'hi'],
      [500, 'rest'],
    ]);
  });

  it('refuses what is not HTTP/1.1', () => {
    expect(() => splitResponses(Buffer.from('SSH-2.0-x\r\n\r\n'))).toThrow('not a status line');
  });
});
