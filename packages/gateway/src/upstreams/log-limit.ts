/**
 * Keeps an upstream from filling the operator's log: of each kind of line only so many in a second, then one that counts
 * what was left out.
 */
import type { UpstreamLogEntry, UpstreamPorts } from './ports.ts';

/** Lines of one kind in one second. */
const LINES = 20;
const WINDOW_MS = 1_000;
/** Longest line, in characters. */
const LENGTH = 8 * 1024;
/** Control characters, line ends and those that turn the direction of writing. */
const CONTROLS = /(?:[^\P{Cc}\t]|[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069])+/gu;

/** What a line is about; each kind has its own allowance. */
export type LogKind = 'stderr' | 'dropped' | 'refused' | 'failed' | 'state' | 'held-back';

interface Window {
  lines: number;
  leftOut: number;
}

/** Passes lines on, so many of each kind in a second. */
export class LogLimit {
  readonly #emit: (entry: UpstreamLogEntry) => void;
  readonly #ports: Pick<UpstreamPorts, 'timers'>;
  readonly #windows = new Map<LogKind, Window>();

  /** @param emit - gets what is let through, without control characters and cut to 8192 characters */
  constructor(emit: (entry: UpstreamLogEntry) => void, ports: Pick<UpstreamPorts, 'timers'>) {
    this.#emit = emit;
    this.#ports = ports;
  }

  /** Takes one line. */
  log(kind: LogKind, level: UpstreamLogEntry['level'], text: string): void {
    const window = this.#windows.get(kind) ?? this.#open(kind, level);
    if (window.lines >= LINES) {
      window.leftOut += 1;
      return;
    }
    window.lines += 1;
    this.#emit({ level, text: text.slice(0, LENGTH).replaceAll(CONTROLS, ' ') });
  }

  #open(kind: LogKind, level: UpstreamLogEntry['level']): Window {
    const close = (): void => {
      this.#windows.delete(kind);
      if (window.leftOut > 0) this.#emit({ level, text: `(${window.leftOut} more such lines were left out)` });
    };
    const window: Window = { lines: 0, leftOut: 0 };
    this.#ports.timers.after(WINDOW_MS, close);
    this.#windows.set(kind, window);
    return window;
  }
}
