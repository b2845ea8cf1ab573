/** Conversations for tests. */
import type { CallerSession } from './exchange.ts';

/** A conversation that has been initialized, as a stdio door or an HTTP session is. */
export function createSessionStub(more: Partial<CallerSession> = {}): CallerSession {
  return {
    id: 'session-1',
    owner: 'key:ada',
    path: { kind: 'all' },
    revision: '2025-11-25',
    clientName: 'editor',
    isBegun: true,
    track: () => true,
    untrack: () => undefined,
    cancel: () => undefined,
    ...more,
  };
}
