/** Where in a token a claim stands: a plain name, or a JSON Pointer (RFC 6901) when it begins with a slash. */
import { isObject } from '@sallyport/protocol';

/** A path into claims. */
export interface ClaimPath {
  /** As written. */
  readonly source: string;
  readonly steps: readonly [string, ...string[]];
}

/** Why a text is no path. */
export interface ClaimPathFault {
  readonly fault: string;
}

/**
 * Reads a path. `groups` and `https://example.com/roles` are names of claims; `/realm_access/roles` leads into one.
 */
export function parseClaimPath(source: string): ClaimPath | ClaimPathFault {
  if (source === '' || source === '/') return { fault: 'a claim has a name' };
  if (!source.startsWith('/')) return { source, steps: [source] };
  if (/~(?![01])/.test(source)) return { fault: 'in a JSON Pointer ~ is written ~0 and / in a name ~1' };
  const [first = '', ...rest] = source
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  return { source, steps: [first, ...rest] };
}

/** Looks a claim up; only what stands in the token itself counts, nothing inherited. `undefined` where there is none. */
export function claimAt(claims: Readonly<Record<string, unknown>>, { steps }: ClaimPath): unknown {
  let value: unknown = claims;
  for (const step of steps) {
    if (Array.isArray(value)) value = /^(?:0|[1-9]\d{0,5})$/.test(step) ? value[Number(step)] : undefined;
    else value = isObject(value) && Object.hasOwn(value, step) ? value[step] : undefined;
    if (value === undefined) return undefined;
  }
  return value;
}
