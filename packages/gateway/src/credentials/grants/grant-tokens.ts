/**
 * The tokens of people in use: read from the store once, renewed once however many wait, and forgotten when they hold no
 * more.
 */
import { processRefreshTokenResponse, refreshTokenGrantRequest, type TokenEndpointResponse } from 'oauth4webapi';
import { linkFailure, type LinkFailure } from '../../upstreams/link.ts';
import { createRedaction } from '../../upstreams/redact.ts';
import { readScopes } from '../challenge.ts';
import { discoverServer } from '../server-metadata.ts';
import type { CredentialSubject } from '../source.ts';
import { readToken } from '../token-answer.ts';
import { TokenCredential, type Token, type TokenWish } from '../token-credential.ts';
import { readTokenFault, type TokenFault } from '../token-fault.ts';
import { sendOver } from '../token-party.ts';
import { noRedaction, recordAccount, type AccountServer, type ConnectionsOptions } from './account-context.ts';
import type { Grant } from './grant.ts';
import type { GrantInfo, KeptGrant } from './grant-store.ts';
import { proofOf } from './registration.ts';

/** Callers whose tokens are kept at once; the one that was away for longest makes room. */
const MOST_KEPT = 10_000;
/** A token that ends sooner than this is not presented any more, milliseconds. */
const LAST_MS = 1_000;
/** Errors after which a refresh token is of no use (RFC 6749 §5.2). */
const DEAD: ReadonlySet<string | undefined> = new Set(['invalid_grant', 'invalid_client', 'unauthorized_client']);

/** The tokens of people in use. */
export class GrantTokens {
  readonly #context: ConnectionsOptions;
  /** One renewal of a grant at a time, whoever asks: a refresh token is good once. */
  readonly #renewals = new Map<string, Promise<Token | LinkFailure>>();
  /** Versions of the grants whose tokens are in memory. */
  readonly #versions = new Map<string, string>();

  constructor(context: ConnectionsOptions) {
    this.#context = context;
  }

  /** The credential of a caller; the same object for as long as it is in use. */
  credentialOf(upstream: AccountServer, subject: CredentialSubject): TokenCredential {
    const { principal } = subject;
    const known = upstream.kept.get(principal);
    if (known !== undefined) return known;
    if (upstream.kept.size >= MOST_KEPT) dropOldest(upstream.kept);
    const { name } = upstream;
    const obtain = (wish: TokenWish): Promise<Token | LinkFailure> => this.#obtain(upstream, subject, wish);
    const made = new TokenCredential({ key: principal, name, clock: this.#context.clock, obtain });
    upstream.kept.set(principal, made);
    return made;
  }

  /** Forgets a token, because another one is in the store now. */
  forget(upstream: AccountServer, principal: string): void {
    this.#versions.delete(keyOf(upstream.name, principal));
    upstream.kept.get(principal)?.forget();
  }

  /**
   * Holds what is in use against what is in the store.
   *
   * @returns whose grant is gone
   */
  compare(
    rows: readonly GrantInfo[],
    upstreams: ReadonlyMap<string, AccountServer>,
  ): [server: string, principal: string][] {
    const there = new Map(rows.map((row) => [keyOf(row.server, row.principal), row.version]));
    const gone: [string, string][] = [];
    for (const [key, version] of [...this.#versions]) {
      if (there.get(key) === version) continue;
      const [server, principal] = splitKey(key);
      this.#versions.delete(key);
      upstreams.get(server)?.kept.get(principal)?.forget();
      if (!there.has(key)) gone.push([server, principal]);
    }
    return gone;
  }

  /** Gives the token of a grant, renewed where that is needed, or says that consent is needed. */
  #obtain(upstream: AccountServer, subject: CredentialSubject, wish: TokenWish): Promise<Token | LinkFailure> {
    const { principal, kind } = subject;
    const { name } = upstream;
    if (kind === 'anonymous') {
      const text = 'callers without a credential share one name, so none of them has an account';
      return Promise.resolve(linkFailure('identity', text, { detail: `${name}: anonymous callers have no accounts` }));
    }
    const key = keyOf(name, principal);
    const running = this.#renewals.get(key);
    if (running !== undefined) return running;
    const renewal = this.#renew(upstream, principal, wish)
      .catch((thrown: unknown): LinkFailure => {
        const { detail } = readTokenFault(thrown, noRedaction);
        return linkFailure('credentials', `The credentials for ${name} could not be had.`, { detail });
      })
      .finally(() => this.#renewals.delete(key));
    this.#renewals.set(key, renewal);
    return renewal;
  }

  async #renew(upstream: AccountServer, principal: string, { why, scopes }: TokenWish): Promise<Token | LinkFailure> {
    const { name } = upstream;
    const { grants, clock } = this.#context;
    const kept = await grants.find(name, principal);
    if (kept === undefined) return this.#consentNeeded(name, principal, []);
    const { grant, version } = kept;
    if (why === 'scopes') {
      const isAsked = scopes.every((scope) => grant.requested.includes(scope));
      if (!isAsked) return this.#consentNeeded(name, principal, scopes);
      const detail = `the person did not grant ${scopes.join(' ')}`;
      return linkFailure('credentials', `${name} asks for more than was granted.`, { detail });
    }
    const isGood = grant.expiresAt === undefined || clock.now() < grant.expiresAt - LAST_MS;
    // Another process, or a consent, has put it there.
    const isNew = this.#versions.get(keyOf(name, principal)) !== version;
    const isLast = grant.refreshToken === undefined;
    if (isGood && (isNew || (isLast && why === 'due'))) {
      this.#versions.set(keyOf(name, principal), version);
      return { value: grant.accessToken, expiresAt: grant.expiresAt };
    }
    if (isLast) return this.#consentNeeded(name, principal, []);
    return this.#refresh(upstream, principal, kept);
  }

  async #refresh(
    upstream: AccountServer,
    principal: string,
    { grant, version }: KeptGrant,
  ): Promise<Token | LinkFailure> {
    const { name, fetch } = upstream;
    const { grants, clock, directory } = this.#context;
    const { client, issuer, resource, refreshToken = '' } = grant;
    const redact = createRedaction([grant.accessToken, refreshToken, client.secret ?? '']);
    const now = clock.now();
    let answer: TokenEndpointResponse;
    let token: Token;
    try {
      const server = await discoverServer(issuer, fetch, directory);
      const who = { client_id: client.id };
      const more = { ...sendOver(fetch), additionalParameters: resource === undefined ? {} : { resource } };
      const response = await refreshTokenGrantRequest(server, who, proofOf(client), refreshToken, more);
      answer = await processRefreshTokenResponse(server, who, response);
      token = readToken(answer, now);
    } catch (thrown) {
      return this.#refreshFailed(name, principal, { grant, version }, readTokenFault(thrown, redact));
    }
    const renewed: Grant = {
      ...grant,
      accessToken: token.value,
      expiresAt: token.expiresAt,
      refreshToken: answer.refresh_token ?? refreshToken,
      scopes: answer.scope === undefined ? grant.scopes : readScopes(answer.scope),
    };
    const isKept = await grants.save(name, principal, renewed, version);
    // Taken back, or consented to anew, while the request was under way.
    if (!isKept) return this.#consentNeeded(name, principal, []);
    const saved = await grants.find(name, principal);
    this.#versions.set(keyOf(name, principal), saved?.version ?? version);
    return token;
  }

  async #refreshFailed(name: string, principal: string, kept: KeptGrant, fault: TokenFault): Promise<LinkFailure> {
    const { grants, log } = this.#context;
    const { issuer } = kept.grant;
    recordAccount(this.#context, 'connections.refresh', { server: name, principal, issuer }, fault.detail);
    if (fault.kind === 'refused' && DEAD.has(fault.error)) {
      if (fault.error !== 'invalid_grant') await grants.dropRegistration(name, issuer, kept.grant.client.id);
      await grants.drop(name, principal, kept.version);
      this.#versions.delete(keyOf(name, principal));
      return this.#consentNeeded(name, principal, []);
    }
    log(`the token of ${principal} could not be renewed: ${fault.detail}`, name);
    return linkFailure('credentials', `The credentials for ${name} could not be had.`, { detail: fault.detail });
  }

  #consentNeeded(server: string, principal: string, scopes: readonly string[]): LinkFailure {
    const text = scopes.length === 0 ? `nobody has connected one for you` : `it asks for ${scopes.join(' ')}`;
    return linkFailure('consent', text, {
      detail: `${principal} has to consent at ${server}`,
      consent: { server, principal, scopes },
    });
  }
}

function keyOf(server: string, principal: string): string {
  return `${server} ${principal}`;
}

/** Names of servers have no space in them. */
function splitKey(key: string): [server: string, principal: string] {
  const at = key.indexOf(' ');
  return [key.slice(0, at), key.slice(at + 1)];
}

function dropOldest(kept: Map<string, TokenCredential>): void {
  let oldest: readonly [string, number] | undefined;
  for (const [key, { usedAt }] of kept) if (oldest === undefined || usedAt < oldest[1]) oldest = [key, usedAt];
  if (oldest !== undefined) kept.delete(oldest[0]);
}
