/** What a caller presents stops at the gateway: every kind of caller, every kind of credential, and what servers got. */
import { createHmac, randomBytes } from 'node:crypto';
import { createServer as createPlain, request as forward, type Server } from 'node:http';
import { createServer as createSecure } from 'node:https';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import {
  createAuthority,
  createKey,
  LegacySession,
  postModern,
  startGateway,
  startRecordingUpstream,
  type Gateway,
  type RecordingUpstream,
} from '@sallyport/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const text = (): string => randomBytes(24).toString('base64url');
const [jwtSecret, clientSecret, bearer, password, apiKey] = Array.from({ length: 5 }, text);
const issuer = 'https://login.example.com';

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token that the gateway takes. */
function makeToken(subject: string): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: issuer, aud: 'gateway', sub: subject, exp: now + 600, iat: now, groups: ['readers'] };
  const signed = `${part({ alg: 'HS256', typ: 'at+jwt' })}.${part(claims)}`;
  return `${signed}.${createHmac('sha256', jwtSecret ?? '')
    .update(signed)
    .digest('base64url')}`;
}

const kinds = ['open', 'bearer', 'basic', 'header', 'own', 'exchanged', 'mtls'] as const;
const servers = new Map<string, RecordingUpstream>();
const certificates: string[] = [];
const tokenRequests: { readonly authorization: string | undefined; readonly form: URLSearchParams }[] = [];
let tokenServer: Server;
let secure: ReturnType<typeof createSecure>;
let gateway: Gateway;
let folder: string;

const portOf = (server: { address(): unknown }): number => (server.address() as AddressInfo).port;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-credentials-'));
  for (const kind of kinds) servers.set(kind, await startRecordingUpstream());
  tokenServer = createPlain((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const form = new URLSearchParams(Buffer.concat(chunks).toString());
      tokenRequests.push({ authorization: request.headers.authorization, form });
      const subject = form.get('subject_token');
      const [, payload = ''] = (subject ?? '').split('.');
      const who =
        subject === null
          ? 'gateway'
          : (JSON.parse(Buffer.from(payload, 'base64url').toString()) as { sub: string }).sub;
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ access_token: `upstream-token-of-${who}`, token_type: 'Bearer', expires_in: 600 }));
    });
  });
  await new Promise<void>((resolve) => tokenServer.listen(0, '127.0.0.1', resolve));
  const authority = createAuthority();
  const server = authority.issue({ name: '127.0.0.1' });
  const client = authority.issue({ name: 'gateway.example.com' });
  secure = createSecure(
    { ...server, ca: authority.cert, requestCert: true, rejectUnauthorized: true },
    (request, response) => {
      const { subject } = (request.socket as TLSSocket).getPeerCertificate();
      certificates.push(subject.CN);
      const to = new URL(servers.get('mtls')?.url ?? '');
      const onward = forward(
        to,
        { method: request.method, headers: { ...request.headers, host: to.host } },
        (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(response);
        },
      );
      onward.on('error', () => response.destroy());
      response.on('close', () => onward.destroy());
      request.pipe(onward);
    },
  );
  await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
  await writeFile(join(folder, 'ca.pem'), authority.cert, { mode: 0o600 });
  await writeFile(join(folder, 'client.pem'), client.cert, { mode: 0o600 });
  await writeFile(join(folder, 'client.key'), client.key, { mode: 0o600 });
  const tokenClient = {
    tokenUrl: `http://127.0.0.1:${portOf(tokenServer)}/token`,
    clientId: 'gateway',
    clientSecret: 'env:CLIENT_SECRET',
  };
  const auth: Record<(typeof kinds)[number], object | undefined> = {
    open: undefined,
    bearer: { bearer: 'env:BEARER' },
    basic: { basic: { user: 'gateway', password: 'env:PASSWORD' } },
    header: { header: { 'X-Api-Key': 'env:API_KEY' } },
    own: { clientCredentials: { ...tokenClient, scopes: ['use'] } },
    exchanged: { tokenExchange: { ...tokenClient, audience: 'api' } },
    mtls: { mtls: { cert: join(folder, 'client.pem'), key: `file:${join(folder, 'client.key')}` } },
  };
  const urlOf = (kind: string): string =>
    kind === 'mtls' ? `https://127.0.0.1:${portOf(secure)}/mcp` : (servers.get(kind)?.url ?? '');
  gateway = await startGateway({
    config: {
      egress: { ca: join(folder, 'ca.pem') },
      callers: {
        jwt: [
          {
            issuer,
            secret: 'env:JWT_SECRET',
            audience: ['gateway'],
            algorithms: ['HS256'],
            roles: { claim: 'groups', map: { readers: 'reader' } },
          },
        ],
      },
      upstreams: Object.fromEntries(
        kinds.map((kind) => [kind, { url: urlOf(kind), ...(auth[kind] === undefined ? {} : { auth: auth[kind] }) }]),
      ),
      roles: { reader: { tools: ['*'] } },
    },
    env: {
      JWT_SECRET: jwtSecret ?? '',
      CLIENT_SECRET: clientSecret ?? '',
      BEARER: bearer ?? '',
      PASSWORD: password ?? '',
      API_KEY: apiKey ?? '',
    },
  });
}, 90_000);

afterAll(async () => {
  await gateway?.stop();
  for (const server of servers.values()) await server.close();
  tokenServer?.close();
  tokenServer?.closeAllConnections();
  secure?.close();
  secure?.closeAllConnections();
  await rm(folder, { recursive: true, force: true });
});

/** Calls a tool of a server in both eras; gives the texts. */
async function callBoth(kind: string, key: string): Promise<string[]> {
  const url = `${gateway.url}/${kind}`;
  const params = { name: 'echo', arguments: {} };
  const modern = await postModern(url, { method: 'tools/call', params, key });
  const session = await LegacySession.open(url, { key });
  const legacy = await session.request('tools/call', params);
  return [modern.response, legacy.response ?? legacy].map((answer) => JSON.stringify(answer));
}

const expected: Readonly<Record<string, (caller: string) => [name: string, value: string] | undefined>> = {
  open: () => undefined,
  bearer: () => ['authorization', `Bearer ${bearer}`],
  basic: () => ['authorization', `Basic ${Buffer.from(`gateway:${password}`).toString('base64')}`],
  header: () => ['x-api-key', apiKey ?? ''],
  own: () => ['authorization', 'Bearer upstream-token-of-gateway'],
  exchanged: (caller) => ['authorization', `Bearer upstream-token-of-${caller}`],
  mtls: () => undefined,
};

describe('what a server is presented', () => {
  it.each(kinds)('[no-passthrough] is its own credential and nothing of the caller’s: %s', async (kind) => {
    const server = servers.get(kind);
    server?.clear();
    const tokens = [makeToken('ada'), makeToken('bob')];
    const key = await createKey(gateway.dir, { name: `for-${kind}`, role: 'reader' });
    for (const token of tokens) for (const said of await callBoth(kind, token)) expect(said).not.toContain('refused');
    const calls = server?.of('tools/call') ?? [];
    expect(calls).toHaveLength(4);
    for (const [at, { headers }] of calls.entries()) {
      const wanted = expected[kind]?.(at < 2 ? 'ada' : 'bob');
      if (wanted === undefined) expect(headers['authorization']).toBeUndefined();
      else expect(headers[wanted[0]]).toBe(wanted[1]);
    }
    const saidToKey = await callBoth(kind, key);
    if (kind === 'exchanged') {
      for (const said of saidToKey) expect(said).toContain('you came without a token');
      expect(server?.of('tools/call')).toHaveLength(4);
    } else {
      expect(server?.of('tools/call')).toHaveLength(6);
    }
    const got = (server?.requests ?? []).map(({ rawHeaders, body }) => JSON.stringify(rawHeaders) + body.toString());
    for (const secret of [...tokens, ...tokens.map((token) => token.split('.')[2] ?? ''), key, clientSecret ?? '']) {
      expect(got.filter((one) => one.includes(secret))).toHaveLength(0);
    }
  });

  it('[no-passthrough] is a certificate where the file says so, shown to that server', () => {
    expect(certificates.length).toBeGreaterThan(2);
    expect(new Set(certificates)).toEqual(new Set(['gateway.example.com']));
  });

  it('[no-passthrough] was had for the caller’s token at the endpoint that the file names, once for each token', () => {
    const exchanges = tokenRequests.filter(({ form }) => form.has('subject_token'));
    expect(exchanges).toHaveLength(2);
    expect(tokenRequests.filter(({ form }) => form.get('grant_type') === 'client_credentials')).toHaveLength(1);
    for (const { authorization } of tokenRequests) expect(authorization).toMatch(/^Basic /);
  });
});
