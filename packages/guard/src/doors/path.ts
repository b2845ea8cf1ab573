/** Door paths as they are written behind the name of a door. */
import type { DoorPath } from '../exchange.ts';

/** The path behind `/mcp`, `/sse` or `/messages`: empty, or a server's or view's name after a slash. */
export function pathTail(path: DoorPath): string {
  if (path.kind === 'all') return '';
  return `/${path.kind === 'server' ? path.server : path.view}`;
}
