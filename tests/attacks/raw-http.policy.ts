/**
 * What the HTTP door answers to requests that RFC 9112 and RFC 9110 leave open, or answer in more than one way. Chosen
 * once; docs/http.md prints this table. Each line is the statuses of all answers on the connection, in order.
 */

/** One line of the table. */
export interface RawAnswer {
  readonly statuses: readonly number[];
  readonly reason: string;
}

function answer(reason: string, ...statuses: number[]): RawAnswer {
  return { statuses, reason };
}

/** Answers by the beginning of a case's name in the corpus `http/raw-requests.jsonl`; the longest match counts. */
export const rawAnswers: Readonly<Record<string, RawAnswer>> = {
  'header "Transfer_Encoding: chunked"': answer(
    'an unknown header; the body is framed by Content-Length alone, and what follows it is another request',
    400,
    404,
  ),

  // Host (RFC 9112 §3.2, RFC 9110 §7.2)
  'host/headers ""': answer('a request without Host is malformed', 400),
  'host/headers "Host: a\\r\\nHost: b': answer('a request with two Host lines is malformed', 400),
  'host/headers "Host: gw@evil': answer('not a valid Host value', 400),
  'host/headers "Host: gw, evil': answer('not a valid Host value', 400),
  'host/headers "Host: gw\\\\evil': answer('not a valid Host value', 400),
  'host/headers "Host: \\r\\n"': answer('not a valid Host value', 400),
  'host/headers "Host: 127.0.0.1\\r\\n': answer('names port 80, which is not served here', 403),
  'host/headers "Host: localhost:80': answer('names a port that is not served here', 403),
  'host/headers "Host: evil.example': answer('not served here', 403),
  'host/headers "Host: gw:99999': answer('not served here', 403),
  'host/headers "Host: [::1]': answer('names port 80, which is not served here', 403),

  // Headers by which a proxy speaks; without `behindProxy` nobody is believed.
  'host/headers "Host: gw\\r\\nX-Forwarded-Host': answer('ignored', 200),
  'host/headers "Host: gw\\r\\nX-Forwarded-For': answer('ignored', 200),
  'host/headers "Host: gw\\r\\nForwarded': answer('ignored', 200),
  'host/headers "Host: gw\\r\\nX-Original-URL': answer('ignored', 200),
  'host/headers "Host: gw\\r\\nX-Rewrite-URL': answer('ignored', 200),
  'host/headers "Host: gw\\r\\nX-HTTP-Method-Override': answer('ignored', 200),

  'host/headers "Host: gw\\r\\nOrigin': answer('an Origin that is not listed may not call', 403),

  // Connection options and expectations (RFC 9110 §7.6.1, §7.8, §10.1.1)
  'host/headers "Host: gw\\r\\nConnection': answer('names no header that would be forwarded', 200),
  'host/headers "Host: gw\\r\\nUpgrade: h2c': answer('the upgrade is not taken; HTTP/1.1 goes on', 200),
  'host/headers "Host: gw\\r\\nExpect: 100-continue': answer('the body is asked for, then answered', 100, 200),
  'host/headers "Host: gw\\r\\nExpect: nonsense': answer('an expectation that nobody can meet', 417),
  'host/headers "Host: gw\\r\\nContent-Encoding': answer('bodies are taken without content encoding', 415),

  // Credentials (RFC 6750 §2.1, §3.1)
  'host/headers "Host: gw\\r\\nAuthorization: Bearer a': answer('two credentials', 400),
  'host/headers "Host: gw\\r\\nAuthorization: bearer  x': answer('not a valid key', 401),
  'host/headers "Host: gw\\r\\nAuthorization: Basic': answer('only Bearer is known', 401),

  // MCP headers (2025-11-25 transports)
  'host/headers "Host: gw\\r\\nMcp-Session-Id: a': answer('two session ids are ambiguous', 400),
  'host/headers "Host: gw\\r\\nMcp-Protocol-Version': answer('not a version that is served', 400),

  // Sizes (RFC 6585 §5)
  'host/headers "Host: gw\\r\\nX-0': answer('more than 16 KiB of headers', 431),
  'host/headers "Host: gw\\r\\nX-Big': answer('more than 16 KiB of headers', 431),
  'host/headers "Host: gw\\r\\nCookie': answer('more than 16 KiB of headers', 431),

  // Request lines (RFC 9112 §3). None of these requests has a body, so those that are read at all end with 415.
  'request-line POST /mcp HTTP/1.1 ': answer('a space after the version', 400),
  'request-line POST  /mcp HTTP/1.1': answer('the second space is skipped', 415),
  'request-line POST /mcp': answer('HTTP/0.9', 505),
  'request-line POST /mcp HTTP/1.0': answer('only HTTP/1.1 is spoken here', 505),
  'request-line POST /mcp HTTP/2.0': answer('only HTTP/1.1 is spoken here', 505),
  'request-line POST /mcp HTTP/1.2': answer('no such version', 400),
  'request-line POST /mcp HTTP/0.9': answer('only HTTP/1.1 is spoken here', 505),
  'request-line POST /mcp HTTP/11': answer('no such version', 400),
  'request-line POST /mcp http/1.1': answer('no such protocol', 400),
  'request-line post /mcp HTTP/1.1': answer('methods are case-sensitive', 400),
  'request-line POST http://other.example/mcp': answer('absolute targets are not served', 404),
  'request-line POST //other.example/mcp': answer('no such path', 404),
  'request-line POST /mcp\u0000 HTTP/1.1': answer('not a request target', 400),
  'request-line POST /mcp#x': answer('a fragment is no part of a request target', 404),
  'request-line POST /mcp?a=b': answer('the path takes no query', 404),
  'request-line POST /%2e%2e/mcp': answer('paths are compared as they are written', 404),
  'request-line POST /mcp/../admin': answer('paths are compared as they are written', 404),
  'request-line POST /mcp%2f..%2fadmin': answer('paths are compared as they are written', 404),
  'request-line POST /MCP': answer('paths are case-sensitive', 404),
  'request-line POST /mcp;': answer('no such path', 404),
  'request-line POST \\mcp': answer('not a request target', 400),
  'request-line POST *': answer('only OPTIONS may ask for *', 404),
  'request-line CONNECT': answer('no tunnels', 405),
  'request-line TRACE': answer('not allowed', 405),
  'request-line PRI': answer('HTTP/2 is spoken at the proxy', 400),
  'request-line GET /aaaa': answer('more than 16 KiB of request line and headers', 431),

  // Chunked bodies (RFC 9112 §7.1)
  'chunk trailer-cl': answer('a trailer may not frame', 400),
  'chunk trailer-auth': answer('trailers are ignored; the body is not JSON', 400),
  'chunk trailer-te': answer('a trailer may not frame', 400),
  'chunk one-byte-chunks-x5000': answer('the body is read and is not JSON', 400),

  'get-with-body': answer('GET needs a stream to resume; the body is consumed and is no request', 405),
};

/**
 * Finds the line for a case.
 * @param name the case's name.
 * @returns `undefined` where the corpus itself says what to answer.
 */
export function rawAnswer(name: string): RawAnswer | undefined {
  const keys = Object.keys(rawAnswers).filter((key) => name.startsWith(key));
  const longest = keys.toSorted((one, other) => other.length - one.length)[0];
  return longest === undefined ? undefined : rawAnswers[longest];
}
