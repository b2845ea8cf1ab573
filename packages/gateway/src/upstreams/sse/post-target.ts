/** Where messages to an HTTP+SSE server go: it says so in its `endpoint` event (2024-11-05 transports, HTTP with SSE). */

/** What an `endpoint` event came to. */
export type PostTarget =
  | { readonly kind: 'path'; readonly path: string }
  /** `text` is for callers, `detail` for the log only. */
  | { readonly kind: 'refused'; readonly text: string; readonly detail: string };

const MAX_BYTES = 4096;

/**
 * Reads an `endpoint` event. Only the origin of the stream is believed: elsewhere, our credentials and all arguments of
 * callers would go to whoever the server names.
 *
 * @param name - the upstream's name
 * @param url - where the stream is
 * @param data - what the event says: a URL, or one relative to `url`
 */
export const readPostTarget = (name: string, url: string, data: Uint8Array): PostTarget => {
  const said = Buffer.from(data.subarray(0, MAX_BYTES)).toString('utf8');
  const isReadable = data.length <= MAX_BYTES && !/[\p{Cc}\ufffd]/u.test(said) && URL.canParse(said, url);
  if (!isReadable) return refused(`${name} named no usable endpoint for messages.`, 'unreadable endpoint event');
  const [target, stream] = [new URL(said, url), new URL(url)];
  // Not by `origin`: that of blob: URLs is the one of the URL inside.
  if (target.protocol !== stream.protocol || target.host !== stream.host) {
    const named = `it named ${target.protocol}//${target.host}`;
    return refused(`${name} named an endpoint of another origin, which is not followed.`, named);
  }
  if (target.username !== '' || target.password !== '') {
    return refused(`${name} named an endpoint with credentials in it, which is not followed.`, 'it named a user');
  }
  return { kind: 'path', path: target.pathname + target.search };
};

const refused = (text: string, detail: string): PostTarget => ({ kind: 'refused', text, detail });
