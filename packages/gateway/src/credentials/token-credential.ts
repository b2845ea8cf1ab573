/**
 * A bearer token as a credential: kept until it ends, renewed once however many wait for it, and once more when a server
 * says that it is not good or not enough.
 */
import type { Clock } from '@sallyport/guard';
import type { CredentialRefusal, LinkCredential } from '../upstreams/credential.ts';
import { linkFailure, type LinkFailure } from '../upstreams/link.ts';
import { challengedScopes } from './challenge.ts';

/** A token as it was had. */
export interface Token {
  readonly value: string;
  /** Wall time, milliseconds; `undefined` when the server did not say. */
  readonly expiresAt: number | undefined;
}

/** What kind of token is wanted. */
export interface TokenWish {
  /** `due`: there is none, or its time is over. `refused`: it was not good although its time is not over. `scopes`: it was not enough. */
  readonly why: 'due' | 'refused' | 'scopes';
  /** Scopes that the upstream asked for beyond the usual ones. */
  readonly scopes: readonly string[];
}

/** Where a token comes from; never rejects. */
export type ObtainToken = (wish: TokenWish) => Promise<Token | LinkFailure>;

/** How a token credential is set up. */
export interface TokenCredentialOptions {
  /** Tells it from others of the same upstream. */
  readonly key: string;
  /** The upstream's name, for texts. */
  readonly name: string;
  readonly clock: Clock;
  readonly obtain: ObtainToken;
}

/** A token is renewed this long before its end, or when a tenth of its life is left. */
const EARLY_MS = 60_000;
/** How long a failure stands, so that not every call knocks at a door that is closed. */
const COOL_MS = 1_000;
/** A token that was never taken, and is refused sooner than this after its renewal, would be refused after the next one too. */
const YOUNG_MS = 5_000;
/** Times that a server may ask for more scopes. */
const MOST_STEPS = 3;

/** A bearer token as a credential. */
export class TokenCredential implements LinkCredential {
  readonly key: string;
  /** Monotonic time of its last use, for whoever keeps many. */
  usedAt: number;
  readonly #options: TokenCredentialOptions;
  #headers: readonly string[] = [];
  #token: Token | undefined;
  /** Wall time from which on it is renewed. */
  #renewAt = 0;
  #renewing: Promise<LinkFailure | undefined> | undefined;
  #failed: { readonly failure: LinkFailure; readonly until: number } | undefined;
  /** Monotonic time of the last renewal that a refusal caused. */
  #renewedAt = -Infinity;
  #scopes: readonly string[] = [];
  #steps = 0;
  /** The server took the present token at least once. */
  #wasAccepted = false;

  constructor(options: TokenCredentialOptions) {
    this.key = options.key;
    this.#options = options;
    this.usedAt = options.clock.monotonic();
  }

  /** What is secret in it. */
  get secret(): string | undefined {
    return this.#token?.value;
  }

  headers(): readonly string[] {
    return this.#headers;
  }

  ready(): Promise<LinkFailure | undefined> | undefined {
    const { clock } = this.#options;
    this.usedAt = clock.monotonic();
    if (this.#token !== undefined && clock.now() < this.#renewAt) return undefined;
    return this.#renew({ why: 'due', scopes: this.#scopes });
  }

  accepted(sent: readonly string[]): void {
    if (sent === this.#headers) this.#wasAccepted = true;
  }

  async refused({ status, challenge, sent }: CredentialRefusal): Promise<LinkFailure | undefined> {
    const { clock, name } = this.#options;
    if (sent !== this.#headers && this.#token !== undefined) return undefined;
    if (this.#renewing !== undefined) return this.#renewing;
    if (status === 403) return this.#stepUp(challenge);
    if (!this.#wasAccepted && clock.monotonic() < this.#renewedAt + YOUNG_MS) {
      return linkFailure('credentials', `${name} refuses fresh credentials.`, { detail: 'HTTP 401 to a new token' });
    }
    const failure = await this.#renew({ why: 'refused', scopes: this.#scopes });
    if (failure === undefined) this.#renewedAt = clock.monotonic();
    return failure;
  }

  /** Forgets the token: the next use asks for a new one. */
  forget(): void {
    this.#token = undefined;
    this.#headers = [];
    this.#failed = undefined;
    this.#renewedAt = -Infinity;
  }

  async #stepUp(challenge: string | undefined): Promise<LinkFailure | undefined> {
    const { name } = this.#options;
    const union = [...new Set([...this.#scopes, ...challengedScopes(challenge ?? '')])];
    if (union.length === this.#scopes.length || this.#steps >= MOST_STEPS) {
      const detail = `HTTP 403 insufficient_scope, although ${union.join(' ') || 'nothing more'} was asked for`;
      return linkFailure('credentials', `${name} asks for more than it can be given.`, { detail });
    }
    const failure = await this.#renew({ why: 'scopes', scopes: union });
    if (failure !== undefined) return failure;
    this.#steps += 1;
    this.#scopes = union;
    return undefined;
  }

  #renew(wish: TokenWish): Promise<LinkFailure | undefined> {
    const { clock } = this.#options;
    if (this.#renewing !== undefined) return this.#renewing;
    if (this.#failed !== undefined && clock.monotonic() < this.#failed.until) {
      return Promise.resolve(this.#isStillGood(wish) ? undefined : this.#failed.failure);
    }
    const renewing = this.#options.obtain(wish).then((token) => {
      if (this.#renewing === renewing) this.#renewing = undefined;
      return this.#take(token, wish);
    });
    this.#renewing = renewing;
    return renewing;
  }

  #take(token: Token | LinkFailure, wish: TokenWish): LinkFailure | undefined {
    const { clock } = this.#options;
    if ('reason' in token) {
      // What the caller can mend at once is asked for again at once.
      const isOwn = token.reason === 'consent' || token.reason === 'identity';
      this.#failed = isOwn ? undefined : { failure: token, until: clock.monotonic() + COOL_MS };
      return !isOwn && this.#isStillGood(wish) ? undefined : token;
    }
    const now = clock.now();
    const leftMs = (token.expiresAt ?? Infinity) - now;
    this.#failed = undefined;
    this.#token = token;
    this.#wasAccepted = false;
    this.#renewAt = token.expiresAt === undefined ? Infinity : now + leftMs - Math.min(EARLY_MS, leftMs / 10);
    this.#headers = ['authorization', `Bearer ${token.value}`];
    return undefined;
  }

  /** A renewal that failed before the end takes nothing away. */
  #isStillGood({ why }: TokenWish): boolean {
    if (why !== 'due' || this.#token === undefined) return false;
    return this.#options.clock.now() < (this.#token.expiresAt ?? Infinity);
  }
}
