/** Exchange ids: short enough to read aloud, unique across restarts, made without a random call per request. */
import type { Random } from './ports.ts';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const prefixLength = 5;
const counterLength = 4;

/**
 * Makes the source of a process's exchange ids: five random characters for the process, then a counter of at least
 * four. Ids name records; they are no secrets.
 *
 * @param random - where the process's part comes from
 */
export function createExchangeIds(random: Random): () => string {
  let prefix = '';
  for (const byte of random.bytes(prefixLength)) prefix += alphabet.charAt(byte % alphabet.length);
  let count = 0;
  return () => prefix + encode(count++);
}

function encode(count: number): string {
  let text = '';
  let rest = count;
  do {
    text = alphabet.charAt(rest % alphabet.length) + text;
    rest = Math.floor(rest / alphabet.length);
  } while (rest > 0);
  return text.padStart(counterLength, '0');
}
