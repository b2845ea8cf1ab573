/**
 * Where people consent: the page that says what is about to happen, the way to the authorization server, and the way back
 * (RFC 6749 §4.1 with PKCE, RFC 9207; 2026-07-28 security practices: confused deputy, URL elicitation).
 */
import { createHash } from 'node:crypto';
import type { PageAnswer, PageRequest } from '@sallyport/guard';
import {
  authorizationCodeGrantRequest,
  calculatePKCECodeChallenge,
  generateRandomCodeVerifier,
  processAuthorizationCodeResponse,
  processPushedAuthorizationResponse,
  pushedAuthorizationRequest,
  validateAuthResponse,
} from 'oauth4webapi';
import { createRedaction } from '../../upstreams/redact.ts';
import { readScopes } from '../challenge.ts';
import { readToken } from '../token-answer.ts';
import { readTokenFault } from '../token-fault.ts';
import { sendOver } from '../token-party.ts';
import { noRedaction, recordAccount, type AccountServer, type ConnectionsOptions } from './account-context.ts';
import type { Attempt, Attempts, ConsentEnd } from './attempts.ts';
import { readCookie, writeCookie } from './browser-cookie.ts';
import { consentPage, wordsPage } from './consent-pages.ts';
import type { Grant } from './grant.ts';
import type { GrantTokens } from './grant-tokens.ts';
import { CALLBACK_PATH, CLIENT_DOCUMENT_PATH, clientDocument, identifyClient, proofOf } from './registration.ts';

/** Path of the links that people are given; the rest is the link's secret. */
export const CONNECT_PATH = '/oauth/connect/';
const LINK = /^[A-Za-z0-9_-]{32}$/;

/** True for paths that belong to these pages. */
export function isConsentPath(path: string): boolean {
  return path.startsWith(CONNECT_PATH) || path === CALLBACK_PATH || path === CLIENT_DOCUMENT_PATH;
}

/** Where people consent. */
export class ConsentDesk {
  readonly #context: ConnectionsOptions;
  readonly #attempts: Attempts;
  readonly #upstreams: ReadonlyMap<string, AccountServer>;
  readonly #tokens: GrantTokens;

  /** @param upstreams the servers at which people have accounts now */
  constructor(
    context: ConnectionsOptions,
    attempts: Attempts,
    upstreams: ReadonlyMap<string, AccountServer>,
    tokens: GrantTokens,
  ) {
    this.#context = context;
    this.#attempts = attempts;
    this.#upstreams = upstreams;
    this.#tokens = tokens;
  }

  /** Answers a request for a page. */
  async answer(request: PageRequest): Promise<PageAnswer> {
    const base = this.#context.base();
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
    const cookie = known ?? Buffer.from(this.#context.random.bytes(24)).toString('base64url');
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
      this.#context.log(`${attempt.principal} could not connect: ${detail}`, attempt.server);
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

  async #depart(attempt: Attempt, upstream: AccountServer, cookie: string, base: string): Promise<string | undefined> {
    const { plan } = attempt;
    const options = sendOver(upstream.fetch);
    const { grants } = this.#context;
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
      this.#context.log(`${attempt.principal} could not connect: ${fault.detail}`, attempt.server);
      if (fault.error === 'invalid_client') {
        const { issuer } = attempt.plan.server;
        await this.#context.grants.dropRegistration(attempt.server, issuer, departure.client.id);
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
    upstream: AccountServer,
    query: URLSearchParams,
  ): Promise<void> {
    const { server: name, principal, plan } = attempt;
    const { grants, clock } = this.#context;
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
    this.#tokens.forget(upstream, principal);
    await this.#context.onConnected(name, principal).catch((cause: unknown) => {
      this.#context.log(`${principal} has connected, but could not be served yet: ${String(cause)}`, name);
    });
    this.#end(attempt, { kind: 'connected' });
  }

  #end(attempt: Attempt, end: ConsentEnd, detail?: string): void {
    const { server, principal, plan } = attempt;
    const { issuer } = plan.server;
    const why = end.kind === 'connected' ? undefined : (detail ?? end.detail);
    recordAccount(this.#context, 'connections.grant', { server, principal, issuer }, why);
    this.#attempts.finish(attempt, end);
    if (end.kind === 'connected') this.#attempts.connected(server, principal);
  }
}

function html(status: number, body: string, headers: readonly string[] = []): PageAnswer {
  return { status, headers, body };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
