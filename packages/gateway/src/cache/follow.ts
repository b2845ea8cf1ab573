/** Forgets kept results when their server says that they have changed. */
import type { Server } from '../servers.ts';
import type { ResultCache } from './result-cache.ts';

/** Follows what a server says outside of requests, for as long as it is there. */
export function followServer({ name, upstream }: Server, results: Pick<ResultCache, 'drop'>): void {
  upstream.onListChanged((list) => {
    if (list === 'resources') results.drop(name);
  });
  upstream.onNotification(({ message }) => {
    const uri = message.params?.['uri'];
    if (message.method === 'notifications/resources/updated' && typeof uri === 'string') results.drop(name, uri);
  });
}
