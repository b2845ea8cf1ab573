/** A server's standard error, line by line, for the operator's log. Bounded, because anything may come. */
import { LineReader } from '@sallyport/protocol';
import type { Readable } from 'node:stream';

const MAX_LINE_BYTES = 8 * 1024;
const CONTROLS = /[^\P{Cc}\t]/gu;

/** Calls `onLine` with each line, without control characters; of an overlong line only that it came. */
export const readStderr = (stderr: Readable, onLine: (line: string) => void): void => {
  const lines = new LineReader(MAX_LINE_BYTES);
  stderr.on('data', (chunk: Buffer) => {
    for (const item of lines.push(chunk)) {
      if (item.kind === 'fault') {
        onLine(`(a line of more than ${MAX_LINE_BYTES} bytes)`);
        continue;
      }
      const text = Buffer.from(item.bytes).toString('utf8').replaceAll(CONTROLS, '');
      if (text.trim() !== '') onLine(text);
    }
  });
};
