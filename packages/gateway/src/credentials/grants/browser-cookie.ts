/** The cookie by which the browser that comes back is known as the one that went away. */

const VALUE = /^[A-Za-z0-9_-]{32}$/;

/** A browser keeps a cookie with this prefix to the very host that set it, over TLS. */
function cookieName(base: string): string {
  return base.startsWith('https:') ? '__Host-sallyport-connect' : 'sallyport-connect';
}

/** The header that sets it. */
export function writeCookie(value: string, base: string): string {
  const secure = base.startsWith('https:') ? '; Secure' : '';
  return `${cookieName(base)}=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600${secure}`;
}

/** Reads it; two of the name mean that somebody else has set one of them. */
export function readCookie(header: string | undefined, base: string): string | undefined {
  const prefix = `${cookieName(base)}=`;
  const found = (header ?? '').split(';').flatMap((part) => {
    const pair = part.trim();
    return pair.startsWith(prefix) ? [pair.slice(prefix.length)] : [];
  });
  const [value] = found;
  return found.length === 1 && value !== undefined && VALUE.test(value) ? value : undefined;
}
