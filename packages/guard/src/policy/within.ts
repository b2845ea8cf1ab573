/**
 * Says whether a path lies in a folder by its text alone. A path that two programs could read in two ways lies nowhere:
 * dot segments, doubled slashes, backslashes, encoded separators, home folders. What links on the disk lead to is not
 * seen here; the server behind has to mind them.
 */

/** Longest path, characters. */
const MAX_PATH = 4096;

interface Place {
  /** `file://` for files, `scheme://authority` for other URIs, `/` for absolute paths, '' for relative ones. */
  readonly base: string;
  readonly segments: readonly string[];
}

/**
 * Says whether `path` is `root` or lies below it.
 *
 * @param path an absolute or relative path, or a URI with `://`; one that is not canonical is within nothing.
 * @param root the folder, in the same form; a path and a `file:///` URI can be compared. `.` is every relative path.
 */
export function isWithin(path: string, root: string): boolean {
  const [place, folder] = [placeOf(path), placeOf(root)];
  if (place === undefined || folder === undefined || place.base !== folder.base) return false;
  // A server may take these for places elsewhere: a home folder, a drive.
  const first = (place.segments[0] ?? '').replace(unseenStart, '');
  const isOdd = place.base === '' && (first.startsWith('~') || first.includes(':'));
  if (isOdd && folder.segments.length === 0) return false;
  return folder.segments.every((segment, index) => segment === place.segments[index]);
}

/** What is wrong with the root of a `within`; `undefined` when nothing is. */
export function findRootFault(root: string): string | undefined {
  if (placeOf(root) !== undefined) return undefined;
  return 'nothing lies within this: a root has no .. or . segments, no //, no backslash and no encoded slash';
}

const uri = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#]*)(\/[^?#]*)?$/;

function placeOf(text: string): Place | undefined {
  if (text === '' || text.length > MAX_PATH) return undefined;
  // Some programs normalise what they are given, and look-alikes of dots and slashes become dots and slashes.
  const normal = text.normalize('NFKC');
  if (normal !== text && isDifferentPlace(normal, text)) return undefined;
  const parts = uri.exec(text);
  if (parts !== null) return placeOfUri(parts[1] ?? '', parts[2] ?? '', parts[3] ?? '/');
  if (text.includes('%') || text.includes('://')) return undefined;
  if (text === '.') return { base: '', segments: [] };
  if (!text.startsWith('/')) return withSegments('', text);
  return withSegments('/', text.slice(1));
}

/** True where normalising makes another path of it: new separators, dots, encodings or marks. */
function isDifferentPlace(normal: string, text: string): boolean {
  const marks = /[^./\\%:~?#\u0000-\u001f]/g;
  return normal.replace(marks, '') !== text.replace(marks, '');
}

function placeOfUri(scheme: string, authority: string, path: string): Place | undefined {
  if (scheme === 'file' && authority !== '') return undefined;
  // In a URI one encoding is ordinary; what it hides must be a plain character.
  if (/%(?![0-9a-fA-F]{2})/.test(path) || /%(?:2f|5c|25|00|0[0-9a-f]|1[0-9a-f]|7f)/i.test(path)) return undefined;
  let decoded: string;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    return undefined;
  }
  return withSegments(scheme === 'file' ? '/' : `${scheme}://${authority}`, decoded.slice(1));
}

/** Spaces of all kinds and what cannot be seen: servers trim them, or drop them. */
const unseenStart = /^[\s\p{C}]+/u;

/**
 * A name that is `..` or nothing once spaces, dots and what cannot be seen have gone from it, as they do on some systems;
 * what follows a `;` is a parameter to others.
 */
const vanishing = /^[.\s\p{C}]*(?:;|$)/u;

/** Backslashes, control characters, and marks that code pages turn into slashes. */
const misleading = /[\\\u0000-\u001f\u007f\u2044\u2215\u2216\u29f5\u29f8]/;

function withSegments(base: string, text: string): Place | undefined {
  if (misleading.test(text)) return undefined;
  const trimmed = text.endsWith('/') ? text.slice(0, -1) : text;
  if (trimmed === '') return text === '/' ? undefined : { base, segments: [] };
  const segments = trimmed.split('/');
  if (segments.some((segment) => vanishing.test(segment))) return undefined;
  return { base, segments };
}
