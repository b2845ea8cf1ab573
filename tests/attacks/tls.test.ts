/** HTTPS at the data door: old protocols, strangers' certificates, and people who speak the wrong protocol. */
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import {
  createAuthority,
  createKey,
  freePorts,
  runSallyport,
  sendRaw,
  startGateway,
  startRecordingUpstream,
  waitFor,
  type Gateway,
  type IssuedCertificate,
  type RecordingUpstream,
  type TestAuthority,
} from '@sallyport/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agentOf, sendSecurely, shakeHands } from '../fixtures/certificates/https-caller.ts';

const agentName = 'spiffe://example.com/agent/a';
const day = 24 * 3_600_000;

let dir: string;
let upstream: RecordingUpstream;
let gateway: Gateway;
let authority: TestAuthority;
let callers: TestAuthority;
let key: string;

async function writeMaterial(server: IssuedCertificate, ca: string): Promise<void> {
  await writeFile(join(dir, 'cert.pem'), server.cert);
  await writeFile(join(dir, 'key.pem'), server.key, { mode: 0o600 });
  await writeFile(join(dir, 'ca.pem'), ca);
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sallyport-tls-'));
  upstream = await startRecordingUpstream();
  authority = createAuthority('Servers');
  callers = createAuthority('Callers');
  await writeMaterial(authority.server(), callers.cert);
  gateway = await startGateway({
    dir,
    config: {
      tls: { cert: 'cert.pem', key: 'file:key.pem', clientCa: 'ca.pem' },
      doors: { websocket: true, sse: true },
      callers: { certificates: { identity: 'san-uri', roles: { 'spiffe://example.com/agent/*': 'reader' } } },
      roles: { reader: { tools: ['*'] } },
      limits: { perAddress: '100000/s burst 100000', failedLogins: '1000/s', requestTimeout: '2s' },
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

const trusting = () => ({ ca: authority.cert });
const bearer = () => ({ authorization: `Bearer ${key}` });

describe('the protocol', () => {
  it.each(['TLSv1', 'TLSv1.1'] as const)('[tls] refuses %s', async (version) => {
    const ciphers = 'DEFAULT:@SECLEVEL=0';
    const outcome = await shakeHands(gateway, { ...trusting(), minVersion: version, maxVersion: version, ciphers });
    expect(outcome).toMatch(/ALERT_PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL/);
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('[tls] speaks %s', async (version) => {
    expect(await shakeHands(gateway, { ...trusting(), minVersion: version, maxVersion: version })).toBe(version);
  });

  it.each(['AES128-SHA', 'ECDHE-ECDSA-AES128-SHA256', 'DHE-RSA-AES128-GCM-SHA256'])('takes no %s', async (ciphers) => {
    const outcome = await shakeHands(gateway, { ...trusting(), maxVersion: 'TLSv1.2', ciphers });
    expect(outcome).toMatch(/HANDSHAKE_FAILURE|NO_CIPHER/);
  });

  it('agrees on HTTP/1.1, and on nothing with whoever speaks HTTP/2 alone', async () => {
    const socket = connectTls({
      host: gateway.host,
      port: gateway.port,
      servername: 'localhost',
      ...trusting(),
      ALPNProtocols: ['h2', 'http/1.1'],
    });
    await once(socket, 'secureConnect');
    expect(socket.alpnProtocol).toBe('http/1.1');
    socket.destroy();
    expect(await shakeHands(gateway, { ...trusting(), ALPNProtocols: ['h2'] })).toMatch(/NO_APPLICATION_PROTOCOL/);
  });

  it('[tls] serves a call with a key, and tells browsers to come by HTTPS alone', async () => {
    const answer = await sendSecurely(gateway, trusting(), { headers: bearer() });
    expect(answer.status).toBe(200);
    expect(answer.body).toContain('"tools"');
    expect(answer.headers['strict-transport-security']).toBe('max-age=31536000');
  });

  it('[tls] tells who speaks HTTP without TLS, and ends the connection', async () => {
    const request = `POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}`;
    const exchange = await sendRaw(gateway.host, gateway.port, request);
    expect(exchange.responses.map(({ status }) => status)).toEqual([400]);
    expect(exchange.responses[0]?.body).toContain('HTTPS');
    expect(exchange.isClosedByPeer).toBe(true);
  });

  it.each([
    ['what is neither', Buffer.from([0, 1, 2, 3])],
    ['a handshake of SSL 2', Buffer.from([0x80, 0x2e, 0x01, 0x00, 0x02])],
    ['a handshake that breaks off', Buffer.from([22, 3, 1, 0x02, 0x00, 1, 0, 1])],
    ['a record that is no handshake', Buffer.from([22, 3, 3, 0, 4, 9, 9, 9, 9])],
  ])('ends a connection with %s', async (_, bytes) => {
    const socket = connect(gateway.port, gateway.host);
    socket.on('error', () => undefined);
    socket.write(bytes);
    socket.resume();
    await once(socket, 'close');
    const answer = await sendSecurely(gateway, trusting(), { headers: bearer() });
    expect(answer.status).toBe(200);
  });

  it('cuts whoever begins a handshake and says no more', async () => {
    const silent: Socket[] = Array.from({ length: 50 }, () => connect(gateway.port, gateway.host));
    for (const socket of silent) {
      socket.on('error', () => undefined);
      socket.resume();
      if (silent.indexOf(socket) % 2 === 0) socket.write(Buffer.from([22]));
    }
    await Promise.all(silent.map((socket) => once(socket, 'close')));
    expect((await sendSecurely(gateway, trusting(), { headers: bearer() })).status).toBe(200);
  });
});

describe('a client certificate', () => {
  it('[mutual-tls] names its caller', async () => {
    const shown = callers.client({ names: [agentName] });
    const answer = await sendSecurely(gateway, { ...trusting(), ...shown });
    expect(answer.status).toBe(200);
    expect(answer.body).toContain('rec__echo');
  });

  it('[mutual-tls] names its caller through an authority between', async () => {
    const between = callers.below('Agents');
    const shown = between.client({ names: [agentName] });
    const answer = await sendSecurely(gateway, { ...trusting(), cert: shown.cert + between.cert, key: shown.key });
    expect(answer.status).toBe(200);
  });

  it.each<[string, (authority: TestAuthority, stranger: TestAuthority) => IssuedCertificate, string]>([
    [
      'of an unknown authority',
      (_, stranger) => stranger.client({ names: [agentName] }),
      'its issuer is not trusted here',
    ],
    [
      'that has expired',
      (own) =>
        own.client({ names: [agentName], from: new Date(Date.now() - 2 * day), until: new Date(Date.now() - day) }),
      'it has expired',
    ],
    [
      'that is not valid yet',
      (own) =>
        own.client({ names: [agentName], from: new Date(Date.now() + day), until: new Date(Date.now() + 2 * day) }),
      'it is not valid yet',
    ],
    ['made for servers', (own) => own.server({ names: [agentName] }), 'it is not made for clients'],
    ['without the name that counts', (own) => own.client({ name: agentName, names: [] }), 'it has no URI'],
    [
      'with two names',
      (own) => own.client({ names: [agentName, 'spiffe://example.com/agent/b'] }),
      'it has more than one URI',
    ],
    ['signed by a caller', (own) => issuedByLeaf(own), 'its issuer is not trusted here'],
  ])('[mutual-tls] %s is refused with 401 and the reason', async (_, make, reason) => {
    const shown = make(callers, createAuthority('Callers'));
    for (const headers of [{}, bearer()]) {
      const answer = await sendSecurely(gateway, { ...trusting(), ...shown }, { headers });
      expect(answer.status).toBe(401);
      expect(answer.body).toContain(reason);
      expect(answer.headers['www-authenticate']).toBe('Bearer realm="sallyport"');
    }
  });

  it('[mutual-tls] beside a key proves the connection, and the key names the caller', async () => {
    const shown = callers.client({ names: ['spiffe://example.com/stranger/a'] });
    const alone = await sendSecurely(gateway, { ...trusting(), ...shown });
    expect(alone.body).not.toContain('rec__echo');
    const both = await sendSecurely(gateway, { ...trusting(), ...shown }, { headers: bearer() });
    expect(both.body).toContain('rec__echo');
    const wrong = await sendSecurely(
      gateway,
      { ...trusting(), ...shown },
      { headers: { authorization: 'Bearer sp_x' } },
    );
    expect(wrong.status).toBe(401);
  });

  it('is not needed by callers with a key, and nobody comes in without either', async () => {
    expect((await sendSecurely(gateway, trusting(), { headers: bearer() })).status).toBe(200);
    expect((await sendSecurely(gateway, trusting())).status).toBe(401);
  });

  it('[mutual-tls] in the headers of a proxy means nothing where there is none', async () => {
    const shown = callers.client({ names: [agentName] });
    const headers = {
      'ssl-client-verify': 'SUCCESS',
      'ssl-client-cert': encodeURIComponent(shown.cert),
      'x-forwarded-client-cert': `URI=${agentName}`,
      'client-cert': `:${Buffer.from(shown.cert).toString('base64')}:`,
    };
    expect((await sendSecurely(gateway, trusting(), { headers })).status).toBe(401);
  });
});

function issuedByLeaf(own: TestAuthority): IssuedCertificate {
  const leaf = own.below('Agent', false);
  const forged = leaf.client({ names: [agentName] });
  return { cert: forged.cert + leaf.cert, key: forged.key };
}

describe('a connection that stays open', () => {
  const soon = () => callers.client({ names: [agentName], until: new Date(Date.now() + 3000) });

  function openStream(shown: IssuedCertificate, line: string, headers: Readonly<Record<string, string>>): TLSSocket {
    const { host, port } = gateway;
    const socket = connectTls({ host, port, servername: 'localhost', ...trusting(), ...shown });
    const all = { Host: `localhost:${port}`, ...headers };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`${line} HTTP/1.1\r\n${lines.join('')}\r\n`);
    socket.on('error', () => undefined);
    return socket;
  }

  const upgrade = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': Buffer.alloc(16).toString('base64'),
    'Sec-WebSocket-Protocol': 'mcp',
  };

  it.each([
    ['a WebSocket (wss)', 'GET /mcp', upgrade, 'HTTP/1.1 101', 'the credential has ended'],
    ['an SSE connection', 'GET /sse', {}, 'HTTP/1.1 200', '\r\n0\r\n\r\n'],
  ])('[mutual-tls] %s ends with the certificate that opened it', async (_, line, headers, status, last) => {
    const shown = soon();
    const socket = openStream(shown, line, headers);
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    const heard = (): string => Buffer.concat(chunks).toString('latin1');
    await waitFor(() => heard().startsWith(status), { what: 'the stream' });
    expect(Date.now()).toBeLessThan(new X509Certificate(shown.cert).validToDate.getTime());
    await waitFor(() => heard().includes(last), { what: 'its end', ceilingMs: 30_000 });
    expect(Date.now()).toBeGreaterThan(new X509Certificate(shown.cert).validToDate.getTime());
    socket.destroy();
    expect((await sendSecurely(gateway, { ...trusting(), ...shown })).body).toContain('it has expired');
  });

  it('[mutual-tls] is served no longer once the certificate has ended', async () => {
    const shown = soon();
    const agent = agentOf({ ...trusting(), ...shown, keepAlive: true, maxSockets: 1 });
    const send = () => sendSecurely(gateway, {}, { agent });
    expect((await send()).status).toBe(200);
    await waitFor(async () => (await send()).status === 401, { what: 'the refusal', everyMs: 200 });
    agent.destroy();
  });
});

describe('a door that other machines reach', () => {
  const check = async (config: object) => {
    const path = join(dir, 'other.yaml');
    await writeFile(path, JSON.stringify({ version: 1, admin: false, ...config }), { mode: 0o600 });
    return runSallyport(['check', '-c', path], dir, { isFailureFine: true });
  };
  const tls = { cert: 'cert.pem', key: 'file:key.pem' };
  const publicUrl = 'https://mcp.example.com';

  it.each(['0.0.0.0:8848', '[::]:8848', '192.0.2.7:8848', 'mcp.example.com:8848'])(
    '[tls] does not speak plain HTTP: %s',
    async (listen) => {
      const refused = await check({ listen, publicUrl });
      expect(refused.code).toBe(1);
      expect(refused.stdout + refused.stderr).toMatch(/without encryption.*[^]*add tls: .* or behindProxy/);
      expect((await check({ listen, publicUrl, tls })).code).toBe(0);
      expect((await check({ listen, publicUrl, behindProxy: { trusted: ['10.0.0.0/8'] } })).code).toBe(0);
    },
  );

  it('answers to the name that callers use, and to no address', async () => {
    const open = await startGateway({
      config: {
        listen: gateway.host.replace('127.0.0.1', '0.0.0.0') + `:${(await freePorts(1))[0] ?? 0}`,
        publicUrl,
        tls: { cert: join(dir, 'cert.pem'), key: `file:${join(dir, 'key.pem')}` },
        upstreams: { rec: { url: upstream.url } },
      },
    });
    try {
      const host = async (name: string): Promise<number> =>
        (await sendSecurely({ host: '127.0.0.1', port: open.port }, trusting(), { headers: { host: name } })).status;
      expect(await host('mcp.example.com')).toBe(401);
      expect(await host('mcp.example.com:443')).toBe(401);
      for (const name of ['0.0.0.0', `0.0.0.0:${open.port}`, `127.0.0.1:${open.port}`, `localhost:${open.port}`]) {
        expect(await host(name)).toBe(403);
      }
    } finally {
      await open.stop();
    }
  });
});
