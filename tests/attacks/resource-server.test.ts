/** The gateway as an OAuth resource server, over real sockets: what it publishes, how it challenges, whose tokens hold where. */
import { randomUUID } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createKey,
  freePorts,
  LegacySession,
  openRawWebSocket,
  openSse,
  post,
  postModern,
  runSallyport,
  sendRaw,
  startGateway,
  stubStdioCommand,
  waitFor,
  type Gateway,
} from '@sallyport/testkit';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startIdentityProvider, type IdentityProvider } from '../fixtures/identity-provider/identity-provider.ts';

const machine = { id: 'machine', secret: randomUUID() };
const secretName = 'INTROSPECTION_SECRET';
const groups = { claim: 'groups', map: { staff: ['reader', 'writer'] } };
const roles = {
  reader: { tools: ['files.echo', 'notes.echo'], scopes: ['mcp:read'] },
  writer: { tools: ['files.slow'], scopes: ['mcp:read', 'mcp:write'] },
  keeper: { tools: ['hidden.*'] },
};

let idp: IdentityProvider;
let gateway: Gateway;
let url: string;
let key: string;

beforeAll(async () => {
  const [port] = await freePorts(1);
  url = `http://127.0.0.1:${port}`;
  const scopes = ['mcp:read', 'mcp:write'];
  idp = await startIdentityProvider({
    resources: {
      [`${url}/mcp`]: { scopes },
      [`${url}/mcp/files`]: { scopes },
      [`${url}/mcp/front`]: { scopes },
      'https://other.example/mcp': { scopes },
      'urn:opaque': { scopes, format: 'opaque', audience: `${url}/mcp` },
      'urn:opaque:files': { scopes, format: 'opaque', audience: `${url}/mcp/files` },
    },
    clients: [{ client_id: machine.id, client_secret: machine.secret }],
    clientClaims: { groups: ['staff'], sub: 'robot' },
  });
  gateway = await startGateway({
    config: {
      listen: `127.0.0.1:${port}`,
      publicUrl: url,
      doors: { websocket: 'on', sse: 'on' },
      callers: {
        keys: true,
        jwt: [{ issuer: idp.issuer, roles: groups }],
        introspection: {
          url: idp.endpoints.introspection,
          issuer: idp.issuer,
          clientId: machine.id,
          clientSecret: `env:${secretName}`,
          cache: '1s',
          timeout: '1s',
          id: 'client_id',
          roles: groups,
        },
      },
      roles,
      limits: { perAddress: '100000/s burst 100000', failedLogins: '100000/s' },
      upstreams: {
        files: { command: stubStdioCommand() },
        notes: { command: stubStdioCommand() },
        hidden: { command: stubStdioCommand() },
      },
      views: {
        front: { tools: ['files.echo', 'notes.echo'], for: ['reader'] },
        back: { tools: ['hidden.*'], for: ['keeper'] },
      },
    },
    env: { [secretName]: machine.secret },
  });
  key = await createKey(gateway.dir, { name: 'keeper', role: 'keeper' });
}, 60_000);

afterAll(async () => {
  await gateway.stop();
  await idp.stop();
});

const tokenFor = async (resource: string, scope = 'mcp:read'): Promise<string> =>
  String((await idp.clientToken({ ...machine, resource, scope }))['access_token']);

const call = (path: string, token: string, name: string) =>
  postModern(`${url}${path}`, { method: 'tools/call', params: { name, arguments: { text: 'x' } }, key: token });

const metadata = '/.well-known/oauth-protected-resource';
const challengeFor = (path: string) => `resource_metadata="${url}${metadata}${path}"`;

describe('[resource-metadata] a metadata document', () => {
  it.each([
    ['', '/mcp'],
    ['/mcp', '/mcp'],
    ['/mcp/files', '/mcp/files'],
    ['/mcp/notes', '/mcp/notes'],
    ['/mcp/front', '/mcp/front'],
  ])('at %j is that of %s', async (path, resource) => {
    const response = await fetch(`${url}${metadata}${path}`, { headers: { origin: 'https://anywhere.example' } });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      resource: `${url}${resource}`,
      authorization_servers: [idp.issuer],
      scopes_supported: ['mcp:read'],
      bearer_methods_supported: ['header'],
    });
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.headers.get('cache-control')).toBe('public, max-age=300');
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect(response.headers.get('access-control-allow-credentials')).toBeNull();
  });

  it('can be asked about by HEAD and by a browser beforehand, and in no other way', async () => {
    const head = await fetch(`${url}${metadata}`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect(Number(head.headers.get('content-length'))).toBeGreaterThan(100);
    const preflight = await fetch(`${url}${metadata}/mcp`, {
      method: 'OPTIONS',
      headers: { origin: 'https://anywhere.example', 'access-control-request-headers': 'mcp-protocol-version' },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-methods')).toBe('GET, HEAD');
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
      expect((await fetch(`${url}${metadata}`, { method })).status).toBe(405);
    }
  });

  it('does not change with what a request says about itself', async () => {
    const plain = await (await fetch(`${url}${metadata}`)).text();
    const forged = await fetch(`${url}${metadata}`, {
      headers: { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https', forwarded: 'host=evil.example' },
    });
    expect(await forged.text()).toBe(plain);
    const { host, port } = gateway;
    const request = (name: string) => `GET ${metadata} HTTP/1.1\r\nHost: ${name}\r\n\r\n`;
    const { responses } = await sendRaw(host, port, request('evil.example'));
    expect(responses[0]).toMatchObject({ status: 403 });
    expect(JSON.stringify(responses)).not.toContain('evil.example');
    const local = await sendRaw(host, port, request(`localhost:${port}`));
    expect(local.responses[0]).toMatchObject({ status: 200, body: plain });
  });

  it('of a server that no token reaches is as absent as that of one that is not there', async () => {
    const answer = async (name: string) => {
      const response = await fetch(`${url}${metadata}/mcp/${name}`);
      const text = (await response.text()).replaceAll(response.headers.get('sallyport-exchange') ?? '', '…');
      return { status: response.status, text, headers: [...response.headers.keys()] };
    };
    expect(await answer('ghost')).toMatchObject({ status: 404 });
    expect(await answer('hidden')).toEqual(await answer('ghost'));
    expect(await answer('back')).toEqual(await answer('ghost'));
    const challenge = async (name: string) => (await post(`${url}/mcp/${name}`, '{}')).headers['www-authenticate'];
    expect(await challenge('hidden')).toBe(await challenge('ghost'));
    expect((await call('/mcp/hidden', key, 'echo')).status).toBe(200);
  });

  it.each(['/', '/mcp/', '?x=1', '/mcp/files/x', '/MCP', '/mcp/%66iles', 'x', '/..'])('is not at %j', async (path) => {
    const { responses } = await sendRaw(
      gateway.host,
      gateway.port,
      `GET ${metadata}${path} HTTP/1.1\r\nHost: ${gateway.host}:${gateway.port}\r\n\r\n`,
    );
    expect(responses[0]).toMatchObject({ status: 404 });
  });

  it('is nowhere where no issuer is accepted, and no challenge leads to one', async () => {
    const bare = await startGateway({
      config: {
        callers: { keys: true },
        roles: { reader: { tools: ['files.*'], scopes: ['mcp:read'] } },
        upstreams: { files: { command: stubStdioCommand() } },
      },
    });
    onTestFinished(async () => void (await bare.stop()));
    const origin = new URL(bare.url).origin;
    for (const path of ['', '/mcp', '/mcp/files']) {
      expect((await fetch(`${origin}${metadata}${path}`)).status).toBe(404);
    }
    expect((await post(bare.url, '{}')).headers['www-authenticate']).toBe('Bearer realm="sallyport"');

    const written = JSON.parse(await readFile(bare.configPath, 'utf8')) as Record<string, unknown>;
    const jwt = [{ issuer: idp.issuer, audience: ['a'], roles: { claim: 'groups', map: { staff: 'reader' } } }];
    await writeFile(bare.configPath, JSON.stringify({ ...written, callers: { jwt } }));
    await waitFor(async () => (await fetch(`${origin}${metadata}/mcp/files`)).status === 200, {
      ceilingMs: 10_000,
      what: 'the document of the changed configuration',
    });
    const challenge = (await post(bare.url, '{}')).headers['www-authenticate'];
    expect(challenge).toContain(`resource_metadata="${origin}${metadata}/mcp"`);
  });
});

describe('[resource-metadata] a challenge', () => {
  it.each(['/mcp', '/mcp/files'])(
    'at %s leads to its document, by POST, GET, DELETE, WebSocket and SSE',
    async (path) => {
      const wanted = `Bearer realm="sallyport", scope="mcp:read", ${challengeFor(path)}`;
      const target = `${url}${path}`;
      const named = { 'mcp-session-id': 'none' };
      const answers = [
        await post(target, '{}'),
        await post(target, '', { method: 'GET', headers: named }),
        await post(target, '', { method: 'DELETE', headers: named }),
        await openRawWebSocket(target),
        await post(target.replace('/mcp', '/sse'), '', { method: 'GET' }),
      ];
      for (const { status, headers } of answers) {
        expect([status, headers['www-authenticate']]).toEqual([401, wanted]);
      }
    },
  );

  it('says what is wrong with a credential, and nothing about why', async () => {
    const bad = await call('/mcp', 'not-a-token', 'files__echo');
    expect([bad.status, bad.headers['www-authenticate']]).toEqual([
      401,
      'Bearer realm="sallyport", error="invalid_token", error_description="The credential is not valid here", ' +
        `scope="mcp:read", ${challengeFor('/mcp')}`,
    ]);
    const { host, port } = gateway;
    const twice = `POST /mcp HTTP/1.1\r\nHost: ${host}:${port}\r\nContent-Type: application/json\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\nContent-Length: 2\r\n\r\n{}`;
    const { responses } = await sendRaw(host, port, twice);
    expect(responses[0]?.status).toBe(400);
    expect(responses[0]?.headers['www-authenticate']).toContain('error="invalid_request"');
  });
});

describe('[token-audience] a token', () => {
  it.each(['signed', 'opaque'] as const)('that is %s holds where its audience says', async (kind) => {
    const [everywhere, files] =
      kind === 'signed'
        ? [await tokenFor(`${url}/mcp`), await tokenFor(`${url}/mcp/files`)]
        : [await tokenFor('urn:opaque'), await tokenFor('urn:opaque:files')];
    const status = async (path: string, token: string, name: string) => (await call(path, token, name)).status;
    expect({
      everywhere: [
        await status('/mcp', everywhere, 'files__echo'),
        await status('/mcp/files', everywhere, 'echo'),
        await status('/mcp/notes', everywhere, 'echo'),
      ],
      files: [
        await status('/mcp', files, 'files__echo'),
        await status('/mcp/files', files, 'echo'),
        await status('/mcp/notes', files, 'echo'),
      ],
    }).toEqual({ everywhere: [200, 200, 200], files: [401, 200, 401] });
  });

  it('for a view holds at that view', async () => {
    const token = await tokenFor(`${url}/mcp/front`);
    expect((await call('/mcp/front', token, 'files__echo')).status).toBe(200);
    for (const path of ['/mcp', '/mcp/files', '/mcp/notes', '/mcp/back']) {
      expect((await call(path, token, 'echo')).status).toBe(401);
    }
    expect((await call('/mcp/front', await tokenFor(`${url}/mcp/files`), 'files__echo')).status).toBe(401);
    expect((await call('/mcp/front', await tokenFor(`${url}/mcp`), 'files__echo')).status).toBe(200);
  });

  it('for somebody else is refused everywhere', async () => {
    const token = await tokenFor('https://other.example/mcp');
    for (const path of ['/mcp', '/mcp/files', '/mcp/notes']) {
      const { status, headers } = await call(path, token, 'echo');
      expect(status).toBe(401);
      expect(headers['www-authenticate']).toContain('error="invalid_token"');
    }
  });
});

describe('[step-up] a call that more scopes would allow', () => {
  const scopes = ['mcp:read', 'mcp:write'];
  const wanted =
    'Bearer realm="sallyport", error="insufficient_scope", ' +
    'error_description="The token does not carry every scope that this needs", scope="mcp:read mcp:write", ';

  it('is answered 403 with all of them, in both eras, and allowed to a token that has them', async () => {
    const token = await tokenFor(`${url}/mcp`);
    const modern = await call('/mcp', token, 'files__slow');
    expect([modern.status, modern.headers['www-authenticate']]).toEqual([403, `${wanted}${challengeFor('/mcp')}`]);
    expect(modern.response?.error).toMatchObject({ data: { reason: 'step-up', scopes } });
    const session = await LegacySession.open(`${url}/mcp/files`, { key: token });
    const legacy = await session.request('tools/call', { name: 'slow', arguments: {} });
    expect([legacy.status, legacy.headers['www-authenticate']]).toEqual([
      403,
      `${wanted}${challengeFor('/mcp/files')}`,
    ]);
    expect(legacy.response?.error).toMatchObject({ data: { reason: 'step-up', scopes } });
    const more = await call('/mcp', await tokenFor(`${url}/mcp`, 'mcp:read mcp:write'), 'files__slow');
    expect(more.response?.result).not.toHaveProperty('isError', true);
  });

  it('is told in-band where there is no status', async () => {
    const token = await tokenFor(`${url}/mcp`);
    const refusal = { reason: 'step-up', scopes };
    const socket = await openRawWebSocket(`${url}/mcp/files`, { key: token });
    onTestFinished(() => socket.destroy());
    const initialize = {
      jsonrpc: '2.0',
      id: 0,
      method: 'initialize',
      params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } },
    };
    const slow = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'slow', arguments: {} } };
    socket.send(initialize);
    await waitFor(() => socket.messages().length === 1, { ceilingMs: 10_000, what: 'initialize' });
    socket.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
    socket.send(slow);
    await waitFor(() => socket.messages().length === 2, { ceilingMs: 10_000, what: 'the refusal' });
    expect(socket.messages()[1]).toMatchObject({
      id: 1,
      result: { isError: true, _meta: { 'io.sallyport/refusal': refusal } },
    });
    const sse = await openSse(`${url}/sse/files`, { key: token });
    onTestFinished(() => sse.close());
    await sse.say({ ...initialize, params: { ...initialize.params, protocolVersion: '2024-11-05' } });
    await sse.answerTo(0);
    await sse.say({ jsonrpc: '2.0', method: 'notifications/initialized' });
    await sse.say(slow);
    expect(await sse.answerTo(1)).toMatchObject({
      result: { isError: true, _meta: { 'io.sallyport/refusal': refusal } },
    });
  });

  it('is not told of to callers whose credentials know no scopes', async () => {
    const { response, status } = await call('/mcp', key, 'files__slow');
    expect([status, response?.error?.code]).toEqual([200, -32602]);
  });
});

describe('[opaque-tokens] an opaque token', () => {
  const asked = async () => (await idp.requests())['POST /token/introspection'] ?? 0;

  it('is asked about once for many calls, and stops soon after it was revoked', async () => {
    const token = await tokenFor('urn:opaque');
    const before = await asked();
    const calls = await Promise.all(Array.from({ length: 20 }, () => call('/mcp', token, 'files__echo')));
    expect(new Set(calls.map(({ status }) => status))).toEqual(new Set([200]));
    expect((await asked()) - before).toBeLessThanOrEqual(2);
    await idp.revoke(token, machine);
    await waitFor(async () => (await call('/mcp', token, 'files__echo')).status === 401, {
      ceilingMs: 10_000,
      what: 'the revoked token to be refused',
    });
  });

  it.each(['error', 'reset', 'hang'] as const)('is not believed while the server fails by %s', async (outage) => {
    const token = await tokenFor('urn:opaque');
    await idp.setOutage(outage);
    onTestFinished(() => idp.setOutage('none'));
    const { status, headers } = await call('/mcp', token, 'files__echo');
    expect(status).toBe(503);
    expect(headers).not.toHaveProperty('www-authenticate');
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    const told = await runSallyport(['status', '-c', gateway.configPath], gateway.dir, { isFailureFine: true });
    expect(told.code).toBe(1);
    expect(told.stdout).toContain('opaque tokens cannot be judged');
    await idp.setOutage('none');
    await waitFor(async () => (await call('/mcp', token, 'files__echo')).status === 200, {
      ceilingMs: 10_000,
      what: 'the token to be believed again',
    });
  });

  it('is the only kind that is asked about', async () => {
    const before = await asked();
    const signed = await tokenFor(`${url}/mcp`);
    const parts = signed.split('.');
    const odd = [
      key,
      signed,
      `${signed.slice(0, -4)}AAAA`,
      [parts[0], parts[1], ''].join('.'),
      `${signed}.a.b`,
      `eyJhbGciOiJub25lIn0.e30.`,
      'a b',
      'x'.repeat(5000),
      'with,comma',
      '"quoted"',
    ];
    for (const token of odd) expect([200, 401]).toContain((await call('/mcp', token, 'files__echo')).status);
    expect(await asked()).toBe(before);
  });

  it('stays out of every record, log, metric and answer', async () => {
    const token = await tokenFor('urn:opaque');
    const answers = [await call('/mcp', token, 'files__echo'), await call('/mcp', token, 'files__slow')];
    await idp.revoke(token, machine);
    await waitFor(async () => (await call('/mcp', token, 'files__echo')).status === 401, {
      ceilingMs: 10_000,
      what: 'the revoked token to be refused',
    });
    const audit = join(gateway.dir, 'state', 'audit');
    const files = (await readdir(audit)).filter((name) => name.endsWith('.jsonl'));
    const records = await Promise.all(files.map((name) => readFile(join(audit, name), 'utf8')));
    const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    const everything = [...records, metrics, gateway.stdout(), gateway.stderr(), JSON.stringify(answers)].join('\n');
    expect(everything).toContain('step-up');
    for (const secret of [token, machine.secret, key]) expect(everything).not.toContain(secret);
    expect(metrics).toMatch(/sallyport_introspection_total\{result="active"\} [1-9]/);
  });
});
