/** A server's standard error, line by line, for the operator's log. Bounded, because anything may come. */
import { LineReader, type LineItem } from '@sallyport/protocol';
import type { Readable } from 'node:stream';
import type { Timers } from '../ports.ts';

const MAX_LINE_BYTES = 8 * 1024;
const CONTROLS = /[^\P{Cc}\t]/gu;

/** What is read at once before the rest of a window is waited for. */
const WINDOW_BYTES = 64 * 1024;
const WINDOW_MS = 100;

/**
 * Calls `onLine` with each line, without control characters; of an overlong line only that it came. What comes faster
 * than a log is worth waits in the pipe, so that a server that floods slows itself and nobody else.
 *
 * @param ended - settles when the process has ended; what it left behind is read without waiting
 */
export const readStderr = (
  stderr: Readable,
  onLine: (line: string) => void,
  timers: Timers,
  ended: Promise<unknown>,
): void => {
  let read = 0;
  let hasEnded = false;
  void ended.then(() => {
    hasEnded = true;
    stderr.resume();
  });
  const go = (): void => {
    read = 0;
    stderr.resume();
  };
  const lines = new LineReader(MAX_LINE_BYTES);
  const tell = (items: readonly LineItem[]): void => {
    for (const item of items) {
      if (item.kind === 'fault') {
        onLine(`(a line of more than ${MAX_LINE_BYTES} bytes)`);
        continue;
      }
      const text = Buffer.from(item.bytes).toString('utf8').replaceAll(CONTROLS, '');
      if (text.trim() !== '') onLine(text);
    }
  };
  stderr.on('data', (chunk: Buffer) => {
    tell(lines.push(chunk));
    if (hasEnded) return;
    if (read === 0) timers.after(WINDOW_MS, go);
    read += chunk.length;
    if (read >= WINDOW_BYTES) stderr.pause();
  });
  stderr.once('end', () => tell(lines.end()));
};

const MAX_WORDS = 200;
/** Stack frames, lone brackets, and what Node and npm append to every failure. */
const NOISE = /^\s*(?:at\s|[[\](){}^~,;.-]*$|Node\.js v\d)|A complete log of this run|^npm (?:error|ERR!)\s*$/;
const TROUBLE =
  /error|err!|fail|fatal|panic|exception|cannot|can't|denied|refused|invalid|missing|required|not found|no such/i;
/** The name of an error as npm (`code X`) and Node (`code: 'X'`) print it. */
const ERROR_CODE = /\bcode:?\s+'?([A-Z][A-Z0-9_]{2,60})\b/;

/** What a server said last that tells why it failed. */
export interface LastWords {
  hear(line: string): void;
  /** At most 200 characters of one line; absent while nothing was said. */
  text(): string | undefined;
}

/** Makes the memory of one server's standard error. A line that speaks of trouble outlasts later ones that do not. */
export const createLastWords = (): LastWords => {
  let last: string | undefined;
  let trouble: string | undefined;
  let code: string | undefined;
  return {
    hear(line) {
      if (NOISE.test(line)) return;
      const named = ERROR_CODE.exec(line)?.[1];
      if (named !== undefined) code = named;
      else if (TROUBLE.test(line)) trouble = line;
      last = line;
    },
    text() {
      const said = trouble ?? code ?? last;
      if (said === undefined) return undefined;
      const whole = code === undefined || said.includes(code) ? said : `${code}: ${said}`;
      return whole.trim().slice(0, MAX_WORDS);
    },
  };
};
