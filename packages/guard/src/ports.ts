/**
 * Everything that is not deterministic reaches the core through these interfaces, so that a test can
 * freeze the clock, replay a seed and fail the n-th write.
 */
import type {
  Answer,
  CallerSession,
  Identified,
  Intended,
  Lease,
  Parsed,
  Received,
  Recorded,
  Target,
} from './exchange.ts';
import type { RecordDraft } from './audit/record.ts';
import type { Unrecorded } from './audit/unrecorded.ts';
import type { Refusal } from './refusals.ts';
import type { Buckets } from './limits/buckets.ts';

/** Time as the core sees it. */
export interface Clock {
  /** Wall time in milliseconds since the epoch; may jump. */
  now(): number;
  /** Monotonic time in milliseconds; never goes back. */
  monotonic(): number;
}

/** Randomness as the core sees it. */
export interface Random {
  /** Returns `length` bytes fit for keys and nonces. */
  bytes(length: number): Uint8Array;
}

/** One open append-only file. */
export interface AppendFile {
  /** Appends all bytes or rejects; a rejection may leave a torn tail. */
  append(bytes: Uint8Array): Promise<void>;
  /** Resolves once everything appended so far survives a power loss. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** The part of a file system that the audit trail needs. */
export interface Disk {
  openAppend(path: string): Promise<AppendFile>;
  read(path: string): Promise<Uint8Array>;
  list(directory: string): Promise<string[]>;
  truncate(path: string, length: number): Promise<void>;
  makeDirectory(path: string): Promise<void>;
  /** Makes the entries of a directory durable. */
  syncDirectory(path: string): Promise<void>;
  /** Bytes free for this process on the file system of `directory`. */
  freeBytes(directory: string): Promise<number>;
}

/** A cheap stand-in for AbortSignal on the hot path: says that a caller no longer wants an answer. */
export interface Cancellation {
  readonly isCancelled: boolean;
  /** Why; present once cancelled. */
  readonly reason: string | undefined;
  /** Calls back once, at once if already cancelled. Returns a function that forgets the listener. */
  subscribe(listener: (reason: string) => void): () => void;
}

/** A stored API key, as far as a request needs it. */
export interface KeyHolder {
  readonly name: string;
  readonly roles: readonly string[];
}

/** Looks up API keys. */
export interface Credentials {
  /**
   * Checks a key.
   *
   * @param now - wall time, milliseconds
   * @param address - of the caller; a key that is bound to networks is `elsewhere` without it
   */
  verify(token: string, now: number, address?: string): KeyHolder | 'invalid' | 'expired' | 'elsewhere';
}

/**
 * The caller that a token names. One object for a token for as long as the token is kept, so that whatever is derived
 * from it (principal, access, rate) is derived once.
 */
export interface TokenHolder {
  readonly kind: 'jwt';
  /** `jwt:<issuer>|<id>`. */
  readonly id: string;
  readonly roles: readonly string[];
  /** Absent where tokens of this kind carry none. */
  readonly scopes?: readonly string[];
  /** Those of the token's audiences that its issuer is trusted for; they say at which doors it holds. */
  readonly audiences?: readonly string[];
  /** The program that acts for the person. */
  readonly agent?: string;
  readonly claims?: Readonly<Record<string, unknown>>;
  /** When the token ends, milliseconds since the epoch, clock skew included. */
  readonly expiresAt?: number;
}

/**
 * Why a token names nobody. `unknown-kind`: not a token that this verifier judges, another may; `unavailable`: what is
 * needed to judge it cannot be had just now.
 */
export interface TokenFault {
  readonly fault: 'invalid' | 'expired' | 'unavailable' | 'unknown-kind';
  /** For operators only: never sent to a caller, and free of the token's own text. */
  readonly note: string;
  /** When to try again, milliseconds; of `unavailable`. */
  readonly retryAfterMs?: number;
}

/** Verifies bearer tokens that are not API keys. */
export interface Tokens {
  /**
   * Judges a token. What is kept from an earlier call is returned at once, without a promise.
   *
   * @param token - what stood behind `Bearer `, as sent
   */
  verify(token: string, exchange: Received): TokenHolder | TokenFault | Promise<TokenHolder | TokenFault>;
}

/** What an administrator has stopped at run time. */
export interface Blocks {
  isBlocked(kind: 'caller' | 'tool' | 'upstream', name: string): boolean;
}

/** Token buckets, shared by every exchange of the process. */
export type RateBuckets = Pick<Buckets, 'take' | 'takeAll'>;

/** Counters of calls that run at once. */
export interface ConcurrencyCounters {
  acquire(key: string, max: number): Lease | undefined;
}

/** The audit trail as the stages use it. */
export interface AuditPort {
  /** `interval` never waits, `intent` waits before invoke, `full` also before the reply. */
  readonly durability: 'intent' | 'full' | 'interval';
  /** Queues a record; a number is its sequence, an object says why it cannot be taken. */
  append(draft: RecordDraft): number | { readonly refused: string };
  /** Resolves when the record is on disk (or never will be); `undefined` when it already is. */
  durable(seq: number): Promise<'durable' | 'lost'> | undefined;
}

/** Finds what a request aims at, and opens the sealed handles it carries. Supplied by the product. */
export type Resolver = (exchange: Parsed) => Target | Refusal | Promise<Target | Refusal>;

/** Does what was asked. Supplied by the product: the gateway calls an upstream, the framework a handler. */
export type Invoker = (exchange: Intended) => Answer | Refusal | Promise<Answer | Refusal>;

/** Opens legacy sessions by the id that the caller sends. */
export interface SessionPort {
  find(id: string, exchange: Identified): CallerSession | undefined;
}

/** Told of every exchange at its end, for metrics and the live view. Must not throw. */
export type Observer = (exchange: Recorded) => void;

/** All that the stages may touch besides the exchange. */
export interface Ports {
  readonly clock: Clock;
  readonly credentials: Credentials;
  /** Absent where API keys are the only bearer tokens. */
  readonly tokens?: Tokens;
  readonly blocks: Blocks;
  readonly buckets: RateBuckets;
  readonly concurrency: ConcurrencyCounters;
  readonly sessions: SessionPort;
  readonly audit: AuditPort;
  readonly unrecorded: Pick<Unrecorded, 'count'>;
  /** Keyed digest of argument bytes, hex. */
  readonly digest: (bytes: Uint8Array) => string;
  readonly resolve: Resolver;
  readonly invoke: Invoker;
  readonly observe: Observer;
  /** True once the process drains: no new work is admitted. */
  readonly isDraining: () => boolean;
}
