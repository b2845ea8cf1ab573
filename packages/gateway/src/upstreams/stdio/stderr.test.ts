import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { realUpstreamPorts } from '../ports.ts';
import { createLastWords, readStderr } from './stderr.ts';

/** A process that does not end. */
const never = new Promise<void>(() => {});

const lastWordsOf = (lines: readonly string[]): string | undefined => {
  const words = createLastWords();
  for (const line of lines) words.hear(line);
  return words.text();
};

describe('standard error', () => {
  it('is heard line by line, without control characters, up to an end without a line feed', async () => {
    const stderr = new PassThrough();
    const heard: string[] = [];
    readStderr(stderr, (line) => heard.push(line), realUpstreamPorts().timers, never);
    stderr.write('one\n\u001b[31mtwo\u0007\n\n');
    stderr.end('three');
    await new Promise((resolve) => stderr.once('close', resolve));
    expect(heard).toEqual(['one', '[31mtwo', 'three']);
  });

  it('is read no faster than a log is worth, but to its end once the process has ended', async () => {
    const stderr = new PassThrough({ highWaterMark: 1024 * 1024 });
    let heard = 0;
    const windows: (() => void)[] = [];
    const timers = {
      after(_ms: number, go: () => void) {
        windows.push(go);
        return { cancel: () => {} };
      },
    };
    let end: () => void = () => {};
    const ended = new Promise<void>((resolve) => (end = resolve));
    readStderr(stderr, () => (heard += 1), timers, ended);
    const line = Buffer.from(`${'x'.repeat(1023)}\n`);
    for (let index = 0; index < 256; index += 1) stderr.write(line);
    await new Promise((resolve) => setImmediate(resolve));
    expect([heard, stderr.isPaused()]).toEqual([64, true]);
    windows.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
    expect([heard, stderr.isPaused()]).toEqual([128, true]);
    end();
    await new Promise((resolve) => setImmediate(resolve));
    expect([heard, stderr.isPaused()]).toEqual([256, false]);
  });
});

describe('last words', () => {
  it('of a package runner name the error and why', () => {
    const words = lastWordsOf([
      'npm error code SELF_SIGNED_CERT_IN_CHAIN',
      'npm error errno SELF_SIGNED_CERT_IN_CHAIN',
      'npm error request to https://registry.example.com/x failed, reason: self-signed certificate',
      'npm error A complete log of this run can be found in: /home/_logs/x.log',
    ]);
    expect(words).toBe(
      'SELF_SIGNED_CERT_IN_CHAIN: npm error request to https://registry.example.com/x failed, reason: self-signed certificate',
    );
  });

  it('of a program that threw are its message, not its stack', () => {
    const words = lastWordsOf([
      'node:internal/modules/cjs/loader:1386',
      '  throw err;',
      '  ^',
      "Error: Cannot find module '/srv/server.js'",
      '    at Module._resolveFilename (node:internal/modules/cjs/loader:1383:15)',
      "  code: 'MODULE_NOT_FOUND',",
      '  requireStack: []',
      '}',
      'Node.js v24.0.0',
    ]);
    expect(words).toBe("MODULE_NOT_FOUND: Error: Cannot find module '/srv/server.js'");
  });

  it('are the last line where none speaks of trouble, cut to 200 characters', () => {
    expect(lastWordsOf([])).toBeUndefined();
    expect(lastWordsOf(['usage: server FOLDER', '   '])).toBe('usage: server FOLDER');
    expect(lastWordsOf(['Error: no key', 'bye'])).toBe('Error: no key');
    expect(lastWordsOf(['npm error code E404'])).toBe('E404');
    expect(lastWordsOf(['x'.repeat(300)])).toHaveLength(200);
  });
});
