/**
 * The one tool that a server shows before anybody has connected an account at it: calling it connects the caller's. A
 * model calls only what is listed, so without it nobody would begin.
 */
import { readEntry, type Entry } from './definition.ts';

/** Its name; a server's own tool of this name comes first. */
export const connectToolName = 'connect';

const known = new Map<string, Entry>();

/** The entry of a server's connect tool. */
export function connectEntry(server: string): Entry {
  const made = known.get(server);
  if (made !== undefined) return made;
  const definition = {
    name: connectToolName,
    title: `Connect an account at ${server}`,
    description:
      `Connects the person's own account at ${server}: a page opens on which the person logs in and consents. ` +
      'The tools of the server are listed afterwards.',
    inputSchema: { type: 'object', properties: {}, additionalProperties: false },
  };
  const entry = readEntry(server, 'tools', definition, () => undefined);
  if ('reason' in entry) throw new TypeError(entry.reason);
  const marked = Object.assign(entry, { isConnect: true } as const);
  known.set(server, marked);
  return marked;
}
