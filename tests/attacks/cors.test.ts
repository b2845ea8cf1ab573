/** Web pages of other origins: listed ones may call, preflights included; to others the door is shut. */
import { request as startRequest } from 'node:http';
import {
  createKey,
  open,
  openRawWebSocket,
  post,
  startGateway,
  startRecordingUpstream,
  type Gateway,
  type RecordingUpstream,
} from '@sallyport/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listBody, listHeaders } from '../fixtures/certificates/https-caller.ts';

const page = 'https://app.example.com';
let upstream: RecordingUpstream;
let gateway: Gateway;
let key: string;

beforeAll(async () => {
  upstream = await startRecordingUpstream();
  gateway = await startGateway({
    config: {
      origins: [page],
      doors: { websocket: true, sse: true },
      roles: { reader: { tools: ['*'] } },
      limits: { perAddress: '100000/s burst 100000', failedLogins: '1000/s' },
      upstreams: { rec: { url: upstream.url } },
    },
  });
  key = await createKey(gateway.dir, { name: 'ada', role: 'reader' });
}, 60_000);

afterAll(async () => {
  await gateway?.stop();
  await upstream?.close();
}, 60_000);

interface Head {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

function send(method: string, path: string, headers: Readonly<Record<string, string>>): Promise<Head> {
  return new Promise((resolve, reject) => {
    const outgoing = startRequest(
      { host: gateway.host, port: gateway.port, path, method, agent: false, headers },
      (response) => {
        response.resume();
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers }));
      },
    );
    outgoing.on('error', reject);
    outgoing.end();
  });
}

const preflight = (path: string, method: string, origin = page, more: Readonly<Record<string, string>> = {}) =>
  send('OPTIONS', path, { origin, 'access-control-request-method': method, ...more });

const doors: readonly [method: string, path: string][] = [
  ['POST', '/mcp'],
  ['GET', '/mcp'],
  ['DELETE', '/mcp'],
  ['POST', '/mcp/rec'],
  ['GET', '/mcp/rec'],
  ['GET', '/sse'],
  ['GET', '/sse/rec'],
  ['POST', '/messages?sessionId=abc'],
  ['POST', '/messages/rec?sessionId=abc'],
];

/** Headers by which a browser would let a page in. */
const access = (headers: Head['headers']): string[] =>
  Object.keys(headers).filter((name) => name.startsWith('access-control-'));

describe('a preflight', () => {
  it.each(doors)('[cors-headers] of a listed origin for %s %s says what a page may send', async (method, path) => {
    const asked = { 'access-control-request-headers': 'authorization, mcp-param-City, x-evil, mcp-session-id' };
    const { status, headers } = await preflight(path, method, page, asked);
    expect(status).toBe(204);
    expect(headers['access-control-allow-origin']).toBe(page);
    expect(headers['access-control-allow-methods']).toBe('GET, POST, DELETE');
    const names = String(headers['access-control-allow-headers']).split(', ');
    for (const name of ['authorization', 'content-type', 'last-event-id', 'mcp-session-id', 'mcp-protocol-version']) {
      expect(names).toContain(name);
    }
    expect(names).toContain('mcp-param-city');
    expect(names).not.toContain('x-evil');
    expect(Number(headers['access-control-max-age'])).toBeGreaterThan(0);
    expect(String(headers['vary'])).toContain('Origin');
    expect(headers['access-control-allow-credentials']).toBeUndefined();
  });

  it.each([
    'https://evil.example',
    'https://app.example.com.evil.example',
    'http://app.example.com',
    'https://app.example.com:444',
    'https://APP.example.com',
    'https://app.example.com/',
    'null',
    '*',
    '',
  ])('[cors-headers] of the origin %j is refused, and tells nothing', async (origin) => {
    const { status, headers } = await preflight('/mcp', 'POST', origin);
    expect(status).toBe(403);
    expect(access(headers)).toEqual([]);
  });

  it('is no way to a path that is not there', async () => {
    expect((await preflight('/nothing', 'POST')).status).toBe(404);
    expect((await preflight('/messages?sessionId=abc', 'GET')).status).toBe(404);
  });

  it('is needed to be one: OPTIONS alone is not allowed', async () => {
    expect((await send('OPTIONS', '/mcp', { origin: page })).status).toBe(405);
    expect((await send('OPTIONS', '/mcp', {})).status).toBe(405);
  });

  it('takes no header that would end its line, and bounds what it repeats', async () => {
    const many = Array.from({ length: 500 }, (_, i) => `mcp-param-${i}`).join(',');
    const { status, headers } = await preflight('/mcp', 'POST', page, { 'access-control-request-headers': many });
    expect(status).toBe(204);
    expect(String(headers['access-control-allow-headers']).split(', ').length).toBeLessThan(100);
  });
});

describe('an answer', () => {
  const call = (headers: Readonly<Record<string, string>>) =>
    post(gateway.url, listBody, { headers: { ...listHeaders, ...headers } });

  it('[cors-headers] can be read by a page of a listed origin, refusals too', async () => {
    for (const [headers, status] of [
      [{ authorization: `Bearer ${key}` }, 200],
      [{ authorization: 'Bearer sp_wrong' }, 401],
      [{ authorization: `Bearer ${key}`, 'content-type': 'text/plain' }, 415],
    ] as const) {
      const answer = await call({ origin: page, ...headers });
      expect(answer.status).toBe(status);
      expect(answer.headers['access-control-allow-origin']).toBe(page);
      const exposed = answer.headers['access-control-expose-headers'] ?? '';
      for (const name of ['WWW-Authenticate', 'Mcp-Session-Id', 'Sallyport-Exchange', 'Retry-After', 'RateLimit']) {
        expect(exposed).toContain(name);
      }
      expect(answer.headers['access-control-allow-credentials']).toBeUndefined();
      expect(answer.headers['vary']).toContain('Origin');
    }
  });

  it('[cors-headers] to a page of another origin is 403 and tells nothing, whatever it knows', async () => {
    const answer = await call({ origin: 'https://evil.example', authorization: `Bearer ${key}` });
    expect(answer.status).toBe(403);
    expect(access(answer.headers)).toEqual([]);
  });

  it('to a program has none of this', async () => {
    expect(access((await call({ authorization: `Bearer ${key}` })).headers)).toEqual([]);
  });

  it('[cors-headers] on an event stream can be read too', async () => {
    const response = await open(gateway.url.replace('/mcp', '/sse'), undefined, {
      method: 'GET',
      headers: { origin: page, authorization: `Bearer ${key}` },
    });
    expect(response.statusCode).toBe(200);
    expect(response.headers['access-control-allow-origin']).toBe(page);
    response.destroy();
  });

  it('[cors-headers] to a WebSocket of a page of another origin is 403 before the handshake', async () => {
    const headers = { origin: 'https://evil.example' };
    const socket = await openRawWebSocket(gateway.url, { key, headers });
    expect(socket.status).toBe(403);
    expect(access(socket.headers)).toEqual([]);
    socket.destroy();
    const listed = await openRawWebSocket(gateway.url, { key, headers: { origin: page } });
    expect(listed.status).toBe(101);
    listed.destroy();
  });
});
