/** What an upstream's address and fixed headers may be, whatever carries the conversation. */

/** Where a server is and what each request to it bears. */
export interface Address {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Headers that the gateway itself sets; an operator's value would break the protocol or the connection. */
const OWN_HEADERS =
  /^(?:accept|connection|content-length|content-type|host|keep-alive|last-event-id|mcp-method|mcp-name|mcp-protocol-version|mcp-session-id|sec-websocket-.*|transfer-encoding|upgrade)$/i;

/**
 * Says what is wrong with an address before anything connects to it.
 *
 * @param protocols - the URL schemes that fit, with their colon
 * @returns a sentence without secrets, or undefined when nothing is wrong
 */
export const checkAddress = ({ url: text, headers }: Address, protocols: readonly string[]): string | undefined => {
  if (!URL.canParse(text)) return 'The URL cannot be read.';
  const url = new URL(text);
  if (!protocols.includes(url.protocol)) {
    return `The URL must begin with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}.`;
  }
  if (url.username !== '' || url.password !== '') return 'The URL must not hold credentials; use headers.';
  for (const [name, value] of Object.entries(headers)) {
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) return `"${name}" is not a header name.`;
    if (OWN_HEADERS.test(name)) return `The header "${name}" is set by the gateway itself.`;
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) return `The value of the header "${name}" cannot be sent.`;
  }
  return undefined;
};
