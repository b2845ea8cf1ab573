/** What the parts that deal with accounts of people share. */
import type { AuditPort, Random } from '@sallyport/guard';
import type { OAuthGrantConfig } from '../../config/credential-types.ts';
import type { Timers } from '../../upstreams/ports.ts';
import type { CredentialContext } from '../context.ts';
import type { OAuthFetch } from '../egress-fetch.ts';
import type { TokenCredential } from '../token-credential.ts';
import type { GrantStore } from './grant-store.ts';

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

/** A server at which people have accounts. */
export interface AccountServer {
  readonly name: string;
  readonly url: string;
  readonly config: OAuthGrantConfig;
  readonly fetch: OAuthFetch;
  /** Tokens in use, by principal. */
  readonly kept: Map<string, TokenCredential>;
  /** How it last refused somebody who brought nothing. */
  challenge: string | undefined;
}

/** Puts what became of an account on record. */
export function recordAccount(
  { audit }: Pick<ConnectionsOptions, 'audit'>,
  method: 'connections.grant' | 'connections.refresh',
  { server, principal, issuer }: { readonly server: string; readonly principal: string; readonly issuer: string },
  reason?: string,
): void {
  audit.append({
    kind: 'auth',
    principal: { id: principal, kind: principal.split(':')[0] ?? '', roles: [] },
    method,
    target: { upstream: server, kind: 'connection', name: issuer },
    outcome: reason === undefined ? { status: 'ok' } : { status: 'error', reason },
  });
}

/** For faults that come before there is anything secret. */
export const noRedaction = (text: string): string => text;
