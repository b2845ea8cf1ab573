/** Every answer carries the security headers: of each door, of errors, of what the HTTP parser writes, of the admin port. */
import { connect as connectTls } from 'node:tls';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createAuthority,
  createKey,
  sendRaw,
  splitResponses,
  startGateway,
  startRecordingUpstream,
  type Gateway,
  type RawResponse,
  type RecordingUpstream,
  type TestAuthority,
} from '@sallyport/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listBody, listHeaders } from '../fixtures/certificates/https-caller.ts';

const wanted = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
};

let dir: string;
let upstream: RecordingUpstream;
let plain: Gateway;
let secure: Gateway;
let authority: TestAuthority;
let key: string;
let session: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sallyport-headers-'));
  upstream = await startRecordingUpstream();
  authority = createAuthority();
  const { cert, key: privateKey } = authority.server();
  await writeFile(join(dir, 'cert.pem'), cert);
  await writeFile(join(dir, 'key.pem'), privateKey, { mode: 0o600 });
  const config = {
    doors: { websocket: true, sse: true },
    roles: { reader: { tools: ['*'] } },
    limits: { requestTimeout: '1s', body: '2KiB' },
    upstreams: { rec: { url: upstream.url } },
  };
  plain = await startGateway({ config });
  secure = await startGateway({ dir, config: { ...config, tls: { cert: 'cert.pem', key: 'file:key.pem' } } });
  key = await createKey(plain.dir, { name: 'ada', role: 'reader' });
  const begun = await sendRaw(plain.host, plain.port, initialize());
  session = begun.responses[0]?.headers['mcp-session-id'] ?? '';
}, 60_000);

afterAll(async () => {
  await plain?.stop();
  await secure?.stop();
  await upstream?.close();
  await rm(dir, { recursive: true, force: true });
}, 60_000);

/** A whole request as it goes over the wire. */
function raw(
  line: string,
  headers: Readonly<Record<string, string | undefined>> = {},
  body = '',
  port = plain.port,
): string {
  const all = {
    Host: `localhost:${port}`,
    ...(body === '' ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }),
    Connection: 'close',
    ...headers,
  };
  const lines = Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]));
  return `${line} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`;
}

const bearer = (): Record<string, string> => ({ Authorization: `Bearer ${key}` });
const json = { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' };

function initialize(): string {
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
  });
  return raw('POST /mcp', { ...json, ...bearer() }, body);
}

type Make = () => string;

/** Every kind of answer of the data door. */
const answers: readonly [what: string, status: number, make: Make][] = [
  ['a list', 200, () => raw('POST /mcp', { ...listHeaders, ...bearer() }, listBody)],
  ['a session', 200, initialize],
  [
    'a notification',
    202,
    () =>
      raw(
        'POST /mcp',
        { ...json, ...bearer(), 'Mcp-Session-Id': session },
        '{"jsonrpc":"2.0","method":"notifications/initialized"}',
      ),
  ],
  ['a message that is no JSON', 400, () => raw('POST /mcp', { ...json, ...bearer() }, '{')],
  ['a request without a credential', 401, () => raw('POST /mcp', json, '{}')],
  ['a wrong credential', 401, () => raw('POST /mcp', { ...json, Authorization: 'Bearer sp_x' }, '{}')],
  ['two credentials', 400, () => raw('POST /mcp', { ...json, ...bearer(), authorization: 'Bearer x' }, '{}')],
  ['another Host', 403, () => raw('POST /mcp', { ...json, Host: 'evil.example' }, '{}')],
  ['no Host', 400, () => raw('POST /mcp', { ...json, Host: undefined }, '{}')],
  ['another Origin', 403, () => raw('POST /mcp', { ...json, Origin: 'https://evil.example' }, '{}')],
  ['another path', 404, () => raw('GET /')],
  ['the path of a file', 404, () => raw('GET /favicon.ico')],
  ['another method', 405, () => raw('PUT /mcp', json, '{}')],
  ['OPTIONS', 405, () => raw('OPTIONS /mcp')],
  ['CONNECT', 405, () => raw('CONNECT example.com:443')],
  [
    'a preflight',
    204,
    () => raw('OPTIONS /mcp', { Origin: `http://localhost:${plain.port}`, 'Access-Control-Request-Method': 'POST' }),
  ],
  ['a body too large', 413, () => raw('POST /mcp', { ...json, ...bearer() }, ' '.repeat(3000))],
  ['another type', 415, () => raw('POST /mcp', { 'Content-Type': 'text/html', ...bearer() }, '{}')],
  ['an expectation', 417, () => raw('POST /mcp', { ...json, Expect: 'nonsense' }, '{}')],
  ['a head too large', 431, () => raw('GET /mcp', { 'X-Long': 'x'.repeat(20_000) })],
  ['another version', 505, () => raw('GET /mcp').replace('HTTP/1.1', 'HTTP/1.0')],
  ['what is no HTTP', 400, () => 'NONSENSE\r\n\r\n'],
  ['two lengths', 400, () => raw('POST /mcp', { ...json, 'Transfer-Encoding': 'chunked' }, '{}')],
  ['a body that does not come', 408, () => raw('POST /mcp', { ...json, ...bearer(), 'Content-Length': '9' })],
  [
    'an upgrade without the protocol',
    400,
    () => raw('GET /mcp', { ...upgrade, 'Sec-WebSocket-Protocol': 'x', ...bearer() }),
  ],
  ['an upgrade without a credential', 401, () => raw('GET /mcp', upgrade)],
  ['an upgrade to another path', 404, () => raw('GET /x', { ...upgrade, ...bearer() })],
  [
    'a stream of a session',
    200,
    () => raw('GET /mcp', { Accept: 'text/event-stream', 'Mcp-Session-Id': session, ...bearer() }),
  ],
  ['an SSE connection', 200, () => raw('GET /sse', bearer())],
  [
    'a message to no SSE connection',
    404,
    () => raw('POST /messages?sessionId=x', { ...json, ...bearer() }, '{"jsonrpc":"2.0","id":1,"method":"ping"}'),
  ],
  ['the end of a session', 204, () => raw('DELETE /mcp', { 'Mcp-Session-Id': session, ...bearer() })],
  ['the end of no session', 404, () => raw('DELETE /mcp', { 'Mcp-Session-Id': 'x', ...bearer() })],
];

const upgrade = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': Buffer.alloc(16).toString('base64'),
  'Sec-WebSocket-Protocol': 'mcp',
};

function check(response: RawResponse | undefined, status: number): void {
  expect(response?.status).toBe(status);
  const { headers = {} } = response ?? {};
  expect(headers).toMatchObject(wanted);
  expect(headers['cache-control']).toMatch(/no-store/);
  for (const name of ['server', 'x-powered-by', 'set-cookie', 'etag']) expect(headers[name]).toBeUndefined();
}

describe('an answer of the data door', () => {
  it.each(answers)('[cors-headers] to %s is %i and carries them', async (_, status, make) => {
    const { responses } = await sendRaw(plain.host, plain.port, make(), { quietMs: status === 408 ? 3000 : 250 });
    check(responses[0], status);
    expect(responses[0]?.headers['strict-transport-security']).toBeUndefined();
  });

  const faults: readonly [what: string, status: number, make: Make][] = [
    ['another path', 404, () => raw('GET /', {}, '', secure.port)],
    ['no credential', 401, () => raw('POST /mcp', json, '{}', secure.port)],
    ['no Host', 400, () => raw('POST /mcp', { ...json, Host: undefined }, '{}')],
    ['what is no HTTP', 400, () => 'NONSENSE\r\n\r\n'],
    ['CONNECT', 405, () => raw('CONNECT example.com:443')],
    ['an expectation', 417, () => raw('POST /mcp', { ...json, Expect: 'nonsense' }, '{}', secure.port)],
    ['a head too large', 431, () => raw('GET /mcp', { 'X-Long': 'x'.repeat(20_000) })],
    ['an upgrade', 401, () => raw('GET /mcp', upgrade, '', secure.port)],
  ];

  it.each(faults)('[cors-headers] over TLS to %s is %i and says that TLS is all', async (_, status, make) => {
    const response = await sendOverTls(make());
    check(response, status);
    expect(response?.headers['strict-transport-security']).toBe('max-age=31536000');
  });
});

describe('an answer of the admin port', () => {
  it.each<[string, number, Make]>([
    ['health', 200, () => raw('GET /health/live', {}, '', adminPort())],
    ['readiness', 200, () => raw('GET /health/ready', {}, '', adminPort())],
    ['metrics', 200, () => raw('GET /metrics', {}, '', adminPort())],
    ['another path', 404, () => raw('GET /', {}, '', adminPort())],
    ['another method', 405, () => raw('POST /metrics', {}, '', adminPort())],
    ['another Host', 403, () => raw('GET /metrics', { Host: 'evil.example' })],
    ['no Host', 403, () => raw('GET /metrics', { Host: undefined })],
    ['what is no HTTP', 400, () => 'NONSENSE\r\n\r\n'],
    ['CONNECT', 405, () => raw('CONNECT example.com:443')],
    ['an expectation', 417, () => raw('GET /metrics', { Expect: 'nonsense' }, '', adminPort())],
    ['a head too large', 431, () => raw('GET /metrics', { 'X-Long': 'x'.repeat(20_000) })],
  ])('[cors-headers] to %s is %i and carries them', async (_, status, make) => {
    const { responses } = await sendRaw('127.0.0.1', adminPort(), make());
    check(responses[0], status);
  });
});

function adminPort(): number {
  return Number(new URL(plain.adminUrl ?? '').port);
}

function sendOverTls(bytes: string): Promise<RawResponse | undefined> {
  return new Promise((resolve, reject) => {
    const { host, port } = secure;
    const socket = connectTls({ host, port, servername: 'localhost', ca: authority.cert });
    const chunks: Buffer[] = [];
    const ceiling = setTimeout(() => socket.destroy(new Error('no answer in 5 s')), 5000);
    socket.on('secureConnect', () => socket.write(bytes));
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', reject);
    socket.on('close', () => {
      clearTimeout(ceiling);
      resolve(splitResponses(Buffer.concat(chunks))[0]);
    });
  });
}
