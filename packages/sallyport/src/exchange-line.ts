/** One line for one exchange, as `sallyport run` shows them while they pass. Pure. */
import { clip, pad, plain, type Paint } from './terminal.ts';

/** What a line says about an exchange that ended. */
export interface ShownExchange {
  /** Wall time, milliseconds since the epoch. */
  readonly time: number;
  readonly id: string;
  /** Principal id; absent when nobody was identified. */
  readonly principal: string | undefined;
  /** JSON-RPC method; absent when the request could not be read so far. */
  readonly method: string | undefined;
  /** `server.tool`, where there is one. */
  readonly target: string | undefined;
  /** `observed` passed although policy would have refused it. */
  readonly effect: 'ok' | 'refused' | 'error' | 'observed';
  /** Why, when the effect is not `ok`; then it stands in place of the time it took. */
  readonly text: string | undefined;
  /** How long it took, milliseconds. */
  readonly ms: number;
}

/** How lines are written. */
export interface ExchangeLineStyle {
  readonly paint: Paint;
  /** Signs and colours that a person reads fast, or words that a program finds. */
  readonly isTerminal: boolean;
  /** Offset of local time from UTC in minutes, as `Date.getTimezoneOffset` gives it. */
  readonly utcOffset: number;
}

const marks = { ok: '✓', refused: '✗', error: '!', observed: '~' } as const;

/** Writes `12:04:09  ✗ quickstart    files.write_file   not allowed: role reader  x7Qe`. */
export function exchangeLine(exchange: ShownExchange, style: ExchangeLineStyle): string {
  const { paint } = style;
  const colour = { ok: paint.green, refused: paint.red, error: paint.yellow, observed: paint.yellow }[exchange.effect];
  const mark = colour(style.isTerminal ? marks[exchange.effect] : pad(exchange.effect, 7));
  const who = pad(clip(shortCaller(plain(callerName(exchange.principal))), 16), 16);
  const what = pad(clip(plain(exchange.target ?? exchange.method ?? 'unreadable'), 34), 34);
  const text = exchange.text ?? (exchange.effect === 'ok' ? undefined : 'failed');
  const told = text === undefined ? paint.dim(pad(duration(exchange.ms), 28)) : colour(pad(plain(text), 28));
  return `${paint.dim(clock(exchange.time, style.utcOffset))}  ${mark} ${who}  ${what}  ${told}  ${paint.dim(exchange.id)}`;
}

/** The part of a principal id that a person would say: keys go by their name. */
function callerName(principal: string | undefined): string {
  if (principal === undefined) return 'nobody';
  return principal.startsWith('key:') ? principal.slice(4) : principal;
}

/** Leaves out the middle of a long id: its kind stands in front, and what tells people of one issuer apart at the end. */
function shortCaller(name: string): string {
  const colon = name.indexOf(':');
  const characters = [...name];
  if (characters.length <= 16 || colon === -1 || colon > 7) return name;
  const kind = `${name.slice(0, colon)}:…`;
  const tail = characters.slice(kind.length - 16).join('');
  const bar = tail.lastIndexOf('|');
  return kind + (bar === -1 ? tail : tail.slice(bar));
}

function clock(time: number, utcOffset: number): string {
  return new Date(time - utcOffset * 60_000).toISOString().slice(11, 19);
}

/** Writes a time span as a person would: `0.8 ms`, `12 ms`, `3.4 s`. */
export function duration(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
