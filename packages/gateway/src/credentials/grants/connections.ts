/**
 * The accounts that people have connected: begins consents, serves the pages on which they happen, keeps what comes of
 * them, renews it once however many wait, and takes it back.
 */
import { createHash } from 'node:crypto';
import type { AuditPort, Cancellation, PageAnswer, PageRequest, Pages, Random } from '@sallyport/guard';
import {
  authorizationCodeGrantRequest,
  calculatePKCECodeChallenge,
  generateRandomCodeVerifier,
  processAuthorizationCodeResponse,
  processPushedAuthorizationResponse,
  processRefreshTokenResponse,
  pushedAuthorizationRequest,
  refreshTokenGrantRequest,
  revocationRequest,
  validateAuthResponse,
  type TokenEndpointResponse,
} from 'oauth4webapi';
import type { OAuthGrantConfig } from '../../config/credential-types.ts';
import { linkFailure, type ConsentNeed, type LinkFailure } from '../../upstreams/link.ts';
import type { Timers } from '../../upstreams/ports.ts';
import { createRedaction } from '../../upstreams/redact.ts';
import type { CredentialContext } from '../context.ts';
import { readScopes } from '../challenge.ts';
import { fetchOver, type OAuthFetch } from '../egress-fetch.ts';
import { discoverServer, MetadataFault } from '../server-metadata.ts';
import type { CredentialSource, CredentialSubject } from '../source.ts';
import { readToken } from '../token-answer.ts';
import { TokenCredential, type Token, type TokenWish } from '../token-credential.ts';
import { readTokenFault, type TokenFault } from '../token-fault.ts';
import { sendOver } from '../token-party.ts';
import { createAttempts, type Attempt, type Attempts, type ConsentEnd } from './attempts.ts';
import { consentPage, pageStyle, wordsPage } from './consent-pages.ts';
import type { Grant } from './grant.ts';
import type { GrantInfo, GrantStore, KeptGrant } from './grant-store.ts';
import { CALLBACK_PATH, CLIENT_DOCUMENT_PATH, clientDocument, identifyClient, proofOf } from './registration.ts';
import { planConsent } from './resource-plan.ts';

/** What connections work with. */
export interface ConnectionsOptions extends CredentialContext {
  readonly random: Random;
  readonly timers: Timers;
  readonly grants: GrantStore;
  readonly audit: Pick<AuditPort, 'append'>;
  /** The gateway's own address without a trailing slash; `undefined` while no door is open that browsers can come to. */
  readonly base: () => string | undefined;
  readonly log: (text: string, server: string) => void;
  /** Told once somebody has connected, before those who wait for it. */
  readonly onConnected: (server: string, principal: string) => Promise<void>;
  /** Told when what somebody had connected holds no more. */
  readonly onDisconnected: (server: string, principal: string) => void;
}

/** A consent that was begun. */
export interface BegunConsent {
  readonly id: string;
  readonly url: string;
  readonly code: string;
  readonly server: string;
}

/** The accounts that people have connected. */
export interface Connections {
  /** Makes the source of credentials for an upstream; closing it forgets what is in memory only. */
  source(name: string, url: string, config: OAuthGrantConfig): CredentialSource;
  /** Begins a consent, or goes on with one of the same principal for the same thing; a failure says why it cannot be had. */
  begin(need: ConsentNeed): Promise<BegunConsent | LinkFailure>;
  /** Finds a consent of this principal, also one that has ended. */
  find(id: string, principal: string): BegunConsent | undefined;
  /** Waits for the end of a consent; `undefined` when it has none in time, or is not known. */
  wait(id: string, principal: string, ms: number, cancellation: Cancellation): Promise<ConsentEnd | undefined>;
  readonly pages: Pages;
  /** Takes over what other hands have changed in the store. */
  refresh(): Promise<void>;
  /** Takes grants back on behalf of an administrator. */
  revoke(which: { readonly server?: string; readonly principal?: string }): Promise<readonly GrantInfo[]>;
  /** Tells authorization servers of what was taken back. */
  settleRevocations(): Promise<void>;
}

const CONNECT_PATH = '/oauth/connect/';
const LINK = /^[A-Za-z0-9_-]{32}$/;
/** Grants that are looked after in memory at once. */
const MOST_KEPT = 10_000;
/** How long an authorization server is told that a grant was taken back, milliseconds. */
const REVOKE_FOR_MS = 86_400_000;
/** A token that ends sooner than this is not presented any more, milliseconds. */
const LAST_MS = 1_000;
/** Errors after which a refresh token is of no use (RFC 6749 §5.2). */
const DEAD: ReadonlySet<string | undefined> = new Set(['invalid_grant', 'invalid_client', 'unauthorized_client']);

/** Makes the table of connections. */
export function createConnections(options: ConnectionsOptions): Connections {
  return new AllConnections(options);
}

interface Upstream {
  readonly name: string;
  readonly url: string;
  readonly config: OAuthGrantConfig;
  readonly fetch: OAuthFetch;
  readonly kept: Map<string, TokenCredential>;
  challenge: string | undefined;
}

class AllConnections implements Connections {
  readonly pages: Pages;
  readonly #options: ConnectionsOptions;
  readonly #attempts: Attempts;
  readonly #upstreams = new Map<string, Upstream>();
  /** One renewal of a grant at a time, whoever asks: a refresh token is good once. */
  readonly #renewals = new Map<string, Promise<Token | LinkFailure>>();
  /** Versions of the grants whose tokens are in memory. */
  readonly #versions = new Map<string, string>();
  #settling: Promise<void> | undefined;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    this.#attempts = createAttempts(options);
    const style = createHash('sha256').update(pageStyle).digest('base64');
    this.pages = {
      owns: (path) => path.startsWith(CONNECT_PATH) || path === CALLBACK_PATH || path === CLIENT_DOCUMENT_PATH,
      answer: (request) => this.#answer(request),
      styles: [`'sha256-${style}'`],
    };
  }

  source(name: string, url: string, config: OAuthGrantConfig): CredentialSource {
    const operators = config.issuer === undefined ? [url] : [url, config.issuer];
    const fetch = fetchOver(this.#options.egress, operators);
    const upstream: Upstream = { name, url, config, fetch, kept: new Map(), challenge: undefined };
    this.#upstreams.set(name, upstream);
    const { clock } = this.#options;
    return {
      shared: undefined,
      of: (subject) => {
        const { principal } = subject;
        const known = upstream.kept.get(principal);
        if (known !== undefined) return known;
        if (upstream.kept.size >= MOST_KEPT) dropOldest(upstream.kept);
        const obtain = (wish: TokenWish): Promise<Token | LinkFailure> => this.#obtain(upstream, subject, wish);
        const made = new TokenCredential({ key: principal, name, clock, obtain });
        upstream.kept.set(principal, made);
        return made;
      },
      secrets: () => [...upstream.kept.values()].flatMap(({ secret }) => secret ?? []),
      challenged: (challenge) => {
        upstream.challenge = challenge;
      },
      close: () => {
        if (this.#upstreams.get(name) !== upstream) return;
        this.#upstreams.delete(name);
        this.#attempts.endFor({ server: name }, 'the server was removed or changed');
      },
    };
  }

  async begin({ server, principal, scopes }: ConsentNeed): Promise<BegunConsent | LinkFailure> {
    const upstream = this.#upstreams.get(server);
    const base = this.#options.base();
    if (upstream === undefined) return linkFailure('closed', `${server} is stopped.`);
    if (base === undefined) {
      const detail = 'no HTTP door is open that a browser could come to';
      return linkFailure('credentials', `Accounts at ${server} cannot be connected here.`, { detail });
    }
    const { directory, grants } = this.#options;
    const before = await grants.find(server, principal);
    const more = [...new Set([...scopes, ...(scopes.length === 0 ? [] : (before?.grant.requested ?? []))])];
    try {
      const plan = await planConsent(
        upstream.url,
        upstream.config,
        upstream.challenge,
        more,
        upstream.fetch,
        directory,
      );
      const attempt = this.#attempts.begin({ server, principal, plan, more: scopes });
      if (attempt !== undefined) return this.#shown(attempt, base);
      const text = `Too many consents for ${server} are under way.`;
      return linkFailure('credentials', text, { detail: 'too many consents are under way' });
    } catch (thrown) {
      const { detail } = readTokenFault(thrown, noRedaction);
      this.#options.log(`nobody can connect: ${detail}`, server);
      return linkFailure('credentials', `Accounts at ${server} cannot be connected.`, { detail });
    }
  }

  find(id: string, principal: string): BegunConsent | undefined {
    const base = this.#options.base();
    const attempt = this.#attempts.findOwn(id, principal);
    return attempt === undefined || base === undefined ? undefined : this.#shown(attempt, base);
  }

  wait(id: string, principal: string, ms: number, cancellation: Cancellation): Promise<ConsentEnd | undefined> {
    const attempt = this.#attempts.findOwn(id, principal);
    return attempt === undefined ? Promise.resolve(undefined) : this.#attempts.wait(attempt, ms, cancellation);
  }

  async refresh(): Promise<void> {
    const there = new Map(
      (await this.#options.grants.list()).map((row) => [keyOf(row.server, row.principal), row.version]),
    );
    for (const [key, version] of [...this.#versions]) {
      if (there.get(key) === version) continue;
      this.#versions.delete(key);
      const [server = '', principal = ''] = splitKey(key);
      this.#upstreams.get(server)?.kept.get(principal)?.forget();
      if (!there.has(key)) this.#options.onDisconnected(server, principal);
    }
    await this.settleRevocations();
  }

  async revoke(which: { readonly server?: string; readonly principal?: string }): Promise<readonly GrantInfo[]> {
    this.#attempts.endFor(which, 'it was taken back');
    const removed = await this.#options.grants.revoke(which, 'connections.revoke');
    await this.refresh();
    return removed;
  }

  settleRevocations(): Promise<void> {
    this.#settling ??= this.#settle().finally(() => {
      this.#settling = undefined;
    });
    return this.#settling;
  }

  async #settle(): Promise<void> {
    const { grants, clock, directory, log } = this.#options;
    for (const { id, server, grant, createdAt } of await grants.dueRevocations()) {
      const upstream = this.#upstreams.get(server);
      const isOver = clock.now() - createdAt > REVOKE_FOR_MS;
      if (grant === undefined || isOver) {
        await grants.doneRevocation(id);
        continue;
      }
      const { issuer, client, accessToken, refreshToken } = grant;
      const fetch = upstream?.fetch ?? fetchOver(this.#options.egress, []);
      try {
        const party = await discoverServer(issuer, fetch, directory);
        if (party.revocation_endpoint !== undefined) {
          const who = { client_id: client.id };
          for (const token of [refreshToken, accessToken]) {
            if (token === undefined) continue;
            const response = await revocationRequest(party, who, proofOf(client), token, sendOver(fetch));
            if (response.status >= 500) throw new MetadataFault(`HTTP ${response.status}`);
          }
        }
        await grants.doneRevocation(id);
      } catch (thrown) {
        const { detail } = readTokenFault(thrown, createRedaction([accessToken, refreshToken ?? '']));
        log(`a grant that was taken back could not be revoked yet: ${detail}`, server);
      }
    }
  }

  #shown({ id, code, server }: Attempt, base: string): BegunConsent {
    return { id, code, server, url: `${base}${CONNECT_PATH}${id}` };
  }

  /** Gives the token of a grant, renewed where that is needed, or says that consent is needed. */
  #obtain(upstream: Upstream, subject: CredentialSubject, wish: TokenWish): Promise<Token | LinkFailure> {
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

  async #renew(upstream: Upstream, principal: string, { why, scopes }: TokenWish): Promise<Token | LinkFailure> {
    const { name } = upstream;
    const { grants, clock } = this.#options;
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

  async #refresh(upstream: Upstream, principal: string, { grant, version }: KeptGrant): Promise<Token | LinkFailure> {
    const { name, fetch } = upstream;
    const { grants, clock, directory } = this.#options;
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
    const { grants, log } = this.#options;
    this.#record(name, principal, 'connections.refresh', kept.grant.issuer, 'error', fault.detail);
    if (fault.kind === 'refused' && DEAD.has(fault.error)) {
      if (fault.error !== 'invalid_grant') await grants.dropRegistration(name, kept.grant.issuer, kept.grant.client.id);
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

  async #answer(request: PageRequest): Promise<PageAnswer> {
    const base = this.#options.base();
    if (base === undefined) return html(404, wordsPage('Not here', 'There is nothing at this address.'));
    if (request.path === CLIENT_DOCUMENT_PATH) {
      return { status: 200, headers: [], body: JSON.stringify(clientDocument(base)), type: 'json' };
    }
    if (request.path === CALLBACK_PATH) return this.#comeBack(request, base);
    const id = request.path.slice(CONNECT_PATH.length);
    const attempt = LINK.test(id) ? this.#attempts.find(id) : undefined;
    if (attempt === undefined || attempt.departure !== undefined) {
      return html(
        404,
        wordsPage(
          'This link has ended',
          'It was used already, or its time is over. Call again from your program to get a new one.',
        ),
      );
    }
    return request.method === 'GET' ? this.#show(attempt, request, base) : this.#confirm(attempt, request, base);
  }

  #show(attempt: Attempt, request: PageRequest, base: string): PageAnswer {
    const known = readCookie(request.cookie, base);
    const cookie = known ?? Buffer.from(this.#options.random.bytes(24)).toString('base64url');
    const view = {
      server: attempt.server,
      principal: attempt.principal,
      loginHost: new URL(attempt.plan.authorizationEndpoint).host,
      returnHost: new URL(base).host,
      scopes: attempt.plan.scopes,
      code: attempt.code,
      action: `${CONNECT_PATH}${attempt.id}`,
      formToken: this.#attempts.formToken(attempt, cookie),
    };
    return html(200, consentPage(view), known === undefined ? ['Set-Cookie', writeCookie(cookie, base)] : []);
  }

  async #confirm(attempt: Attempt, { form, cookie: header }: PageRequest, base: string): Promise<PageAnswer> {
    const cookie = readCookie(header, base);
    const token = form?.get('token') ?? '';
    if (cookie === undefined || !this.#attempts.isFormToken(attempt, cookie, token)) {
      return html(
        403,
        wordsPage('Not sent from this browser', 'Open the link again in the browser in which you want to log in.'),
      );
    }
    if (form?.get('answer') !== 'yes') {
      this.#end(attempt, { kind: 'failed', detail: 'you cancelled' });
      return html(200, wordsPage('Cancelled', 'Nothing was connected. You can close this page.'));
    }
    const upstream = this.#upstreams.get(attempt.server);
    if (upstream === undefined) return html(404, wordsPage('This link has ended', 'The server is not here any more.'));
    try {
      const url = await this.#depart(attempt, upstream, cookie, base);
      if (url === undefined) return html(404, wordsPage('This link has ended', 'It was used already.'));
      return { status: 303, headers: ['Location', url], body: '' };
    } catch (thrown) {
      const { detail } = readTokenFault(thrown, noRedaction);
      this.#options.log(`${attempt.principal} could not connect: ${detail}`, attempt.server);
      this.#end(attempt, { kind: 'failed', detail: 'the authorization server refused the gateway' });
      return html(
        502,
        wordsPage(
          'It did not work',
          'The authorization server did not take the gateway. Its operator finds the reason in the log.',
        ),
      );
    }
  }

  async #depart(attempt: Attempt, upstream: Upstream, cookie: string, base: string): Promise<string | undefined> {
    const { plan } = attempt;
    const options = sendOver(upstream.fetch);
    const { grants } = this.#options;
    const context = { store: grants, upstream: upstream.name, base, options };
    const client = await identifyClient(upstream.config, plan.server, context);
    const verifier = generateRandomCodeVerifier();
    const redirectUri = `${base}${CALLBACK_PATH}`;
    const state = this.#attempts.depart(attempt, { browser: digest(cookie), verifier, client, redirectUri });
    if (state === undefined) return undefined;
    const parameters: Record<string, string> = {
      response_type: 'code',
      client_id: client.id,
      redirect_uri: redirectUri,
      state,
      code_challenge: await calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...(plan.scopes.length === 0 ? {} : { scope: plan.scopes.join(' ') }),
      ...(plan.resource === undefined ? {} : { resource: plan.resource }),
      // OpenID Connect Core §11: lasting access is given to those who were asked for it.
      ...(plan.scopes.includes('offline_access') ? { prompt: 'consent' } : {}),
    };
    const url = new URL(plan.authorizationEndpoint);
    if (plan.server.require_pushed_authorization_requests === true) {
      const who = { client_id: client.id };
      const response = await pushedAuthorizationRequest(plan.server, who, proofOf(client), parameters, options);
      const { request_uri } = await processPushedAuthorizationResponse(plan.server, who, response);
      url.searchParams.set('client_id', client.id);
      url.searchParams.set('request_uri', request_uri);
      return url.href;
    }
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    return url.href;
  }

  async #comeBack({ query, cookie: header, method }: PageRequest, base: string): Promise<PageAnswer> {
    const states = query.getAll('state');
    const cookie = readCookie(header, base);
    const attempt = method === 'GET' && states.length === 1 ? this.#attempts.takeState(states[0] ?? '') : undefined;
    const departure = attempt?.departure;
    if (attempt === undefined || departure === undefined) {
      return html(
        400,
        wordsPage(
          'This link has ended',
          'It was used already, or its time is over. Call again from your program to get a new one.',
        ),
      );
    }
    if (cookie === undefined || digest(cookie) !== departure.browser) {
      this.#end(attempt, { kind: 'failed', detail: 'another browser came back than went away' });
      return html(
        403,
        wordsPage(
          'Not the same browser',
          'You have to come back in the browser in which you began. Call again from your program.',
        ),
      );
    }
    const upstream = this.#upstreams.get(attempt.server);
    if (upstream === undefined) return html(404, wordsPage('This link has ended', 'The server is not here any more.'));
    const redact = createRedaction([query.get('code') ?? '', departure.verifier, departure.client.secret ?? '']);
    try {
      await this.#redeem(attempt, departure, upstream, query);
    } catch (thrown) {
      const fault = readTokenFault(thrown, redact);
      this.#options.log(`${attempt.principal} could not connect: ${fault.detail}`, attempt.server);
      if (fault.error === 'invalid_client') {
        const { issuer } = attempt.plan.server;
        await this.#options.grants.dropRegistration(attempt.server, issuer, departure.client.id);
      }
      const isDenied = fault.error === 'access_denied';
      this.#end(
        attempt,
        { kind: 'failed', detail: isDenied ? 'consent was denied' : 'the login did not succeed' },
        fault.detail,
      );
      const words = isDenied
        ? 'Nothing was connected, because consent was denied.'
        : 'Nothing was connected. Call again from your program; the operator finds the reason in the log.';
      return html(isDenied ? 200 : 502, wordsPage('Not connected', words));
    }
    return html(
      200,
      wordsPage(
        'Connected',
        `${attempt.principal} can use ${attempt.server} with your account now. You can close this page and go back to your program.`,
      ),
    );
  }

  async #redeem(
    attempt: Attempt,
    { verifier, client, redirectUri }: NonNullable<Attempt['departure']>,
    upstream: Upstream,
    query: URLSearchParams,
  ): Promise<void> {
    const { server: name, principal, plan } = attempt;
    const { grants, clock } = this.#options;
    const who = { client_id: client.id };
    // Compares `iss` letter by letter (RFC 9207), for errors too.
    const checked = validateAuthResponse(plan.server, who, query, attempt.state ?? '');
    const more = {
      ...sendOver(upstream.fetch),
      additionalParameters: plan.resource === undefined ? {} : { resource: plan.resource },
    };
    const now = clock.now();
    const response = await authorizationCodeGrantRequest(
      plan.server,
      who,
      proofOf(client),
      checked,
      redirectUri,
      verifier,
      more,
    );
    const answer = await processAuthorizationCodeResponse(plan.server, who, response);
    const token = readToken(answer, now);
    const grant: Grant = {
      issuer: plan.server.issuer,
      client,
      accessToken: token.value,
      expiresAt: token.expiresAt,
      refreshToken: answer.refresh_token,
      requested: plan.scopes,
      scopes: answer.scope === undefined ? plan.scopes : readScopes(answer.scope),
      resource: plan.resource,
    };
    await grants.save(name, principal, grant);
    this.#versions.delete(keyOf(name, principal));
    upstream.kept.get(principal)?.forget();
    await this.#options.onConnected(name, principal).catch((cause: unknown) => {
      this.#options.log(`${principal} has connected, but could not be served yet: ${String(cause)}`, name);
    });
    this.#end(attempt, { kind: 'connected' });
  }

  #end(attempt: Attempt, end: ConsentEnd, detail?: string): void {
    const { server, principal, plan } = attempt;
    const isConnected = end.kind === 'connected';
    const why = isConnected ? undefined : (detail ?? end.detail);
    this.#record(server, principal, 'connections.grant', plan.server.issuer, isConnected ? 'ok' : 'error', why);
    this.#attempts.finish(attempt, end);
    if (isConnected) this.#attempts.connected(server, principal);
  }

  #record(
    server: string,
    principal: string,
    method: string,
    issuer: string,
    status: 'ok' | 'error',
    reason: string | undefined,
  ): void {
    this.#options.audit.append({
      kind: 'auth',
      principal: { id: principal, kind: principal.split(':')[0] ?? '', roles: [] },
      method,
      target: { upstream: server, kind: 'connection', name: issuer },
      outcome: { status, ...(reason === undefined ? {} : { reason }) },
    });
  }
}

const noRedaction = (text: string): string => text;

function html(status: number, body: string, headers: readonly string[] = []): PageAnswer {
  return { status, headers, body };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

/** A browser keeps a cookie with this prefix to the very host that set it, over TLS. */
function cookieName(base: string): string {
  return base.startsWith('https:') ? '__Host-sallyport-connect' : 'sallyport-connect';
}

function writeCookie(value: string, base: string): string {
  const secure = base.startsWith('https:') ? '; Secure' : '';
  return `${cookieName(base)}=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600${secure}`;
}

/** Two of the name mean that somebody else has set one of them. */
function readCookie(header: string | undefined, base: string): string | undefined {
  const prefix = `${cookieName(base)}=`;
  const found = (header ?? '').split(';').flatMap((part) => {
    const pair = part.trim();
    return pair.startsWith(prefix) ? [pair.slice(prefix.length)] : [];
  });
  const [value] = found;
  return found.length === 1 && value !== undefined && LINK.test(value) ? value : undefined;
}

function keyOf(server: string, principal: string): string {
  return `${server} ${principal}`;
}

function splitKey(key: string): readonly [string, string] {
  const at = key.indexOf(' ');
  return [key.slice(0, at), key.slice(at + 1)];
}

function dropOldest(kept: Map<string, TokenCredential>): void {
  let oldest: readonly [string, number] | undefined;
  for (const [key, { usedAt }] of kept) if (oldest === undefined || usedAt < oldest[1]) oldest = [key, usedAt];
  if (oldest !== undefined) kept.delete(oldest[0]);
}
