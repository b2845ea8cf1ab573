/**
 * The one value that travels: an inbound MCP request on its way through the twelve stages. Its type grows stage by
 * stage, so that a stage in the wrong place does not compile. Fields are added, never changed.
 */
import type { Era, Message, MethodEntry } from '@sallyport/protocol';
import type { Canceller } from './cancellation.ts';
import type { QuirkName } from './quirks.ts';
import type { Refusal, StageName } from './refusals.ts';
import type { Access, Decision } from './policy/compile.ts';
import type { Rules } from './rules.ts';

/** How a request came in. */
export type DoorKind = 'http' | 'stdio' | 'websocket' | 'sse';

/** What the door leads to: all servers under prefixed names, one server under its own, or a part of all of them. */
export type DoorPath =
  | { readonly kind: 'all' }
  | { readonly kind: 'server'; readonly server: string }
  | { readonly kind: 'view'; readonly view: string };

/** The head of an HTTP request. Header names are lower case; a header sent twice is listed in `repeated`. */
export interface HttpHead {
  /** `1.1`, as the parser read it. */
  readonly version: string;
  readonly method: string;
  /** The request target as sent. */
  readonly target: string;
  /** True when the target is a path that the door serves, letter by letter. */
  readonly isKnownPath: boolean;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly repeated: ReadonlySet<string>;
  /** False when no header mirrors an argument (`Mcp-Param-*`), so that nobody has to look. */
  readonly hasParamHeaders?: boolean;
}

/** Who calls. */
export interface Principal {
  /** `key:<name>`, `local:<user>`, `anonymous`, … (design §4.2). */
  readonly id: string;
  readonly kind: 'key' | 'jwt' | 'cert' | 'local' | 'account' | 'anonymous';
  readonly roles: readonly string[];
  /** What the caller's roles add up to under the exchange's policy. */
  readonly access: Access;
  /** The program that acts for the person, as the token names it; recorded and matchable beside the person. */
  readonly agent?: string;
  /** What a token allows its bearer to ask for; absent for credentials that know no scopes. */
  readonly scopes?: readonly string[];
  /** The token's claims, for conditions; absent for credentials that have none. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** When the credential ends, milliseconds since the epoch. */
  readonly expiresAt?: number;
}

/** A client certificate whose key the caller proved to hold, and whose chain was found good. */
export interface PresentedCertificate {
  /** URIs of the subject alternative name. */
  readonly uris: readonly string[];
  /** DNS names of the subject alternative name. */
  readonly names: readonly string[];
  /** E-mail addresses of the subject alternative name. */
  readonly emails: readonly string[];
  /** Common name of the subject; empty when it has none. */
  readonly commonName: string;
  /** SHA-256 of the certificate, hex; empty where a proxy does not tell it. */
  readonly fingerprint: string;
  /** Last moment of validity, milliseconds since the epoch; absent where a proxy does not tell it. */
  readonly expiresAt?: number;
}

/** Why a certificate that a caller showed proves nothing. */
export type CertificateFault =
  | 'unknown-issuer'
  | 'expired'
  | 'not-yet-valid'
  | 'not-for-clients'
  | 'unverified'
  | 'unreadable';

/** A message that goes to the caller before the answer. */
export interface CallerStream {
  /** Sends one JSON-RPC message on this request's stream, opening the stream when it is the first. */
  send(message: Uint8Array): void;
  /** True when the caller can take messages before the answer (it accepts a stream, or the door is one). */
  readonly isOpenable: boolean;
  /** Opens the stream without a message, because the upstream answers with one. */
  open(): void;
  /** Ends a stream that belongs to no request. */
  end?(): void;
}

/**
 * An exchange in the hands of the stage that adds to it. Plain assignments: what `Object.assign` does with an object made
 * for it costs ten times as much, and every exchange passes twelve stages.
 */
export type Filling<Next> = { -readonly [Field in keyof Next]: Next[Field] };

/** A refusal that was not carried out. */
export interface Observed {
  readonly stage: StageName;
  readonly refusal: Refusal;
}

/** The request as the door hands it over. */
export interface Received {
  readonly id: string;
  readonly door: DoorKind;
  readonly path: DoorPath;
  /** The rules that judge this exchange to its end, whatever is reloaded meanwhile. */
  readonly rules: Rules;
  /** Wall time of arrival, milliseconds since the epoch. */
  readonly time: number;
  /** Monotonic time of arrival, milliseconds. */
  readonly started: number;
  readonly address: string;
  /** True where trusted proxies contradict themselves about the address. */
  readonly isAddressDisputed?: boolean;
  /** The user at a stdio door. */
  readonly localUser?: string;
  /** A role that this user chose for the door, in place of the rules' own. */
  readonly localRole?: string;
  /** The conversation that a connection is, for as long as it lasts. */
  readonly connection?: CallerSession;
  /** The id of that conversation, where the message names it and it is yet to be found (the SSE door). */
  readonly connectionId?: string;
  /** Absent on a stdio door. */
  readonly head?: HttpHead;
  /** The certificate that the caller proved to hold, by TLS here or at a trusted proxy. */
  readonly certificate?: PresentedCertificate;
  /** Why the certificate that the caller showed is none to go by; `certificate` is absent then. */
  readonly certificateFault?: CertificateFault;
  readonly cancellation: Canceller;
  readonly caller: CallerStream;
  /** Reads the whole body, once, for this caller; a refusal when it is too large, too slow, cut off or one too many. */
  readBody(principal: Principal): Promise<Uint8Array | Refusal> | Uint8Array;
  /** Tells the door that the message was understood, where the door answers apart from it. */
  onParsed?(connection: CallerSession | undefined): void;
  /** Monotonic time at the end of each stage so far, milliseconds. */
  readonly marks: number[];
  /** The stage that refused; set by the pipeline. */
  refusedAt?: StageName;
  /** What would have refused it first, had policy not only been observed. */
  observed?: Observed;
  /** Known habits of client programs that it shows. */
  quirks?: QuirkName[];
}

export interface Identified extends Received {
  readonly principal: Principal;
}

export interface Parsed extends Identified {
  readonly message: Message;
  readonly era: Era;
  readonly revision: string;
  /** The entry of the method table; a posted response has none. */
  readonly method: MethodEntry | undefined;
  /** The legacy session that the caller named, opened and found to be its own. */
  readonly session?: CallerSession;
}

/** A conversation that outlives one request: a legacy HTTP session, or one connection of another door. */
export interface CallerSession {
  readonly id: string;
  /** Principal id of its owner. */
  readonly owner: string;
  readonly path: DoorPath;
  /** Negotiated revision; `undefined` until the caller of a connection has sent initialize. */
  readonly revision: string | undefined;
  /** The caller's program by its own account. */
  readonly clientName: string | undefined;
  /** True once the caller has said that it is ready, or has gone on without saying so. */
  isBegun: boolean;
  /**
   * Notes a request that is on its way, so that a notification can cancel it.
   *
   * @returns false when another one of this id is on its way, which is borne
   */
  track(id: string | number, canceller: Canceller): boolean;
  untrack(id: string | number, canceller: Canceller): void;
  /** Cancels every request on its way that has this id. */
  cancel(id: string | number, reason: string): void;
}

/** What a request aims at. */
export type TargetKind = 'tool' | 'resource' | 'prompt' | 'list' | 'protocol';

/** What a call of a tool does, as an administrator has judged it. What servers say of themselves is a hint to callers. */
export type Effect = 'read' | 'write' | 'destructive';

/** What a request aims at, found in the catalog. `definition` is opaque to the core except for its input schema. */
export interface Target {
  readonly kind: TargetKind;
  /** The upstream's name; `undefined` for what the gateway itself answers. */
  readonly upstream?: string;
  /** The name by which the upstream knows it: tool name, prompt name, URI, or method. */
  readonly name: string;
  /** `upstream.name`, what patterns match. */
  readonly key: string;
  /** The name as the caller wrote it, where it differs from `name`. */
  readonly asked?: string;
  /** What the key of everything that this target stands for begins with; for templates of resources. */
  readonly prefix?: string;
  readonly definition?: AcceptedDefinition;
  /** What the administrator says that it does; absent where nothing was said. */
  readonly effect?: Effect;
}

/** A definition that was accepted into the catalog. */
export interface AcceptedDefinition {
  /** SHA-256 over the canonical definition, hex. */
  readonly digest: string;
  /** Checks arguments; `undefined` result means fine. */
  readonly checkArguments?: (value: unknown) => ArgumentFault | undefined;
  /** Checks the headers that mirror arguments (`Mcp-Param-*`, 2026-07-28); returns the header at fault. */
  readonly checkHeaders?: (value: unknown, headers: HttpHead['headers']) => string | undefined;
}

/** The first thing wrong with a call's arguments. */
export interface ArgumentFault {
  /** JSON Pointer into the arguments. */
  readonly path: string;
  readonly keyword: string;
  readonly message: string;
}

export interface Resolved extends Parsed {
  readonly target: Target;
}

export interface Authorized extends Resolved {
  readonly decision: Decision;
}

/** Holds a place among the calls that run at once; `release` gives it back, once. */
export interface Lease {
  release(): void;
}

export interface Admitted extends Authorized {
  readonly lease: Lease;
  /** HTTP fields that tell the caller what is left of its quota, names and values in turn; absent without a limit. */
  readonly quota?: readonly string[];
}

/** Arguments as the audit trail knows them. */
export interface ArgumentFacts {
  /** Keyed digest (HMAC-SHA-256), hex. */
  readonly digest: string;
  readonly bytes: number;
  readonly values?: Readonly<Record<string, unknown>>;
}

export interface Inspected extends Admitted {
  readonly args?: ArgumentFacts;
}

export interface Intended extends Inspected {
  /** Sequence number of the intent record; absent where the method needs none. */
  readonly intent?: number;
  /** The part of the records' text that the outcome shares with the intent. */
  readonly facts?: string;
}

/** What came back: the bytes of `result` or of `error`, already in the caller's era and names. */
export interface Answer {
  readonly kind: 'result' | 'error';
  readonly body: Uint8Array;
  /** JSON-RPC code, for an error. */
  readonly code?: number;
  /** True when a tool reported its own failure in-band. */
  readonly isToolError: boolean;
  /** Messages that went to the caller before this answer. */
  readonly interim: number;
  /** HTTP headers that the answer sets, names and values in turn, e.g. a new legacy session id. */
  readonly headers?: readonly string[];
}

export interface Invoked extends Intended {
  readonly answer: Answer;
}

export interface Screened extends Invoked {
  readonly screened: Answer;
}

/** An exchange that a stage refused: whatever was known by then, and why. */
export interface Refused extends Partial<Omit<Screened, keyof Received>>, Received {
  readonly refusal: Refusal;
}

export type Ended = Screened | Refused;

export type Recorded = Ended & { readonly outcome?: number };

/** What the door writes. */
export interface Reply {
  /** HTTP status; a stdio door ignores it. */
  readonly status: number;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  /** The JSON-RPC message; absent where a status says it all. */
  readonly body?: Uint8Array;
  /** The same in pieces, where it is long: a door that can write them one after another saves a copy. */
  readonly parts?: readonly Uint8Array[];
}

export type Replied = Recorded & { readonly reply: Reply };
