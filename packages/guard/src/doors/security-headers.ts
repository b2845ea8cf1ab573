/**
 * Headers that every answer carries, whoever writes it: a stage, the HTTP parser, the admin port. What is said here is
 * for browsers that were lured to a door: nothing is to be sniffed, framed, kept, embedded or told on.
 */

/** Names and values in turn, for `writeHead`. */
export const safeHeaders = [
  'X-Content-Type-Options',
  'nosniff',
  'Cache-Control',
  'no-store',
  'Content-Security-Policy',
  "default-src 'none'; frame-ancestors 'none'",
  'Referrer-Policy',
  'no-referrer',
  'Cross-Origin-Resource-Policy',
  'same-origin',
] as const;

const strict = ['Strict-Transport-Security', 'max-age=31536000'] as const;

/** The same and Strict-Transport-Security (RFC 6797), for callers who come over TLS: to us, or to a proxy before us. */
export const strictHeaders = [...safeHeaders, ...strict] as const;

/** The same for what everybody may read and keep, and says so itself. */
const publicHeaders = safeHeaders.flatMap((_, index) => {
  const [name = '', value = ''] = index % 2 === 0 ? safeHeaders.slice(index, index + 2) : [];
  if (name === '' || name === 'Cache-Control') return [];
  return name === 'Cross-Origin-Resource-Policy' ? [name, 'cross-origin'] : [name, value];
});

/** The headers of a public document under these rules; how long it may be kept is for the document to say. */
export function publicHeadersUnder({ isSecure }: { readonly isSecure?: boolean }): readonly string[] {
  return isSecure === true ? [...publicHeaders, ...strict] : publicHeaders;
}

/** The headers of every answer under these rules. */
export function headersUnder({ isSecure }: { readonly isSecure?: boolean }): readonly string[] {
  return isSecure === true ? strictHeaders : safeHeaders;
}

/** Header lines, each with its line end. */
export function headerLines(headers: readonly string[]): string {
  let lines = '';
  for (let i = 0; i + 1 < headers.length; i += 2) lines += `${headers[i] ?? ''}: ${headers[i + 1] ?? ''}\r\n`;
  return lines;
}
