/**
 * One conversation with an upstream, whatever carries it. The gateway speaks to every server through this shape; the
 * folders beside this file (`stdio/`, `http/`, `sse/`, `websocket/`) only differ in how the bytes travel.
 */
import type { Cancellation } from '@sallyport/guard';
import { isObject, UNSUPPORTED_VERSION, type Era, type JsonObject, type Message } from '@sallyport/protocol';
import { MODERN_ERRORS } from './handshake.ts';

/** What an upstream may ask of the person or program at the other end (`upstreams.<n>.ask`). */
export type AskKind = 'elicitation' | 'sampling' | 'roots';

/** What carries a conversation. */
export type Carrier = 'stdio' | 'http' | 'sse' | 'websocket';

/** What the upstream said about itself when the conversation began. */
export interface LinkPeer {
  /** Self-reported name and version: for people, never for decisions. */
  readonly serverInfo: JsonObject | undefined;
  readonly capabilities: JsonObject;
  readonly instructions: string | undefined;
  /** Revisions that `server/discover` listed; for a legacy conversation, the one that was negotiated. */
  readonly supportedRevisions: readonly string[];
  /** The whole `server/discover` result (`ttlMs`, `cacheScope` and extensions are in it). Modern conversations only. */
  readonly discover: JsonObject | undefined;
}

/** One request to an upstream, already in this link's era. */
export interface LinkRequest {
  /** From `mint()` of the same link; the gateway also uses it as progress token. */
  readonly id: number;
  readonly method: string;
  /** The bytes of the `params` object, with the `_meta` envelope when the link is modern. */
  readonly params: Uint8Array | undefined;
  /** What `Mcp-Name` says over modern HTTP: tool or prompt name, URI or task id. */
  readonly name?: string;
  /** More headers for modern HTTP (`Mcp-Param-*`, `traceparent`), lower case; other transports carry none. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Milliseconds without an answer or progress until the request fails; `Infinity` for streams that stay open. */
  readonly timeoutMs: number;
  /** Milliseconds that progress can extend the wait to, at most. */
  readonly maxTimeMs: number;
  /** The caller's wish to have no answer any more. */
  readonly cancellation: Cancellation;
}

/** The answer to a request that a server made: the bytes of `result` or of `error`. */
export interface AskAnswer {
  readonly kind: 'result' | 'error';
  readonly body: Uint8Array;
}

/** Who hears what comes before a request's answer. */
export interface LinkListener {
  /** A notification that belongs to this request: progress under its token, or anything on its own stream. */
  onMessage(message: Message): void;
  /**
   * A request of the server to the caller, of a kind that `ask` allows. A rejection is answered as an internal error.
   *
   * @param over - says when nobody waits for the caller's words any more; links always give it
   */
  onRequest(message: Message, over?: Cancellation): Promise<AskAnswer>;
  /** The upstream chose to answer with a stream; called at most once, before any message. */
  onStream?(): void;
}

/** Why an upstream gave no answer. Values, because each is expected in a working system. */
export type LinkFailureReason =
  /** No answer within the deadline. */
  | 'timeout'
  /** The connection or process could not be had, or broke before the answer. */
  | 'unreachable'
  /** The conversation ended (process exit, stop) while the request waited. */
  | 'closed'
  /** What came back is not an answer to this request: wrong id, not JSON-RPC, a redirect, an unusable status. */
  | 'bad-answer'
  /** A message over `limits.message`. */
  | 'too-large'
  /** The caller gave up. */
  | 'cancelled'
  /** The legacy session is gone; a new link has a new one. */
  | 'session-lost'
  /** The upstream refused our own credentials (401, 403). */
  | 'unauthorized'
  /** Our credential for the upstream could not be had. */
  | 'credentials'
  /** The caller did not bring what its credential for the upstream is made from. */
  | 'identity'
  /** The caller has to consent first; `consent` says to what. */
  | 'consent'
  /** The upstream itself said that it is too busy (429, 503). */
  | 'busy'
  /** All conversations that this upstream may have at once are taken. */
  | 'exhausted';

/** Why an upstream gave no answer. `text` names the upstream's trouble without its internals; the rest is for the log. */
export interface LinkFailure {
  readonly reason: LinkFailureReason;
  /** One sentence that is safe for callers. */
  readonly text: string;
  /** What happened in detail, for the log only. */
  readonly detail: string | undefined;
  readonly cause: unknown;
  /** When trying again makes sense, milliseconds from now. */
  readonly retryAfterMs: number | undefined;
  /** What the server itself said of it, for status and log only. */
  readonly words?: string | undefined;
  /** The status that said so, over HTTP. */
  readonly httpStatus?: number | undefined;
  /** The server was ended because it exceeded a limit, which `detail` names. */
  readonly isExceeded?: boolean | undefined;
  /** `WWW-Authenticate` of a server that refused our credentials. */
  readonly challenge?: string | undefined;
  /** What the caller has to consent to. */
  readonly consent?: ConsentNeed | undefined;
}

/** What a person has to let us do at an upstream in their name. */
export interface ConsentNeed {
  readonly server: string;
  /** Principal id of the person's caller. */
  readonly principal: string;
  /** Scopes that an earlier consent did not cover; empty when there is none yet. */
  readonly scopes: readonly string[];
}

/** What a request ended in. */
export type LinkAnswer =
  | { readonly kind: 'answer'; readonly message: Message; readonly httpStatus: number | undefined }
  | { readonly kind: 'failure'; readonly failure: LinkFailure };

/** A request went in a way that may mean that the upstream is gone. */
export interface LinkTrouble {
  readonly kind: 'trouble';
  readonly failure: LinkFailure;
  /** It is there, but seems to be of the other era, or not to know the session. */
  readonly isOther: boolean;
}

/** What happens on a link outside of any request. */
export type LinkEvent =
  /** list_changed, resource updates, logs and progress that no request in flight owns. */
  | { readonly kind: 'notification'; readonly message: Message }
  /** A server request that could not be attributed or is of no allowed kind; the link has answered -32601. */
  | { readonly kind: 'refused-request'; readonly method: string }
  /** Something unreadable, oversized or unasked for was dropped; `detail` is for the log. */
  | { readonly kind: 'dropped'; readonly detail: string }
  | LinkTrouble
  /** The end. Requests in flight have failed already. */
  | { readonly kind: 'closed'; readonly failure: LinkFailure };

/** One conversation with an upstream. */
export interface Link {
  readonly carrier: Carrier;
  readonly era: Era;
  /** The revision spoken, e.g. `2026-07-28`. */
  readonly revision: string;
  readonly peer: LinkPeer;
  readonly state: 'open' | 'closed';
  /** Requests in flight. */
  readonly pending: number;
  /** Returns a request id that this link never used before. */
  mint(): number;
  /**
   * Sends a request and waits for its answer. Never rejects for what the other side or the network does.
   *
   * @param request - what to send; `request.id` must come from `mint()` of this link
   * @param listener - hears what precedes the answer; nothing is delivered after the promise settled
   */
  request(request: LinkRequest, listener: LinkListener): Promise<LinkAnswer>;
  /**
   * Sends a notification.
   *
   * @param params - the bytes of the `params` object
   * @returns undefined once handed over, or why it could not be sent
   */
  notify(method: string, params?: Uint8Array): Promise<LinkFailure | undefined>;
  /** Calls back for each event until the returned function is called. */
  onEvent(listener: (event: LinkEvent) => void): () => void;
  /**
   * Ends the conversation: requests in flight fail with `closed`, then the session or process is ended.
   *
   * @param reason - for the log
   */
  close(reason?: string): Promise<void>;
}

/** Returns a failure value. `text` must be safe for callers; `detail` and `cause` are for the log. */
export const linkFailure = (
  reason: LinkFailureReason,
  text: string,
  more: {
    detail?: string;
    cause?: unknown;
    retryAfterMs?: number;
    words?: string | undefined;
    httpStatus?: number;
    isExceeded?: boolean;
    challenge?: string | undefined;
    consent?: ConsentNeed;
  } = {},
): LinkFailure => ({
  reason,
  text,
  detail: more.detail,
  cause: more.cause,
  retryAfterMs: more.retryAfterMs,
  words: more.words,
  httpStatus: more.httpStatus,
  ...(more.isExceeded === true ? { isExceeded: true } : {}),
  ...(more.challenge === undefined ? {} : { challenge: more.challenge }),
  ...(more.consent === undefined ? {} : { consent: more.consent }),
});

/** What implementations of the revisions before 2026-07-28 use for refusals of their own (JSON-RPC 2.0 §5.1). */
const isOfImplementation = (code: unknown): boolean => typeof code === 'number' && code >= -32_019 && code <= -32_000;

/**
 * Returns the trouble that makes an answer a reason to ask the upstream anew who it is: it was not reached, it answered
 * what cannot be understood, or it answers like a server of the other era or one that does not know the session.
 *
 * @param era - the one that the request was made in
 */
export const troubleIn = (name: string, era: Era, answer: LinkAnswer): LinkTrouble | undefined => {
  if (answer.kind === 'failure') {
    const { failure } = answer;
    const isTrouble = failure.reason === 'unreachable' || failure.reason === 'bad-answer';
    return isTrouble ? { kind: 'trouble', failure, isOther: false } : undefined;
  }
  const { message, httpStatus = 200 } = answer;
  // The ordinary answer, whose value nobody has parsed yet.
  if (message.spans.error === undefined) return undefined;
  const { error } = message.value;
  if (!isObject(error)) return undefined;
  const { code } = error;
  const isOther =
    era === 'modern'
      ? code === UNSUPPORTED_VERSION || (httpStatus >= 400 && isOfImplementation(code))
      : MODERN_ERRORS.has(code) || (httpStatus === 400 && (message.id ?? null) === null);
  if (!isOther) return undefined;
  const detail = `an error that a ${era} server would not give to this request: ${String(code)}`;
  const failure = linkFailure('bad-answer', `${name} gave no usable answer.`, { detail });
  return { kind: 'trouble', failure, isOther: true };
};

/** Which kind of asking a server request is; undefined for requests that never reach a caller. */
export const askKindOf = (method: string): AskKind | undefined => {
  switch (method) {
    case 'elicitation/create':
      return 'elicitation';
    case 'sampling/createMessage':
      return 'sampling';
    case 'roots/list':
      return 'roots';
    default:
      return undefined;
  }
};
