/** JSON-RPC messages as MCP uses them, read once and kept as the bytes they came in. */

/** A JSON object as `JSON.parse` makes it. */
export type JsonObject = { readonly [name: string]: unknown };

/** `modern`: 2026-07-28, stateless. `legacy`: 2025-11-25 and older, with initialize. */
export type Era = 'modern' | 'legacy';

/** Half-open byte range within a message. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Where the members that policy reads and the gateway edits stand. Values only, without their keys. */
export interface MessageSpans {
  readonly id: Span | undefined;
  readonly params: Span | undefined;
  readonly result: Span | undefined;
  readonly error: Span | undefined;
  /** `params.name` */
  readonly name: Span | undefined;
  /** `params.uri` */
  readonly uri: Span | undefined;
  /** `params.arguments` */
  readonly arguments: Span | undefined;
  /** `params._meta` */
  readonly meta: Span | undefined;
  /** `params._meta.progressToken` */
  readonly progressToken: Span | undefined;
  /** `params._meta["io.modelcontextprotocol/protocolVersion"]` */
  readonly protocolVersion?: Span | undefined;
  /** `params._meta["io.modelcontextprotocol/clientCapabilities"]` */
  readonly clientCapabilities?: Span | undefined;
  /** `params.cursor` */
  readonly cursor?: Span | undefined;
  /** `params.requestState` */
  readonly requestState?: Span | undefined;
  /** `params.taskId` */
  readonly taskId?: Span | undefined;
  /** `result.resultType` */
  readonly resultType?: Span | undefined;
  /** `result.isError` */
  readonly isError?: Span | undefined;
}

/** One JSON-RPC message. `bytes` is the message exactly as received, without surrounding white space or line end. */
export interface Message {
  readonly kind: 'request' | 'notification' | 'response';
  readonly bytes: Uint8Array;
  /** The whole message, parsed; an ordinary answer is parsed when somebody first asks. */
  readonly value: JsonObject;
  /** Present on requests and responses; `null` or absent only on error responses to unreadable requests. */
  readonly id: string | number | null | undefined;
  /** Present on requests and notifications. */
  readonly method: string | undefined;
  readonly params: JsonObject | undefined;
  readonly spans: MessageSpans;
}
