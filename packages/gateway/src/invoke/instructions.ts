/**
 * What several servers tell their callers' models, as one text. Each has a share that the others cannot take, under its
 * own name, and nothing that it says can pass for another server's words.
 */
import type { ServerCatalog } from '../catalog/catalog.ts';

/** Longest instructions that callers get, in characters. */
export const longestInstructions = 8192;

/** Longest part of one server among several, in characters. */
const longestPart = 2048;

/**
 * Merges the instructions of servers, in their order.
 *
 * @returns `undefined` when none has any
 */
export function mergeInstructions(
  servers: readonly Pick<ServerCatalog, 'server' | 'instructions'>[],
): string | undefined {
  const parts: string[] = [];
  let room = longestInstructions;
  for (const { server, instructions } of servers) {
    if (instructions === undefined || instructions.trim() === '') continue;
    // Only names of servers stand at the beginning of a line.
    const part = `${server}: ${cutText(instructions.trim(), longestPart).replaceAll(lineEnd, '\n  ')}`;
    const text = cutText(part, room);
    // A server's name with nothing behind it says nothing.
    if (text.length <= server.length + 2) break;
    parts.push(text);
    room -= text.length + 2;
  }
  return parts.length === 0 ? undefined : parts.join('\n\n');
}

/** Everything that a reader may take for the end of a line. */
const lineEnd = /\r\n|[\n\r\v\f\u0085\u2028\u2029]/g;

/** Cuts a text to so many characters, and says so where it does; never within a character. */
export function cutText(text: string, most: number): string {
  if (text.length <= most) return text;
  const end = most - 1;
  const isWithin = end > 0 && (text.codePointAt(end - 1) ?? 0) > 0xffff;
  return end <= 0 ? '' : `${text.slice(0, isWithin ? end - 1 : end)}…`;
}
