/**
 * Verifies opaque tokens by asking the authorization server that issued them (RFC 7662). Answers are kept briefly, so that
 * a revoked token stops within that time; while the server cannot be asked, nobody is let in.
 */
import { hash } from 'node:crypto';
import type { Egress, EgressAnswer, EgressFault } from '../egress/egress.ts';
import type { Received } from '../exchange.ts';
import type { Clock, TokenFault, Tokens } from '../ports.ts';
import { isForDoor } from './audience.ts';
import { judgeAnswer, type IntrospectionRules, type Judged } from './introspection-answer.ts';
import { createVerifiedTokens } from './verified-tokens.ts';

/** How to ask, and how patient to be. Times in milliseconds. */
export interface IntrospectionOptions {
  readonly egress: Pick<Egress, 'request'>;
  readonly clock: Clock;
  /** The introspection endpoint, as the operator wrote it. */
  readonly url: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** How the client names itself: in the Authorization header, or in the form (RFC 6749 §2.3.1). */
  readonly clientAuth: 'basic' | 'post';
  readonly rules: IntrospectionRules;
  /** How long an answer is kept; never beyond the token's own end. */
  readonly cacheMs: number;
  readonly timeoutMs: number;
  /** Whether tokens that look like JWTs are asked about too. */
  readonly asksForJwts: boolean;
  /** Tokens whose answer is kept; default 20,000. */
  readonly capacity?: number;
  /** Hears what is wrong with the server when that changes; `undefined` when it answers again. */
  readonly onTrouble?: (trouble: string | undefined) => void;
}

/** How often tokens were judged, by what came out. */
export interface IntrospectionCounts {
  /** Answered from memory. */
  readonly kept: number;
  /** Requests sent. */
  readonly asked: number;
  readonly active: number;
  readonly refused: number;
  readonly unavailable: number;
}

/** A verifier of opaque tokens. */
export interface Introspection extends Tokens {
  counts(): IntrospectionCounts;
}

/** How long a refusal is kept: long enough that a hasty caller is not asked about twice. */
const refusedMs = 1000;

/** How long nobody is asked after the server could not be reached. */
const restMs = 1000;

/** Questions under way at once: in all, and for callers at one address, so that none can take all places. */
const mostPending = 256;
const mostPendingOfAddress = 16;

/** Longest opaque token, characters. */
const longest = 4096;

/** `b64token` (RFC 6750 §2.1). */
const tokenForm = /^[A-Za-z0-9._~+/-]+=*$/;

/** A signed token has three parts, an encrypted one five. */
const jwtForm = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*)?$/;

interface Entry {
  readonly outcome: Judged;
  /** Of the answer's body, so that the same answer gives the same holder. */
  readonly digest: string;
  /** Monotonic time until which it counts. */
  readonly until: number;
}

/** Makes a verifier. Nothing is asked until a token comes. */
export function createIntrospection(options: IntrospectionOptions): Introspection {
  const { clock, egress, rules } = options;
  const kept = createVerifiedTokens<Entry>(options.capacity);
  const pending = new Map<string, Promise<Judged>>();
  const pendingOf = new Map<string, number>();
  const counts = { kept: 0, asked: 0, active: 0, refused: 0, unavailable: 0 };
  let restUntil = 0;
  let trouble: string | undefined;

  const note = (found: string | undefined): void => {
    if (found === trouble) return;
    trouble = found;
    options.onTrouble?.(found);
  };

  const ask = async (token: string, digest: string): Promise<Judged> => {
    const asked = clock.monotonic();
    counts.asked += 1;
    const answer = await egress.request(requestFor(token, options));
    const read = readAnswer(answer, rules, clock.now());
    if ('fault' in read && read.fault === 'unavailable') {
      counts.unavailable += 1;
      // An odd answer may be one to this token alone, and must not cost others theirs.
      if (answer.kind === 'fault') restUntil = clock.monotonic() + restMs;
      note(read.note);
      return { ...read, retryAfterMs: restMs };
    }
    note(undefined);
    const bytes = answer.kind === 'answer' ? hash('sha256', answer.body, 'base64url') : '';
    const earlier = kept.get(digest);
    const isSame = earlier?.digest === bytes && !('fault' in read) && !('fault' in earlier.outcome);
    const outcome = isSame ? earlier.outcome : read;
    const keepMs = 'fault' in outcome ? refusedMs : options.cacheMs;
    counts['fault' in outcome ? 'refused' : 'active'] += 1;
    kept.set(digest, { outcome, digest: bytes, until: asked + keepMs });
    return outcome;
  };

  const start = (token: string, digest: string, address: string): Promise<Judged> | TokenFault => {
    const count = pendingOf.get(address) ?? 0;
    if (pending.size >= mostPending || count >= mostPendingOfAddress) {
      counts.unavailable += 1;
      return { fault: 'unavailable', note: 'too many tokens are being asked about at once', retryAfterMs: restMs };
    }
    pendingOf.set(address, count + 1);
    const asking = ask(token, digest).finally(() => {
      pending.delete(digest);
      const left = (pendingOf.get(address) ?? 1) - 1;
      if (left > 0) pendingOf.set(address, left);
      else pendingOf.delete(address);
    });
    pending.set(digest, asking);
    return asking;
  };

  /** One answer serves every door; each judges for itself whether the token is for it. */
  const place = (outcome: Judged, { path }: Received): Judged => {
    if ('fault' in outcome || isForDoor(outcome.audiences, rules.publicUrl, path)) return outcome;
    return { fault: 'invalid', note: 'aud names another door than the one that the token was brought to' };
  };

  return {
    verify(token, exchange) {
      const digest = hash('sha256', token, 'base64url');
      const entry = kept.get(digest);
      if (entry !== undefined && isCurrent(entry, exchange)) {
        counts.kept += 1;
        return place(entry.outcome, exchange);
      }
      const fault = judgeForm(token, options.asksForJwts);
      if (fault !== undefined) return fault;
      const running = pending.get(digest);
      if (running !== undefined) return running.then((outcome) => place(outcome, exchange));
      const rest = restUntil - clock.monotonic();
      if (rest > 0) {
        counts.unavailable += 1;
        return { fault: 'unavailable', note: trouble ?? 'the server has just failed', retryAfterMs: rest };
      }
      const started = start(token, digest, exchange.address);
      return started instanceof Promise ? started.then((outcome) => place(outcome, exchange)) : started;
    },
    counts: () => ({ ...counts }),
  };
}

function isCurrent({ outcome, until }: Entry, { started, time }: Received): boolean {
  if (started >= until) return false;
  return 'fault' in outcome || outcome.expiresAt === undefined || time < outcome.expiresAt;
}

/** What cannot be a token is nobody's to judge, and never leaves this process. */
function judgeForm(token: string, asksForJwts: boolean): TokenFault | undefined {
  if (token.length > longest || !tokenForm.test(token)) return { fault: 'invalid', note: 'this is no bearer token' };
  if (asksForJwts || !jwtForm.test(token)) return undefined;
  return { fault: 'unknown-kind', note: 'a signed or encrypted token, which is not asked about (`jwts: off`)' };
}

function requestFor(token: string, options: IntrospectionOptions): Parameters<Egress['request']>[0] {
  const { url, clientId, clientSecret, clientAuth, timeoutMs } = options;
  const form = new URLSearchParams({ token, token_type_hint: 'access_token' });
  const isBasic = clientAuth === 'basic';
  if (!isBasic) {
    form.set('client_id', clientId);
    form.set('client_secret', clientSecret);
  }
  const basic = Buffer.from(`${formEncode(clientId)}:${formEncode(clientSecret)}`).toString('base64');
  return {
    url,
    trust: 'operator',
    method: 'POST',
    headers: {
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
      ...(isBasic ? { authorization: `Basic ${basic}` } : {}),
    },
    body: form.toString(),
    timeoutMs,
    maxBytes: largestAnswer,
    maxRedirects: 0,
  };
}

/** Largest answer, bytes. */
const largestAnswer = 64 * 1024;

/** How Basic credentials of OAuth are encoded (RFC 6749 §2.3.1 and appendix B). */
function formEncode(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1);
}

function readAnswer(answer: EgressAnswer | EgressFault, rules: IntrospectionRules, now: number): Judged {
  if (answer.kind === 'fault') return useless(`introspection failed (${answer.reason}): ${answer.message}`);
  const { status, headers, body } = answer;
  if (status === 400 && isRefusedForm(body)) return { fault: 'invalid', note: 'the server does not judge such tokens' };
  if (status === 401 || status === 403) {
    return useless(
      `the server answers ${status}: it does not know clientId and clientSecret, or lets them ask nothing`,
    );
  }
  if (status !== 200) return useless(`the server answers ${status}`);
  const [type = ''] = (headers['content-type'] ?? '').split(';');
  if (!/^application\/(?:[a-z0-9.+-]+\+)?json$/i.test(type.trim())) return useless('the answer is not JSON');
  return judgeAnswer(body, rules, now);
}

/** Some servers refuse tokens of a form that they do not keep; that says something of the token, not of the server. */
function isRefusedForm(body: Uint8Array): boolean {
  return /"error"\s*:\s*"unsupported_token_type"/.test(Buffer.from(body).toString('latin1'));
}

function useless(note: string): TokenFault {
  return { fault: 'unavailable', note };
}
