/** What the story asks of every partner: plain values in and out, so that one story fits each program that speaks MCP. */

/** A result as JSON. */
export type Json = Readonly<Record<string, unknown>>;

/** What came back: the result, or the protocol's error. */
export type Answer =
  | { readonly kind: 'result'; readonly result: Json }
  | { readonly kind: 'error'; readonly code: number | string; readonly message: string };

/** One connected partner. What its program cannot do is absent. */
export interface Caller {
  /** Sends a request and returns its result. */
  request(method: Method, params?: Json): Promise<Answer>;
  /**
   * Calls a tool and follows its progress.
   * @param onProgress receives each `progress` value; a partner cancels the call when it returns `cancel`.
   */
  follow?(
    name: string,
    args: Json,
    onProgress: (progress: number) => 'go on' | 'cancel',
  ): Promise<Answer | 'cancelled'>;
  close(): Promise<void>;
}

/** The requests of the story. */
export type Method =
  | 'tools/list'
  | 'tools/call'
  | 'resources/list'
  | 'resources/templates/list'
  | 'resources/read'
  | 'prompts/list'
  | 'prompts/get'
  | 'completion/complete';

/** How a partner reaches a door. */
export type Reach =
  | { readonly kind: 'http'; readonly url: string; readonly key: string }
  | { readonly kind: 'sse'; readonly url: string; readonly key: string }
  /** The SDK's transport sends no credential, so that who comes in here has none. */
  | { readonly kind: 'websocket'; readonly url: string }
  | {
      readonly kind: 'stdio';
      readonly command: string;
      readonly args: readonly string[];
      readonly env: Record<string, string>;
    };

/** A program that speaks MCP. */
export interface Partner {
  readonly name: string;
  /** The transports that it has. */
  readonly transports: readonly Reach['kind'][];
  /** What it cannot be asked for. */
  readonly lacks?: readonly Method[];
  /** True when each request is a process of its own, and at a stdio door two. */
  readonly isSlow?: true;
  connect(reach: Reach): Promise<Caller>;
}
