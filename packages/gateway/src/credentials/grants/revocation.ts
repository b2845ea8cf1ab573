/** Takes grants back at their authorization servers (RFC 7009). Here they are gone already. */
import { revocationRequest } from 'oauth4webapi';
import { createRedaction } from '../../upstreams/redact.ts';
import { fetchOver } from '../egress-fetch.ts';
import { discoverServer, MetadataFault } from '../server-metadata.ts';
import { readTokenFault } from '../token-fault.ts';
import { sendOver } from '../token-party.ts';
import type { AccountServer, ConnectionsOptions } from './account-context.ts';
import { proofOf } from './registration.ts';

/** How long an authorization server is told that a grant was taken back, milliseconds. */
const REVOKE_FOR_MS = 86_400_000;

/** Tells authorization servers of grants that were taken back; what cannot be told now is told later, for a day. */
export async function settleRevocations(
  { grants, clock, directory, egress, log }: ConnectionsOptions,
  upstreams: ReadonlyMap<string, AccountServer>,
): Promise<void> {
  for (const { id, server, grant, createdAt } of await grants.dueRevocations()) {
    const upstream = upstreams.get(server);
    const isOver = clock.now() - createdAt > REVOKE_FOR_MS;
    if (grant === undefined || isOver) {
      await grants.doneRevocation(id);
      continue;
    }
    const { issuer, client, accessToken, refreshToken } = grant;
    const fetch = upstream?.fetch ?? fetchOver(egress, []);
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
