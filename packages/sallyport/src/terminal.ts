/**
 * What the commands print through: colour only where a person looks, tables that line up, and no control
 * character from a server or a file ever reaches the terminal as one.
 */
import { styleText } from 'node:util';

/** One of the two streams a command writes to. */
export interface Output {
  write(text: string): void;
  readonly isTerminal: boolean;
}

/** Colours that a command may use. Each gives its text back unchanged where colour is off. */
export interface Paint {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
}

/** Where a command prints: results on `out`, everything said beside them on `err`. */
export interface Terminal {
  readonly out: Output;
  readonly err: Output;
  /** For text that goes to `out`. */
  readonly paint: Paint;
  /** For text that goes to `err`. */
  readonly paintErr: Paint;
  /** Writes one line of the result. */
  print(line?: string): void;
  /** Writes one line beside the result. */
  note(line?: string): void;
  /** Writes one line of JSON as the result; control, reordering and invisible characters are escapes in it. */
  json(value: unknown): void;
}

type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/** Makes colours, or their absence. */
export function createPaint(isColoured: boolean): Paint {
  const style = (name: Style) => (text: string) =>
    isColoured ? styleText(name, text, { validateStream: false }) : text;
  return {
    bold: style('bold'),
    dim: style('dim'),
    red: style('red'),
    green: style('green'),
    yellow: style('yellow'),
    cyan: style('cyan'),
  };
}

/** Tells whether a stream is to be coloured: it is a terminal and NO_COLOR (https://no-color.org) is unset or empty. */
export function isColoured(output: Output, env: NodeJS.ProcessEnv): boolean {
  return output.isTerminal && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
}

/** Makes a terminal over two outputs. */
export function createTerminal(out: Output, err: Output, env: NodeJS.ProcessEnv): Terminal {
  return {
    out,
    err,
    paint: createPaint(isColoured(out, env)),
    paintErr: createPaint(isColoured(err, env)),
    print: (line = '') => out.write(`${line}\n`),
    note: (line = '') => err.write(`${line}\n`),
    json: (value) => out.write(`${plainJson(value)}\n`),
  };
}

/** Makes the terminal of this process. */
export function processTerminal(): Terminal {
  const output = (stream: NodeJS.WriteStream): Output => ({
    write: (text) => void stream.write(text),
    // oxlint-disable-next-line typescript/no-unnecessary-boolean-literal-compare -- undefined on a pipe, whatever the types say
    isTerminal: stream.isTTY === true,
  });
  return createTerminal(output(process.stdout), output(process.stderr), process.env);
}

// C0, DEL, C1, line and paragraph separators, and the marks that reorder or hide text.
const unprintable =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

/** Returns text from outside with each control, reordering or invisible character written as an escape. */
export function plain(text: string): string {
  return text.replace(unprintable, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code > 0xffff ? `\\u{${code.toString(16)}}` : escapeUnit(code);
  });
}

/** Returns a value as JSON text that shows what it says: the same value, but nothing in it moves or hides on a screen. */
export function plainJson(value: unknown): string {
  // What JSON writes outside of strings has no such character. Inside, JSON names characters by UTF-16 units.
  return JSON.stringify(value).replace(unprintable, (character) =>
    Array.from({ length: character.length }, (_, at) => escapeUnit(character.charCodeAt(at))).join(''),
  );
}

function escapeUnit(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, '0')}`;
}

/** Returns text cut to `width` characters, its end marked where something is missing. */
export function clip(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, Math.max(0, width - 1)).join('')}…`;
}

const colour = /\u001b\[[0-9;]*m/g;

/** Returns how many cells a text takes, colours not counted. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text.replace(colour, '')) {
    const code = character.codePointAt(0) ?? 0;
    const isWide =
      (code >= 0x1100 && code <= 0x115f) ||
      (code >= 0x2e80 && code <= 0xa4cf) ||
      (code >= 0xac00 && code <= 0xd7a3) ||
      (code >= 0xf900 && code <= 0xfaff) ||
      (code >= 0xfe30 && code <= 0xfe6f) ||
      (code >= 0xff00 && code <= 0xff60) ||
      (code >= 0x1f300 && code <= 0x1faff);
    width += isWide ? 2 : 1;
  }
  return width;
}

/** Returns text filled with spaces to `width` cells. */
export function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)));
}

/**
 * Lays rows out in columns two spaces apart; the last cell of each row is left ragged and widens no column of others.
 *
 * @param rows cells, already coloured and cleaned
 * @param indent spaces before each row, default none
 */
export function table(rows: readonly (readonly string[])[], indent = 0): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.slice(0, -1).forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, widthOf(cell));
    });
  }
  return rows.map((row) => {
    const cells = row.map((cell, column) => (column === row.length - 1 ? cell : pad(cell, widths[column] ?? 0)));
    return `${' '.repeat(indent)}${cells.join('  ')}`.trimEnd();
  });
}
