/**
 * What client programs are known to do otherwise than the protocol says, and how each is borne. Whatever is not in this
 * table is taken strictly. The documents, the metrics and the tests read it.
 */
import type { Era, Message } from '@sallyport/protocol';
import type { CallerSession, HttpHead, Received } from './exchange.ts';

/** One habit. */
export interface QuirkRow {
  /** Programs that have it, as far as is known. */
  readonly who: string;
  readonly what: string;
  /** What happens here. */
  readonly borne: string;
}

/** Every habit that is borne. */
export const quirks = {
  'reused-id': {
    who: 'claude.ai and others that pool sessions; scripts',
    what: 'a request has the id of another one that is still on its way in the same session',
    borne:
      'each answer goes to its own request; servers see ids of the gateway’s own; a cancellation ends all of that id',
  },
  'missing-version-header': {
    who: 'mcp-remote before mid-2026, proxies that use only the transport of an SDK',
    what: 'no `MCP-Protocol-Version` in a session of 2025-06-18 or newer',
    borne: 'the revision that the session agreed on holds',
  },
  'other-version-header': {
    who: 'clients that write one revision into their code',
    what: '`MCP-Protocol-Version` names another served revision than the session agreed on',
    borne: 'what the request names holds for it',
  },
  'stale-method-header': {
    who: 'GitHub Copilot in VS Code, after it has asked for `server/discover`',
    what: 'a legacy message with an `Mcp-Method` that names another method',
    borne: 'the body alone counts: legacy revisions have no such header',
  },
  'odd-accept': {
    who: 'curl and scripts, older SDKs',
    what: 'a POST whose `Accept` does not name both `application/json` and `text/event-stream`',
    borne: 'the answer is JSON where no stream is accepted, without the messages before it',
  },
  'early-request': {
    who: 'clients that never send `notifications/initialized`, or send it beside their first requests',
    what: 'a request of a session before `notifications/initialized`; counted once a session',
    borne: 'a session is open from the answer to `initialize` on',
  },
  'unasked-list': {
    who: 'Claude Desktop, Cursor',
    what: 'a list of a kind that no server offers',
    borne: 'an empty list',
  },
  'probe-discover': {
    who: 'clients that look for the newer revision first',
    what: '`server/discover` without the envelope of a modern request',
    borne: 'the legacy answer for an unknown method, upon which they send `initialize`',
  },
  'unknown-method': {
    who: 'clients of other revisions or with extensions',
    what: 'a request with a method that its revision does not have',
    borne: '`-32601`, in-band for legacy callers, so that the connection goes on',
  },
  'probe-get': {
    who: 'Cursor, VS Code, mcp-remote: they look for HTTP+SSE of 2024-11-05',
    what: 'GET or DELETE without a session',
    borne: '405 with `Allow: POST`, upon which they send `initialize`',
  },
  'probe-oauth': {
    who: 'Claude, VS Code, mcp-remote',
    what: 'GET of `/.well-known/oauth-…` or `/.well-known/openid-configuration…`, which is not there',
    borne: '404: there is no authorization server to go to, and the key they have is used',
  },
} as const satisfies Readonly<Record<string, QuirkRow>>;

/** The name of a habit. */
export type QuirkName = keyof typeof quirks;

/** Where habits are noted. */
export interface Noticed {
  quirks?: QuirkName[];
}

/** Notes a habit on its exchange. */
export function noteQuirk(exchange: Noticed, name: QuirkName): void {
  if (exchange.quirks === undefined) exchange.quirks = [name];
  else if (!exchange.quirks.includes(name)) exchange.quirks.push(name);
}

const usualAccept: ReadonlySet<string | undefined> = new Set([
  'application/json, text/event-stream',
  'text/event-stream, application/json',
  'application/json,text/event-stream',
]);

const oauthProbe =
  /^\/\.well-known\/(?:oauth-(?:protected-resource|authorization-server)|openid-configuration)(?:[/?]|$)/;

/** Notes what the head of a request shows. */
export function noteHeadQuirks(exchange: Noticed, head: HttpHead): void {
  const { method, target, isKnownPath, headers } = head;
  if (!isKnownPath) {
    if (oauthProbe.test(target)) noteQuirk(exchange, 'probe-oauth');
    return;
  }
  if (method === 'POST') {
    const accept = headers['accept'];
    if (!usualAccept.has(accept) && !namesBoth(accept)) noteQuirk(exchange, 'odd-accept');
  } else if ((method === 'GET' || method === 'DELETE') && headers['mcp-session-id'] === undefined) {
    noteQuirk(exchange, 'probe-get');
  }
}

function namesBoth(accept: string | undefined): boolean {
  const lower = accept?.toLowerCase() ?? '';
  return lower.includes('application/json') && lower.includes('text/event-stream');
}

/** The first revision that had the header. */
const firstWithHeader = '2025-06-18';

/** Notes what a legacy message shows within its session. */
export function noteSessionQuirks(
  exchange: Noticed & Partial<Pick<Received, 'door' | 'head'>>,
  { kind, method }: Message,
  session: CallerSession | undefined,
): void {
  // At other doors a head speaks of the connection, not of the message.
  const head = exchange.door === 'http' ? exchange.head : undefined;
  const mirrored = head?.headers['mcp-method'];
  if (mirrored !== undefined && mirrored.trim() !== method) noteQuirk(exchange, 'stale-method-header');
  const agreed = session?.revision;
  if (session === undefined || agreed === undefined || method === 'initialize') return;
  if (head !== undefined) {
    const named = head.headers['mcp-protocol-version']?.trim();
    if (named === undefined) {
      if (agreed >= firstWithHeader) noteQuirk(exchange, 'missing-version-header');
    } else if (named !== agreed) noteQuirk(exchange, 'other-version-header');
  }
  if (session.isBegun || kind === 'response') return;
  if (kind === 'request' && method !== 'ping') {
    noteQuirk(exchange, 'early-request');
    session.isBegun = true;
  } else if (method === 'notifications/initialized') session.isBegun = true;
}

/** Notes a request for a method that its revision does not have. */
export function noteUnknownMethod(exchange: Noticed, { kind, method }: Message, era: Era): void {
  if (kind !== 'request') return;
  noteQuirk(exchange, method === 'server/discover' && era === 'legacy' ? 'probe-discover' : 'unknown-method');
}
