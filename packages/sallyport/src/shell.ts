/** Words as a POSIX shell reads them (POSIX.1-2024, Shell Command Language, 2.2). */

/** Quotes a word for a POSIX shell. */
export function shellQuote(text: string): string {
  return /^[A-Za-z0-9_./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
