/** Reads what an upstream says in `WWW-Authenticate` (RFC 9110 §11.6.1, RFC 6750 §3, RFC 9728 §5.1). */

/** What a Bearer challenge says. */
export interface BearerChallenge {
  readonly error: string | undefined;
  readonly scopes: readonly string[];
  /** Where the metadata of the resource is; not judged yet. */
  readonly resourceMetadata: string | undefined;
}

/** One parameter: a token, `=`, then a token or a quoted string. */
const PARAMETER = /([a-z_-]{1,64})[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.){0,2048})"|([^\s",]{1,2048}))/gi;
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/;
const MOST_SCOPES = 64;

/** Reads the first Bearer challenge of a header; parameters that are not understood are passed over. */
export function readChallenge(header: string): BearerChallenge | undefined {
  const at = /(?:^|,)[ \t]*bearer(?=[ \t,]|$)/i.exec(header);
  if (at === null) return undefined;
  const found = new Map<string, string>();
  for (const [, name = '', quoted, plain] of header.slice(at.index + at[0].length).matchAll(PARAMETER)) {
    const key = name.toLowerCase();
    if (!found.has(key)) found.set(key, quoted === undefined ? (plain ?? '') : quoted.replaceAll(/\\(.)/g, '$1'));
  }
  return {
    error: found.get('error'),
    scopes: readScopes(found.get('scope') ?? ''),
    resourceMetadata: found.get('resource_metadata'),
  };
}

/** The scopes that a challenge asks for. */
export function challengedScopes(header: string): readonly string[] {
  return readChallenge(header)?.scopes ?? [];
}

/** Splits a list of scopes; what cannot be one is left out. */
export function readScopes(text: string): readonly string[] {
  const scopes = text.split(' ').filter((scope) => SCOPE.test(scope));
  return [...new Set(scopes)].slice(0, MOST_SCOPES);
}
