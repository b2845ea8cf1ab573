/**
 * The keys of one issuer over time. They are read again in the background; readings never run side by side; an unknown
 * name of a key leads to a reading now, but only so often; when the source fails, the last keys serve for a bounded time.
 */
import type { Clock } from '../ports.ts';
import type { Algorithm } from './algorithms.ts';
import type { TokenHeader } from './compact-form.ts';
import type { KeyDocument, KeySetFault, VerificationKey } from './key-document.ts';
import type { KeySource } from './key-source.ts';

/** How a key set is kept. Times in milliseconds. */
export interface KeySetOptions {
  readonly clock: Clock;
  readonly source: KeySource;
  /** How long keys serve after they were last read, when they cannot be read again. */
  readonly staleMs: number;
  /** Told of each change between well and in trouble, of keys that are not used, and of keys that came or went. */
  readonly onNews?: (news: KeyNews) => void;
}

/** Something an operator should know of a key set. */
export interface KeyNews {
  readonly level: 'info' | 'warning';
  readonly text: string;
}

/** A key set as status shows it. */
export interface KeySetStatus {
  /** `waiting`: never read so far; `stale`: the last reading failed, earlier keys serve; `lost`: no keys serve. */
  readonly state: 'waiting' | 'fresh' | 'stale' | 'lost';
  readonly keys: number;
  /** Wall time of the last reading that worked, milliseconds since the epoch. */
  readonly readAt?: number;
  /** Why the last reading failed. */
  readonly problem?: string;
  readonly readings: number;
  readonly failures: number;
}

/** Why no key was found. */
export type KeyMiss =
  | { readonly miss: 'unknown'; readonly note: string }
  | { readonly miss: 'unavailable'; readonly note: string; readonly retryAfterMs: number };

/** Tells a miss from a key. */
export function isKeyMiss(found: VerificationKey | KeyMiss): found is KeyMiss {
  return 'miss' in found;
}

/** Readings that unknown names of keys may cause in a row, and the milliseconds after which there is one more. */
const mostHurried = 4;
const hurryEveryMs = 5000;

/** Pauses after failures, milliseconds: the first, and the longest. */
const firstPauseMs = 1000;
const longestPauseMs = 60_000;

/** Says whether a name is worth a reading; others are none that an issuer gives. */
function isPlausible(kid: string | undefined): boolean {
  return kid !== undefined && /^[\x21-\x7e]{1,256}$/.test(kid);
}

/** The keys of one issuer. */
export class KeySet {
  private readonly options: KeySetOptions;
  private lookup: KeyLookup = indexKeys([]);
  private all: ReadonlyMap<string, VerificationKey> = new Map();
  private reading: Promise<void> | undefined = undefined;
  private readAtWall: number | undefined = undefined;
  /** Monotonic times. */
  private readAt = Number.NEGATIVE_INFINITY;
  private nextAt = Number.NEGATIVE_INFINITY;
  private hurryLevel = mostHurried;
  private hurryAt = Number.NEGATIVE_INFINITY;
  private problem: string | undefined = undefined;
  private pauseMs = 0;
  private readings = 0;
  private failures = 0;
  private said = '';

  constructor(options: KeySetOptions) {
    this.options = options;
  }

  /** True while keys may be used: they were read, and not too long ago. */
  isUsable(): boolean {
    return this.options.clock.monotonic() - this.readAt <= this.options.staleMs + this.options.source.everyMs;
  }

  /** Reads the keys if it is time to. Called every second or so. */
  tend(): void {
    if (this.options.clock.monotonic() >= this.nextAt) void this.read();
  }

  /** Finds the key for a token without waiting for anything; `undefined` when that takes a reading. */
  find(algorithm: Algorithm, { kid }: TokenHeader): VerificationKey | KeyMiss | undefined {
    if (!this.isUsable()) return undefined;
    const { named, unnamed, any } = this.lookup;
    const chosen =
      kid === undefined ? any.get(algorithm) : (named.get(nameOf(algorithm, kid)) ?? unnamed.get(algorithm));
    if (chosen === 'several') return unknown('several keys fit the token, and it does not name one of them');
    if (chosen !== undefined) return chosen;
    if (this.mayHurry(kid)) return undefined;
    // While the issuer is away nobody can say that it has no such key.
    if (this.problem !== undefined && isPlausible(kid)) return this.unavailable();
    return unknown('no key of the issuer fits the token');
  }

  /** Finds the key for a token, reading the keys first where they are missing or the token names one that is not known. */
  async seek(algorithm: Algorithm, header: TokenHeader): Promise<VerificationKey | KeyMiss> {
    if (this.isUsable()) this.hurry();
    else if (this.reading === undefined && this.options.clock.monotonic() < this.nextAt) return this.unavailable();
    const hasJoined = this.reading !== undefined;
    await this.read();
    if (!this.isUsable()) return this.unavailable();
    let found = this.find(algorithm, header);
    if (found === undefined && hasJoined) {
      // That reading may have begun before the key was published.
      this.hurry();
      await this.read();
      found = this.find(algorithm, header);
    }
    if (found !== undefined && !isKeyMiss(found)) this.takeBack();
    return found ?? unknown('no key of the issuer fits the token');
  }

  status(): KeySetStatus {
    const { problem, readAtWall } = this;
    const trouble = this.isUsable() ? 'stale' : 'lost';
    const calm = this.isUsable() ? 'fresh' : 'waiting';
    return {
      state: problem === undefined ? calm : trouble,
      keys: new Set([...this.all.values()].map(({ kid, fingerprint }) => kid ?? fingerprint)).size,
      ...(readAtWall === undefined ? {} : { readAt: readAtWall }),
      ...(problem === undefined ? {} : { problem }),
      readings: this.readings,
      failures: this.failures,
    };
  }

  /** One reading at a time; whoever comes meanwhile waits for the same one. */
  private read(): Promise<void> {
    this.reading ??= this.load().finally(() => {
      this.reading = undefined;
    });
    return this.reading;
  }

  private async load(): Promise<void> {
    const { clock, source } = this.options;
    this.readings += 1;
    let loaded: KeyDocument | KeySetFault | 'unchanged';
    try {
      loaded = await source.load();
    } catch (cause) {
      loaded = { kind: 'fault', message: cause instanceof Error ? cause.message : String(cause) };
    }
    const now = clock.monotonic();
    if (loaded !== 'unchanged' && loaded.kind === 'fault') {
      this.failures += 1;
      this.pauseMs = Math.min(longestPauseMs, this.pauseMs === 0 ? firstPauseMs : this.pauseMs * 2);
      this.nextAt = now + Math.min(this.pauseMs, Math.max(source.everyMs, firstPauseMs));
      if (this.problem === undefined) this.tell('warning', loaded.message);
      this.problem = loaded.message;
      return;
    }
    this.pauseMs = 0;
    this.nextAt = now + source.everyMs;
    this.readAt = now;
    this.readAtWall = clock.now();
    const wasInTrouble = this.problem !== undefined;
    this.problem = undefined;
    if (loaded !== 'unchanged') this.report(loaded);
    if (wasInTrouble) this.tell('info', 'the keys can be read again');
  }

  private report({ keys, skipped }: KeyDocument): void {
    const change = this.take(keys);
    for (const text of change) this.tell('info', text);
    const words = keys.length === 0 ? ['no key can be used: no token of this issuer is accepted', ...skipped] : skipped;
    const said = words.join('\n');
    if (said !== this.said && said !== '') this.tell('warning', words.join('; '));
    this.said = said;
  }

  /** Puts keys in force. Those that were there before stay the same objects; those that are gone count no more. */
  private take(keys: readonly VerificationKey[]): readonly string[] {
    const before = this.all;
    const after = new Map<string, VerificationKey>();
    for (const key of keys) after.set(key.fingerprint, before.get(key.fingerprint) ?? key);
    for (const [fingerprint, key] of before) if (!after.has(fingerprint)) key.isTrusted = false;
    this.all = after;
    this.lookup = indexKeys(after.values());
    if (before.size === 0) return [];
    const told = (verb: string, these: Iterable<[string, VerificationKey]>, those: ReadonlyMap<string, unknown>) =>
      [...these].flatMap(([fingerprint, { kid }]) =>
        those.has(fingerprint) ? [] : [`the key ${JSON.stringify(kid ?? 'without a name')} ${verb}`],
      );
    return [...new Set([...told('is new', after, before), ...told('was taken away', before, after)])].slice(0, 20);
  }

  private mayHurry(kid: string | undefined): boolean {
    if (!isPlausible(kid)) return false;
    if (this.reading !== undefined) return true;
    return this.hurriesLeft() >= 1 && this.options.clock.monotonic() >= this.pausedUntil();
  }

  /** A source in trouble is left in peace until it is its time. */
  private pausedUntil(): number {
    return this.problem === undefined ? Number.NEGATIVE_INFINITY : this.nextAt;
  }

  private hurriesLeft(): number {
    const passed = this.options.clock.monotonic() - this.hurryAt;
    return Math.min(mostHurried, this.hurryLevel + passed / hurryEveryMs);
  }

  private hurry(): void {
    if (this.reading !== undefined) return;
    this.hurryLevel = this.hurriesLeft() - 1;
    this.hurryAt = this.options.clock.monotonic();
  }

  /** A reading that found what was asked for costs nothing, so issuers may rotate as often as they like. */
  private takeBack(): void {
    this.hurryLevel = Math.min(mostHurried, this.hurryLevel + 1);
  }

  private unavailable(): KeyMiss {
    const now = this.options.clock.monotonic();
    const retryAfterMs = Math.max(1000, Number.isFinite(this.nextAt) ? this.nextAt - now : 0);
    const why = this.problem ?? 'they were not read yet';
    return { miss: 'unavailable', note: `the keys of the issuer cannot be had: ${why}`, retryAfterMs };
  }

  private tell(level: KeyNews['level'], text: string): void {
    this.options.onNews?.({ level, text });
  }
}

/** Keys by algorithm and name; `several` where it would take a guess to choose one. */
interface KeyLookup {
  readonly named: ReadonlyMap<string, VerificationKey | 'several'>;
  /** Keys without a name serve tokens of any. */
  readonly unnamed: ReadonlyMap<Algorithm, VerificationKey | 'several'>;
  /** For tokens that name no key. */
  readonly any: ReadonlyMap<Algorithm, VerificationKey | 'several'>;
}

function indexKeys(keys: Iterable<VerificationKey>): KeyLookup {
  const named = new Map<string, VerificationKey | 'several'>();
  const unnamed = new Map<Algorithm, VerificationKey | 'several'>();
  const any = new Map<Algorithm, VerificationKey | 'several'>();
  for (const key of keys) {
    const { algorithm, kid } = key;
    any.set(algorithm, any.has(algorithm) ? 'several' : key);
    if (kid === undefined) unnamed.set(algorithm, unnamed.has(algorithm) ? 'several' : key);
    else named.set(nameOf(algorithm, kid), named.has(nameOf(algorithm, kid)) ? 'several' : key);
  }
  return { named, unnamed, any };
}

function nameOf(algorithm: Algorithm, kid: string): string {
  return `${algorithm} ${kid}`;
}

function unknown(note: string): KeyMiss {
  return { miss: 'unknown', note };
}
