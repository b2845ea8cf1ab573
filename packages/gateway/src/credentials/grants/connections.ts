/**
 * The accounts that people have connected: begins consents, gives tokens, and takes back what was connected. The pages are
 * in `consent-desk.ts`, the tokens in `grant-tokens.ts`.
 */
import { createHash } from 'node:crypto';
import type { Cancellation, Pages } from '@sallyport/guard';
import type { OAuthGrantConfig } from '../../config/credential-types.ts';
import { linkFailure, type ConsentNeed, type LinkFailure } from '../../upstreams/link.ts';
import { fetchOver } from '../egress-fetch.ts';
import type { CredentialSource } from '../source.ts';
import { readTokenFault } from '../token-fault.ts';
import { noRedaction, type AccountServer, type ConnectionsOptions } from './account-context.ts';
import { createAttempts, type Attempt, type ConsentEnd } from './attempts.ts';
import { CONNECT_PATH, ConsentDesk, isConsentPath } from './consent-desk.ts';
import { pageStyle } from './consent-pages.ts';
import { GrantTokens } from './grant-tokens.ts';
import { planConsent } from './resource-plan.ts';
import { settleRevocations } from './revocation.ts';

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
  /** Takes over what other hands have changed in the store, and tells authorization servers of what was taken back. */
  refresh(): Promise<void>;
}

/** Makes the table of connections. */
export function createConnections(context: ConnectionsOptions): Connections {
  const upstreams = new Map<string, AccountServer>();
  const attempts = createAttempts(context);
  const tokens = new GrantTokens(context);
  const desk = new ConsentDesk(context, attempts, upstreams, tokens);
  const style = createHash('sha256').update(pageStyle).digest('base64');
  let settling: Promise<void> | undefined;

  const shown = ({ id, code, server }: Attempt, base: string): BegunConsent => ({
    id,
    code,
    server,
    url: `${base}${CONNECT_PATH}${id}`,
  });

  return {
    pages: {
      prefix: '/oauth/',
      owns: isConsentPath,
      answer: (request) => desk.answer(request),
      styles: [`'sha256-${style}'`],
    },

    source(name, url, config) {
      const operators = config.issuer === undefined ? [url] : [url, config.issuer];
      const fetch = fetchOver(context.egress, operators);
      const upstream: AccountServer = { name, url, config, fetch, kept: new Map(), challenge: undefined };
      upstreams.set(name, upstream);
      return {
        shared: undefined,
        hasAccounts: true,
        of: (subject) => tokens.credentialOf(upstream, subject),
        secrets: () => [...upstream.kept.values()].flatMap(({ secret }) => secret ?? []),
        challenged: (challenge) => {
          upstream.challenge = challenge;
        },
        close: () => {
          // Its successor may be there already.
          if (upstreams.get(name) !== upstream) return;
          upstreams.delete(name);
          attempts.endFor({ server: name }, 'the server was removed or changed');
        },
      };
    },

    async begin({ server, principal, scopes }) {
      const upstream = upstreams.get(server);
      const base = context.base();
      if (upstream === undefined) {
        return linkFailure('credentials', `${server} has no accounts.`, { detail: `${server} has no auth.oauth` });
      }
      if (base === undefined) {
        const detail = 'no HTTP door is open that a browser could come to';
        return linkFailure('credentials', `Accounts at ${server} cannot be connected here.`, { detail });
      }
      const { directory, grants, log } = context;
      try {
        const before = scopes.length === 0 ? undefined : await grants.find(server, principal);
        const more = [...new Set([...(before?.grant.requested ?? []), ...scopes])];
        const { url, config, challenge, fetch } = upstream;
        const plan = await planConsent(url, config, challenge, more, fetch, directory);
        const attempt = attempts.begin({ server, principal, plan, more: scopes });
        if (attempt !== undefined) return shown(attempt, base);
        const text = `Too many consents for ${server} are under way.`;
        return linkFailure('credentials', text, { detail: 'too many consents are under way' });
      } catch (thrown) {
        const { detail } = readTokenFault(thrown, noRedaction);
        log(`nobody can connect: ${detail}`, server);
        return linkFailure('credentials', `Accounts at ${server} cannot be connected.`, { detail });
      }
    },

    find(id, principal) {
      const base = context.base();
      const attempt = attempts.findOwn(id, principal);
      return attempt === undefined || base === undefined ? undefined : shown(attempt, base);
    },

    wait(id, principal, ms, cancellation) {
      const attempt = attempts.findOwn(id, principal);
      return attempt === undefined ? Promise.resolve(undefined) : attempts.wait(attempt, ms, cancellation);
    },

    async refresh() {
      for (const [server, principal] of tokens.compare(await context.grants.list(), upstreams)) {
        attempts.endFor({ server, principal }, 'it was taken back');
        context.onDisconnected(server, principal);
      }
      settling ??= settleRevocations(context, upstreams).finally(() => {
        settling = undefined;
      });
      await settling;
    },
  };
}
