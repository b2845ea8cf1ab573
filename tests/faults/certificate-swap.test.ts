/** Certificates that are replaced while callers call, good ones and broken ones, and authorities that are taken away. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import {
  createAuthority,
  createKey,
  startGateway,
  startRecordingUpstream,
  waitFor,
  type Gateway,
  type RecordingUpstream,
  type TestAuthority,
} from '@sallyport/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agentOf, sendSecurely } from '../fixtures/certificates/https-caller.ts';
import { makeSecretFolder, runCertificateSwap, shownSerial, type SecretFolder } from './certificate-swap.ts';

describe('a certificate that is replaced under load', () => {
  it('[tls] is shown to who comes, and no connection is dropped', async () => {
    const outcome = await runCertificateSwap({ swaps: 5, keeping: 6, coming: 4 });
    expect(outcome.firstFault).toBeUndefined();
    expect(outcome).toMatchObject({ dropped: 0, isKept: true });
    expect(outcome.calls).toBeGreaterThan(50);
  }, 120_000);
});

describe('what the files hold', () => {
  const agentName = 'spiffe://example.com/agent/a';
  let dir: string;
  let upstream: RecordingUpstream;
  let gateway: Gateway;
  let servers: TestAuthority;
  let callers: TestAuthority;
  let folder: SecretFolder;
  let files: Record<string, string>;
  let key: string;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'sallyport-swap-'));
    upstream = await startRecordingUpstream();
    servers = createAuthority('Servers');
    callers = createAuthority('Callers');
    const server = servers.server();
    files = { 'cert.pem': server.cert, 'key.pem': server.key, 'ca.pem': callers.cert };
    folder = await makeSecretFolder(join(dir, 'tls'), files);
    gateway = await startGateway({
      dir,
      config: {
        tls: { cert: 'tls/cert.pem', key: 'file:tls/key.pem', clientCa: 'tls/ca.pem' },
        callers: { certificates: { identity: 'san-uri', roles: { 'spiffe://example.com/agent/*': 'reader' } } },
        roles: { reader: { tools: ['*'] } },
        upstreams: { rec: { url: upstream.url } },
      },
    });
    key = await createKey(dir, { name: 'ada', role: 'reader' });
  }, 60_000);

  afterAll(async () => {
    await gateway?.stop();
    await upstream?.close();
    await rm(dir, { recursive: true, force: true });
  }, 60_000);

  const call = () => sendSecurely(gateway, { ca: servers.cert }, { headers: { authorization: `Bearer ${key}` } });

  it.each<[string, () => Promise<Record<string, string>>]>([
    ['a key of another certificate', async () => ({ 'key.pem': servers.server().key })],
    ['no certificate', async () => ({ 'cert.pem': 'nothing\n' })],
    ['no key', async () => ({ 'key.pem': 'nothing\n' })],
    ['broken authorities', async () => ({ 'ca.pem': callers.cert.slice(0, 100) })],
  ])('[tls] is not taken while it is %s, and the gateway says so', async (what, change) => {
    const before = await shownSerial(gateway, servers.cert);
    const said = gateway.stderr().length;
    await folder.swap({ ...files, ...(await change()) });
    await waitFor(() => gateway.stderr().slice(said).includes('the old one stays'), { what: `a word about ${what}` });
    expect(await shownSerial(gateway, servers.cert)).toBe(before);
    expect((await call()).status).toBe(200);
    const server = servers.server();
    files = { ...files, 'cert.pem': server.cert, 'key.pem': server.key };
    await folder.swap(files);
    await waitFor(async () => (await shownSerial(gateway, servers.cert)) !== before, { what: 'the good one' });
  });

  it('[tls] takes a new certificate while another part of the file is wrong', async () => {
    const before = await shownSerial(gateway, servers.cert);
    const good = await readFile(gateway.configPath, 'utf8');
    await writeFile(gateway.configPath, `${good.trimEnd().slice(0, -1)}, "nonsense": 1 }\n`, { mode: 0o600 });
    await waitFor(() => gateway.stderr().includes('nonsense'), { what: 'a word about the mistake' });
    const server = servers.server();
    files = { ...files, 'cert.pem': server.cert, 'key.pem': server.key };
    await folder.swap(files);
    await waitFor(async () => (await shownSerial(gateway, servers.cert)) !== before, { what: 'the new certificate' });
    await writeFile(gateway.configPath, good, { mode: 0o600 });
    await waitFor(() => gateway.stderr().includes('right again'), { what: 'a word that all is well' });
  });

  it('[mutual-tls] ends the word of an authority that is taken away, on open connections and resumed ones', async () => {
    const shown = callers.client({ names: [agentName] });
    const others = createAuthority('Others');
    const agent = agentOf({ ca: servers.cert, ...shown, keepAlive: true, maxSockets: 1 });
    const send = (options = {}) => sendSecurely(gateway, { ca: servers.cert, ...shown }, { agent, ...options });
    const session = await sessionOf({ ...shown, ca: servers.cert });
    expect((await send()).status).toBe(200);
    files = { ...files, 'ca.pem': others.cert };
    await folder.swap(files);
    await waitFor(async () => (await send()).status === 401, { what: 'the refusal' });
    expect((await send()).body).toContain('its issuer is not trusted here');
    const resumed = await sendSecurely(gateway, { ca: servers.cert, ...shown, session });
    expect(resumed.status).toBe(401);
    const other = others.client({ names: [agentName] });
    expect((await sendSecurely(gateway, { ca: servers.cert, ...other })).status).toBe(200);
    expect((await call()).status).toBe(200);
    agent.destroy();
  });

  function sessionOf(options: object): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const { host, port } = gateway;
      const socket: TLSSocket = connect({ host, port, servername: 'localhost', ...options });
      socket.on('session', (session: Buffer) => {
        resolve(session);
        socket.destroy();
      });
      socket.on('error', reject);
    });
  }
});
