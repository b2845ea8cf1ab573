/** Two people, one server that belongs to neither of them alone: each connects an account, and nothing crosses. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKey, startGateway, type Gateway } from '@sallyport/testkit';
import { startIdentityProvider, type IdentityProvider } from '../fixtures/identity-provider/identity-provider.ts';
import { startProtectedServer, type ProtectedServer } from '../fixtures/upstreams/protected-server.ts';
import { connectCaller } from './accounts/caller.ts';
import { connect, type Visit } from './accounts/person.ts';

let upstream: ProtectedServer;
let idp: IdentityProvider;
let gateway: Gateway;

beforeAll(async () => {
  upstream = await startProtectedServer();
  idp = await startIdentityProvider({
    resources: { [upstream.url]: { scopes: ['use', 'admin'] } },
    accounts: { alice: {}, bob: {} },
  });
  upstream.protect(idp.issuer);
  gateway = await startGateway({
    config: {
      upstreams: { desk: { url: upstream.url, auth: { oauth: { issuer: idp.issuer } } } },
      roles: { reader: { tools: ['desk.*'] } },
    },
  });
}, 60_000);

afterAll(async () => {
  await gateway?.stop();
  await idp?.stop();
  await upstream?.stop();
});

describe('an account at a server', () => {
  it.each(['modern', 'legacy'] as const)('is connected in the middle of the first call of a %s caller', async (era) => {
    const account = era === 'modern' ? 'alice' : 'bob';
    const key = await createKey(gateway.dir, { name: account, role: 'reader' });
    const visits: Promise<Visit>[] = [];
    const messages: string[] = [];
    const caller = await connectCaller(`${gateway.url}/desk`, key, era, (url, message) => {
      messages.push(message);
      visits.push(connect(url, { idp, account }));
      return Promise.resolve('accept');
    });
    const said = await caller.call('whoami', { note: 'hello' }).catch((error: unknown) => String(error));
    const visit = await visits[0];
    expect({ said, text: visit?.text, err: gateway.stderr() }).toEqual({ said: `${account} hello`, text: '', err: '' });
    await caller.close();
  });
});
