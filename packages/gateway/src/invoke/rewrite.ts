/** Rewrites the URIs of a server's messages for callers of `/mcp`, by edits: all other bytes stay as they came. */
import { isObject, locate, splice, type Edit } from '@sallyport/protocol';
import { wireUri } from '../names.ts';

/** What a result that points at something holds: the end of a key as usually written, or a letter written as an escape. */
const signs: readonly Buffer[] = ['uri"', 'Uri"', '\\u'].map((text) => Buffer.from(text));

type Path = readonly (string | number)[];

/** False when nothing in a result is called as URIs are, so that there is nothing to rewrite. */
export function mayHoldUri(body: Uint8Array): boolean {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.length);
  for (const sign of signs) if (bytes.includes(sign)) return true;
  return false;
}

/**
 * Rewrites what a result points at: contents, content blocks, links and prompt messages.
 *
 * @param server - the server that sent it
 * @param body - the bytes of `result`
 * @param result - the same, parsed
 */
export function rewriteResult(server: string, body: Uint8Array, result: unknown): Uint8Array {
  if (!isObject(result) || !mayHoldUri(body)) return body;
  const paths: Path[] = [
    ...uiPaths(result['_meta'], ['_meta']),
    ...uriPaths(result['contents'], ['contents'], contentUri),
    ...uriPaths(result['content'], ['content'], blockUri),
    ...uriPaths(result['messages'], ['messages'], messageUri),
  ];
  return rewritePaths(server, body, result, paths);
}

/** Rewrites the URI of a notification about a resource. */
export function rewriteUpdated(server: string, params: Uint8Array, value: unknown): Uint8Array {
  return isObject(value) && typeof value['uri'] === 'string' ? rewritePaths(server, params, value, [['uri']]) : params;
}

/** MCP Apps: the page that shows a result. */
function uiPaths(meta: unknown, at: Path): Path[] {
  if (!isObject(meta)) return [];
  const { ui } = meta;
  return [
    ...(isObject(ui) && typeof ui['resourceUri'] === 'string' ? [[...at, 'ui', 'resourceUri']] : []),
    ...(typeof meta['ui/resourceUri'] === 'string' ? [[...at, 'ui/resourceUri']] : []),
  ];
}

function uriPaths(list: unknown, at: Path, find: (item: unknown) => Path | undefined): Path[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((item: unknown, i) => {
    const path = find(item);
    return path === undefined ? [] : [[...at, i, ...path]];
  });
}

function contentUri(item: unknown): Path | undefined {
  return isObject(item) && typeof item['uri'] === 'string' ? ['uri'] : undefined;
}

function blockUri(block: unknown): Path | undefined {
  if (!isObject(block)) return undefined;
  if (block['type'] === 'resource_link' && typeof block['uri'] === 'string') return ['uri'];
  if (block['type'] === 'resource' && contentUri(block['resource']) !== undefined) return ['resource', 'uri'];
  return undefined;
}

function messageUri(message: unknown): Path | undefined {
  const path = isObject(message) ? blockUri(message['content']) : undefined;
  return path === undefined ? undefined : ['content', ...path];
}

function rewritePaths(server: string, body: Uint8Array, value: unknown, paths: readonly Path[]): Uint8Array {
  const edits: Edit[] = [];
  for (const path of paths) {
    const uri = valueAt(value, path);
    const span = locate(body, path);
    if (typeof uri === 'string' && span !== undefined) {
      edits.push({ ...span, bytes: Buffer.from(JSON.stringify(wireUri(server, uri))) });
    }
  }
  return edits.length === 0 ? body : splice(body, edits);
}

function valueAt(value: unknown, path: Path): unknown {
  let current: unknown = value;
  for (const step of path) {
    if (typeof step === 'number') current = Array.isArray(current) ? (current as readonly unknown[])[step] : undefined;
    else current = isObject(current) ? current[step] : undefined;
  }
  return current;
}
