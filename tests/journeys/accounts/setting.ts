/** The whole setting of stories about accounts: a server, its identity provider, a gateway, and callers with keys. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createKey, startGateway, type Gateway } from '@sallyport/testkit';
import { startIdentityProvider, type IdentityProvider } from '../../fixtures/identity-provider/identity-provider.ts';
import { startProtectedServer, type ProtectedServer } from '../../fixtures/upstreams/protected-server.ts';
import { connectCaller, type AccountCaller, type OnPage } from './caller.ts';
import { connect, type Visit } from './person.ts';

/** Everything that a story needs. */
export interface Setting {
  readonly upstream: ProtectedServer;
  readonly idp: IdentityProvider;
  /** The one that runs now. */
  readonly gateway: Gateway;
  /** Ends the gateway without warning, and starts it again over what it has kept. */
  restart(): Promise<void>;
  /** A caller with a key of this name, whose person logs in under the same name where it is sent to a page. */
  caller(name: string, era: 'modern' | 'legacy', onPage?: OnPage | 'headless'): Promise<AccountCaller>;
  /** Pages that people were sent to so far. */
  readonly visits: Promise<Visit>[];
  /** What the gateway says to people when it sends them to a page. */
  readonly messages: string[];
  /** Keys of callers, which are theirs and nobody else's. */
  readonly keys: readonly string[];
  /** How often the token endpoint was asked. */
  tokenRequests(): Promise<number>;
  stop(): Promise<void>;
}

/** Starts everything. */
export async function startSetting(people: readonly string[]): Promise<Setting> {
  const upstream = await startProtectedServer();
  const idp = await startIdentityProvider({
    resources: { [upstream.url]: { scopes: ['use', 'admin'] } },
    accounts: Object.fromEntries(people.map((name) => [name, {}])),
  });
  upstream.protect(idp.issuer);
  const config = {
    upstreams: { desk: { url: upstream.url, auth: { oauth: { issuer: idp.issuer } } } },
    roles: { reader: { tools: ['desk.*'] } },
    limits: { concurrentPerCaller: 200 },
  };
  const first = await startGateway({ config });
  let gateway = first;
  const visits: Promise<Visit>[] = [];
  const messages: string[] = [];
  const keys: string[] = [];
  const known = new Map<string, string>();
  return {
    upstream,
    idp,
    get gateway() {
      return gateway;
    },
    async restart() {
      await gateway.kill9();
      gateway = await startGateway({ config, dir: first.dir });
    },
    visits,
    messages,
    keys,
    async caller(name, era, onPage) {
      const key = known.get(name) ?? (await createKey(gateway.dir, { name, role: 'reader' }));
      known.set(name, key);
      if (!keys.includes(key)) keys.push(key);
      const goes: OnPage = (url, message) => {
        messages.push(message);
        visits.push(connect(url, { idp, account: name }));
        return Promise.resolve('accept');
      };
      return connectCaller(`${gateway.url}/desk`, key, era, onPage === 'headless' ? undefined : (onPage ?? goes));
    },
    tokenRequests: async () => (await idp.requests())['POST /token'] ?? 0,
    async stop() {
      if (gateway !== first) await gateway.stop();
      // Removes the folder.
      await first.stop();
      await idp.stop();
      await upstream.stop();
    },
  };
}

/** Everything that the gateway has written: store, audit trail, and what it said. */
export async function everythingWritten({ gateway }: Setting): Promise<Buffer> {
  const state = join(gateway.dir, 'state');
  const files = await readdir(state, { recursive: true, withFileTypes: true });
  const contents = await Promise.all(
    files.filter((file) => file.isFile()).map((file) => readFile(join(file.parentPath, file.name))),
  );
  return Buffer.concat([...contents, Buffer.from(gateway.stdout()), Buffer.from(gateway.stderr())]);
}
