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

/** RFC 6797, for whoever comes over TLS: to us, or to a proxy before us. */
const transport = ['Strict-Transport-Security', 'max-age=31536000'] as const;

/** The same for callers who come over TLS. */
export const strictHeaders = [...safeHeaders, ...transport] as const;

/** The headers of every answer under these rules. */
export function headersUnder({ isSecure }: { readonly isSecure?: boolean }): readonly string[] {
  return isSecure === true ? strictHeaders : safeHeaders;
}

/**
 * The headers of a page that people see. It may refer to itself, so that its forms say where they come from, and has style
 * sheets of its own.
 *
 * @param styles - `style-src`: digests of the style sheets
 */
export function pageHeaders({ isSecure }: { readonly isSecure?: boolean }, styles: readonly string[]): string[] {
  // No form-action: browsers hold it against the redirect that follows a form, which leads to another site here.
  const policy = `default-src 'none'; style-src ${styles.join(' ')}; base-uri 'none'; frame-ancestors 'none'`;
  return [
    ...['Cache-Control', 'no-store'],
    ...['Referrer-Policy', 'same-origin'],
    ...['X-Content-Type-Options', 'nosniff'],
    ...['X-Frame-Options', 'DENY'],
    ...['Cross-Origin-Opener-Policy', 'same-origin'],
    ...['Cross-Origin-Resource-Policy', 'same-origin'],
    ...['Content-Security-Policy', policy],
    ...(isSecure === true ? transport : []),
  ];
}

/** Header lines, each with its line end. */
export function headerLines(headers: readonly string[]): string {
  let lines = '';
  for (let i = 0; i + 1 < headers.length; i += 2) lines += `${headers[i] ?? ''}: ${headers[i + 1] ?? ''}\r\n`;
  return lines;
}
