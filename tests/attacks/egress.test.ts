/** Requests that we send, against servers and proxies that behave badly: bounds, credentials, certificates, tunnels. */
import type { IncomingMessage, RequestListener } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { setImmediate } from 'node:timers/promises';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { createEgress, type EgressAnswer, type EgressFault } from '@sallyport/guard';
import { createAuthority, startRecordingSocket, waitFor } from '@sallyport/testkit';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createWorld, type EgressWorld } from './egress-world.ts';

const secret = ['synthetic', 'credential'].join('-');
const bearer = `Bearer ${secret}`;
let world: EgressWorld;
beforeEach(() => {
  world = createWorld();
});
afterEach(() => world.close());

const textOf = (outcome: EgressAnswer | EgressFault): string =>
  outcome.kind === 'answer' ? Buffer.from(outcome.body).toString() : `${outcome.reason}: ${outcome.message}`;
const hello: RequestListener = (_request, response) => void response.end('hello');
const redirectTo =
  (location: string, status = 302): RequestListener =>
  (_request, response) => {
    response.writeHead(status, { location });
    response.end();
  };

const inDays = (days: number): Date => new Date(Date.now() + days * 86_400_000);

describe('an answer', () => {
  it('comes with its status, headers, body and place, whatever the status', async () => {
    await world.serve('a.example', (_request, response) => {
      response.writeHead(404, { 'X-Thing': ['one', 'two'], 'content-type': 'text/plain' });
      response.end('nothing');
    });
    const answer = await world.open().request({ url: 'https://a.example/x?y#z', trust: 'outside' });
    expect(answer).toMatchObject({
      kind: 'answer',
      status: 404,
      headers: { 'x-thing': 'one, two', 'content-type': 'text/plain' },
    });
    expect(textOf(answer)).toBe('nothing');
  });

  it('to a POST is to what was posted', async () => {
    await world.serve('a.example', (request, response) => {
      request.pipe(response);
    });
    const egress = world.open();
    const ask = (body: string | Uint8Array) =>
      egress.request({
        url: 'https://a.example/',
        trust: 'outside',
        method: 'POST',
        headers: { 'content-type': 'text/plain' },
        body,
      });
    expect(textOf(await ask('text'))).toBe('text');
    expect(textOf(await ask(Buffer.from('bytes')))).toBe('bytes');
  });

  it.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
  ] as const)('[egress-bounds] packed as %s is unpacked, within its bound', async (encoding, pack) => {
    const large = Buffer.alloc(8 * 1024 * 1024);
    await world.serve('a.example', (request, response) => {
      response.setHeader('content-encoding', encoding);
      response.end(pack(request.url === '/large' ? large : 'small'));
    });
    const egress = world.open();
    expect(textOf(await egress.request({ url: 'https://a.example/', trust: 'outside' }))).toBe('small');
    const before = process.memoryUsage().arrayBuffers;
    const bomb = await egress.request({ url: 'https://a.example/large', trust: 'outside', maxBytes: 10_000 });
    expect(bomb).toMatchObject({ kind: 'fault', reason: 'too-large' });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * 1024 * 1024);
  });

  it('[egress-bounds] in another encoding, or without end, or with headers without end, is refused', async () => {
    await world.serve('a.example', (request, response) => {
      if (request.url === '/encoding') response.setHeader('content-encoding', 'zstd').end('x');
      else if (request.url === '/headers') response.setHeader('x-large', 'x'.repeat(40_000)).end('x');
      else {
        const more = (): void => {
          if (!response.destroyed) response.write('x'.repeat(10_000), () => void setImmediate().then(more));
        };
        more();
      }
    });
    const egress = world.open();
    const ask = (path: string) => egress.request({ url: `https://a.example${path}`, trust: 'outside' });
    expect(await ask('/encoding')).toMatchObject({ reason: 'encoding' });
    expect(await ask('/headers')).toMatchObject({ reason: 'connection' });
    expect(await ask('/endless')).toMatchObject({ reason: 'too-large' });
  });

  it.each<[string, (socket: Socket) => void]>([
    ['nothing at all', () => {}],
    ['a head that never ends', (socket) => void socket.write('HTTP/1.1 200 OK\r\nx: ')],
    ['a body that never ends', (socket) => void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx')],
  ])('[egress-bounds] that is %s is not waited for', async (_what, write) => {
    await world.serveRaw('a.example', write);
    const egress = world.open({ allow: ['93.184.215.0/24'] });
    const outcome = await egress.request({ url: 'http://a.example/', trust: 'outside', timeoutMs: 50 });
    expect(outcome).toEqual({ kind: 'fault', reason: 'timeout', message: 'a.example did not answer in 50 ms.' });
  });

  it('is not waited for when the name, the connection or the handshake take too long', async () => {
    await world.serveRaw('slow.example', () => {});
    const silent = world.open({ lookup: () => new Promise(() => {}) });
    const ask = { trust: 'outside', timeoutMs: 50 } as const;
    expect(await silent.request({ url: 'https://a.example/', ...ask })).toMatchObject({ reason: 'timeout' });
    expect(await world.open().request({ url: 'https://slow.example/', ...ask })).toMatchObject({ reason: 'timeout' });
  });

  it('can be given up, before and while it comes', async () => {
    await world.serve('a.example', (_request, response) => void response.write('x'));
    const egress = world.open();
    const giveUp = new AbortController();
    const ask = () => egress.request({ url: 'https://a.example/', trust: 'outside', signal: giveUp.signal });
    const asked = ask();
    await setImmediate();
    giveUp.abort();
    expect(await asked).toMatchObject({ reason: 'cancelled' });
    const { length } = world.dialled;
    expect(await ask()).toMatchObject({ reason: 'cancelled' });
    expect(world.dialled).toHaveLength(length);
  });

  it('that is none is a fault in words, which hold no path, query or header', async () => {
    await world.serveRaw('broken.example', (socket) => socket.end(`${secret}\r\n\r\n`));
    await world.serveRaw('gone.example', (socket) => socket.destroy());
    await world.serve('redirect.example', redirectTo(`https://10.0.0.1/${secret}`));
    world.resolve('refusing.example', '93.184.215.200');
    const egress = world.open({ allow: ['93.184.215.0/24'] });
    const outcomes = await Promise.all(
      ['http://broken', 'http://gone', 'https://redirect', 'https://refusing', 'https://unknown', 'https://broken'].map(
        (start) =>
          egress.request({
            url: `${start}.example/${secret}?${secret}`,
            trust: 'outside',
            headers: { authorization: bearer },
            maxRedirects: 1,
          }),
      ),
    );
    expect(outcomes.map((outcome) => (outcome.kind === 'fault' ? outcome.reason : outcome.kind))).toEqual([
      'connection',
      'connection',
      'address',
      'connection',
      'name',
      'certificate',
    ]);
    for (const outcome of outcomes) expect(textOf(outcome)).not.toContain(secret);
    expect(textOf(outcomes[3] ?? expect.fail())).toContain('nothing listens there');
  });

  it.each([
    ['hello', 'connection'],
    ['HTTP/1.1 OK\r\n\r\n', 'connection'],
    ['HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n', 'connection'],
    ['HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok', 'connection'],
    ['HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n', 'connection'],
    ['HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n', 'connection'],
    ['HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 0\r\n\r\n', 'connection'],
    ['HTTP/1.1 302 X\r\nlocation: https://a.b\r\nlocation: https://c.d\r\ncontent-length: 0\r\n\r\n', 'redirect'],
    ['HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil', 'ok'],
    ['HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok', 'ok'],
  ])('%j is %s', async (bytes, expected) => {
    await world.serveRaw('a.example', (socket) => {
      socket.once('data', () => socket.end(Buffer.from(bytes, 'latin1')));
    });
    const egress = world.open({ allow: ['93.184.215.0/24'] });
    const outcome = await egress.request({ url: 'http://a.example/', trust: 'outside', maxRedirects: 1 });
    expect(outcome.kind === 'fault' ? outcome.reason : textOf(outcome)).toBe(expected);
  });

  it('never is one to headers that only the client may write', async () => {
    const ask = world.open().request({ url: 'https://a.example/', trust: 'outside', headers: { Host: 'b.example' } });
    await expect(ask).rejects.toThrow(RangeError);
  });
});

describe('the addresses of a name', () => {
  it('are dialled in turn until one answers', async () => {
    const address = await world.servePlain('a.example', hello);
    const egress = createEgress({ lookup: () => Promise.resolve(['127.0.0.9', '127.0.0.1']) });
    const url = `http://a.example:${world.portOf(address)}/`;
    expect(textOf(await egress.request({ url, trust: 'operator' }))).toBe('hello');
    expect(await egress.request({ url, trust: 'outside' })).toMatchObject({ reason: 'scheme' });
    await egress.close();
  });

  it('are those that the system knows', async () => {
    const port = world.portOf(await world.servePlain('a.example', hello));
    const egress = createEgress({ allow: ['127.0.0.0/8', '::1'] });
    const ask = (trust: 'operator' | 'outside') => egress.request({ url: `http://localhost:${port}/`, trust });
    expect([textOf(await ask('operator')), textOf(await ask('outside'))]).toEqual(['hello', 'hello']);
    await egress.close();
  });
});

describe('a redirect', () => {
  const seen =
    (heard: IncomingMessage[]): RequestListener =>
    (request, response) => {
      heard.push(request);
      response.end('there');
    };

  it('is not followed unless asked, and names where it leads', async () => {
    await world.serve('a.example', redirectTo(`https://b.example/${secret}`));
    expect(await world.open().request({ url: 'https://a.example/', trust: 'operator' })).toEqual({
      kind: 'fault',
      reason: 'redirect',
      message: 'a.example redirects to b.example, and redirects are not followed here.',
    });
  });

  it('[egress-bounds] drops every credential on its way to another origin, also when it comes back', async () => {
    const heard: IncomingMessage[] = [];
    await world.serve('a.example', (request, response) =>
      request.url === '/home' ? seen(heard)(request, response) : redirectTo('https://b.example/')(request, response),
    );
    await world.serve('b.example', (request, response) => {
      heard.push(request);
      redirectTo('https://a.example/home')(request, response);
    });
    const answer = await world.open().request({
      url: 'https://a.example/',
      trust: 'outside',
      maxRedirects: 3,
      headers: { accept: 'text/plain', authorization: bearer, cookie: secret, 'x-api-key': secret },
    });
    expect(answer).toMatchObject({ kind: 'answer', url: 'https://a.example/home' });
    expect(heard).toHaveLength(2);
    for (const { headers } of heard) {
      expect(headers.accept).toBe('text/plain');
      expect(JSON.stringify(headers)).not.toContain(secret);
    }
  });

  it('within its origin keeps them', async () => {
    const heard: IncomingMessage[] = [];
    await world.serve('a.example', (request, response) =>
      request.url === '/home' ? seen(heard)(request, response) : redirectTo('/home')(request, response),
    );
    await world.open().request({
      url: 'https://a.example/',
      trust: 'operator',
      maxRedirects: 1,
      headers: { authorization: bearer },
    });
    expect(heard.map(({ headers }) => headers.authorization)).toEqual([bearer]);
  });

  it('repeats no POST elsewhere, and never leaves https', async () => {
    const heard: IncomingMessage[] = [];
    await world.serve('a.example', (request, response) =>
      redirectTo(request.url === '/http' ? 'http://b.example/' : 'https://b.example/', 307)(request, response),
    );
    await world.serve('b.example', seen(heard));
    const egress = world.open({ allow: ['93.184.215.0/24'] });
    const ask = (path: string, method: 'GET' | 'POST') =>
      egress.request({ url: `https://a.example${path}`, trust: 'operator', maxRedirects: 5, method });
    expect(await ask('/', 'POST')).toMatchObject({ reason: 'redirect' });
    expect(await ask('/http', 'GET')).toMatchObject({ reason: 'redirect' });
    expect(heard).toEqual([]);
  });

  it('is followed as often as was asked and not once more', async () => {
    await world.serve('a.example', redirectTo('https://a.example/'));
    const egress = world.open();
    const outcome = await egress.request({ url: 'https://a.example/', trust: 'outside', maxRedirects: 3 });
    expect(textOf(outcome)).toContain('more than 3 redirects are not followed');
  });
});

describe('a certificate', () => {
  const ask = (name: string, egress = world.open()) => egress.request({ url: `https://${name}/`, trust: 'operator' });

  it('[egress-tls] of an unknown authority, another name, the past or the future is refused, whatever the environment says', async () => {
    const stranger = createAuthority('Stranger');
    await world.serve('stranger.example', hello, { issuer: stranger });
    await world.serve('other.example', hello, { certificate: { name: 'else.example' } });
    await world.serve('past.example', hello, { certificate: { from: inDays(-9), until: inDays(-1) } });
    await world.serve('future.example', hello, { certificate: { from: inDays(1) } });
    const names = ['stranger.example', 'other.example', 'past.example', 'future.example'];
    for (const value of [undefined, '0']) {
      if (value !== undefined) vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', value);
      const outcomes = await Promise.all(names.map((name) => ask(name)));
      expect(outcomes.map((outcome) => (outcome.kind === 'fault' ? outcome.reason : 'answer'))).toEqual(
        names.map(() => 'certificate'),
      );
      expect(textOf(outcomes[0] ?? expect.fail())).toContain('put it into egress.ca');
    }
    vi.unstubAllEnvs();
  });

  it('[egress-tls] of a private authority is trusted where egress.ca names it, and nowhere else', async () => {
    await world.serve('a.example', hello);
    expect(textOf(await ask('a.example'))).toBe('hello');
    const other = world.open({ ca: createAuthority('Other').cert });
    expect(await ask('a.example', other)).toMatchObject({ reason: 'certificate' });
  });

  it('[egress-tls] is not even looked at below TLS 1.2', async () => {
    await world.serve('old.example', hello, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL@SECLEVEL=0' });
    expect(await ask('old.example')).toMatchObject({ kind: 'fault', reason: 'certificate' });
  });

  it('[egress-tls] of our own goes to whom it is for: not to another origin, and not over a connection made without it', async () => {
    const ours = world.authority.issue({ name: 'gateway' });
    const subjects: (string | undefined)[] = [];
    const tell: RequestListener = (request, response) => {
      const peer = (request.socket as TLSSocket).getPeerCertificate();
      subjects.push(Object.keys(peer).length === 0 ? undefined : peer.subject.CN);
      if (request.url === '/away') redirectTo('https://b.example/')(request, response);
      else response.end('hello');
    };
    const asking = { requestCert: true, rejectUnauthorized: false };
    await world.serve('a.example', tell, asking);
    await world.serve('b.example', tell, asking);
    const egress = world.open();
    const url = 'https://a.example/';
    await egress.request({ url, trust: 'operator', clientCertificate: ours });
    await setImmediate();
    await egress.request({ url, trust: 'operator' });
    await egress.request({ url: `${url}away`, trust: 'operator', clientCertificate: ours, maxRedirects: 1 });
    expect(subjects).toEqual(['gateway', undefined, 'gateway', undefined]);
  });

  it('of our own that cannot be used is a fault', async () => {
    await world.serve('a.example', hello);
    const { cert } = world.authority.issue({ name: 'one' });
    const { key } = world.authority.issue({ name: 'two' });
    for (const clientCertificate of [
      { cert, key },
      { cert: 'nothing', key: 'nothing' },
    ]) {
      const outcome = await world.open().request({ url: 'https://a.example/', trust: 'operator', clientCertificate });
      expect(outcome).toMatchObject({ kind: 'fault', reason: 'certificate' });
    }
  });
});

describe('a proxy', () => {
  it('[egress] is asked for the address that was judged, with the name inside only', async () => {
    const heard: string[] = [];
    const address = await world.serve('a.example', (request, response) => {
      heard.push(`${(request.socket as TLSSocket & { servername: string }).servername} ${request.headers.host}`);
      response.end('hello');
    });
    const port = await world.serveProxy();
    const egress = world.open({ proxy: `http://me:${secret}@127.0.0.1:${port}` });
    expect(textOf(await egress.request({ url: 'https://a.example/', trust: 'outside' }))).toBe('hello');
    expect(world.tunnelled).toEqual([
      { to: `${address}:443`, authorization: `Basic ${Buffer.from(`me:${secret}`).toString('base64')}` },
    ]);
    expect(heard).toEqual(['a.example a.example']);
    expect(world.dialled).toEqual([`127.0.0.1 ${port}`]);
  });

  it('is told the names that an operator wrote, also those that only it knows', async () => {
    await world.serve('a.example', hello);
    const port = await world.serveProxy();
    const egress = world.open({
      proxy: `http://127.0.0.1:${port}`,
      lookup: () => Promise.reject(Object.assign(new Error('unknown'), { code: 'ENOTFOUND' })),
    });
    expect(textOf(await egress.request({ url: 'https://a.example/', trust: 'operator' }))).toBe('hello');
    expect(world.tunnelled.map(({ to }) => to)).toEqual(['a.example:443']);
    expect(await egress.request({ url: 'https://a.example/', trust: 'outside' })).toMatchObject({ reason: 'name' });
    expect(world.tunnelled).toHaveLength(1);
  });

  it('[egress] is not asked for what may not be reached, and not for what is near', async () => {
    const port = await world.serveProxy();
    const egress = world.open({ proxy: `http://127.0.0.1:${port}`, allow: ['10.0.0.0/8'] });
    world.resolve('inside.example', '192.168.0.1');
    world.resolve('near.example', '10.0.0.1');
    const ask = (url: string, trust: 'outside' | 'operator') => egress.request({ url, trust, timeoutMs: 500 });
    expect(await ask('https://inside.example/', 'outside')).toMatchObject({ reason: 'address' });
    await ask('https://near.example/', 'outside');
    await ask('http://127.0.0.1:1/', 'operator');
    expect(world.tunnelled).toEqual([]);
    expect(world.dialled).toEqual(['10.0.0.1 443', '127.0.0.1 1']);
  });

  it.each([
    [403, 'HTTP 403'],
    [407, 'it wants a user and password'],
    [502, 'HTTP 502'],
  ])('that answers %s is told of, with its host and without its password', async (status, words) => {
    const address = await world.serve('a.example', hello);
    const port = await world.serveProxy(status);
    const egress = world.open({ proxy: `http://me:${secret}@127.0.0.1:${port}` });
    const outcome = await egress.request({ url: 'https://a.example/', trust: 'outside' });
    expect(outcome).toMatchObject({ reason: 'connection' });
    expect(textOf(outcome)).toContain(`The proxy 127.0.0.1:${port} opens no connection to ${address}:443 (a.example)`);
    expect(textOf(outcome)).toContain(words);
    expect(textOf(outcome)).not.toContain(secret);
  });

  it('that is not there is told of', async () => {
    await world.serve('a.example', hello);
    const egress = world.open({ proxy: 'http://127.0.0.1:1' });
    const outcome = await egress.request({ url: 'https://a.example/', trust: 'operator' });
    expect(textOf(outcome)).toBe('connection: The proxy 127.0.0.1:1 could not be used: ECONNREFUSED.');
  });

  it('carries the conversations with servers that an operator wrote', async () => {
    await world.serve('a.example', hello);
    const port = await world.serveProxy();
    const egress = world.open({ proxy: `http://127.0.0.1:${port}` });
    const pool = egress.connections('https://a.example', { connections: 1, connectTimeoutMs: 1000 });
    const status = await new Promise<number>((resolve, reject) => {
      pool.dispatch(
        { method: 'GET', path: '/', headers: [] },
        {
          onRequestStart: () => {},
          onResponseStart: (_controller, code) => resolve(code),
          onResponseData: () => {},
          onResponseEnd: () => {},
          onResponseError: (_controller, error) => reject(error),
        },
      );
    });
    await pool.destroy();
    expect([status, world.tunnelled.map(({ to }) => to)]).toEqual([200, ['a.example:443']]);
  });

  it('may be spoken to over TLS, and is checked as all others are', async () => {
    await world.serve('a.example', hello);
    const port = await world.serveProxy(200, true);
    const ask = (proxy: string, ca: string) =>
      world.open({ proxy, ca }).request({ url: 'https://a.example/', trust: 'outside' });
    const { cert } = world.authority;
    expect(textOf(await ask(`https://127.0.0.1:${port}`, cert))).toBe('hello');
    const stranger = await ask(`https://127.0.0.1:${port}`, createAuthority().cert);
    expect(stranger).toMatchObject({ kind: 'fault', reason: 'connection' });
    expect(textOf(stranger)).toContain('The proxy 127.0.0.1:');
    expect(world.tunnelled).toHaveLength(1);
  });

  it('carries WebSockets too', async () => {
    const server = await startRecordingSocket();
    world.resolve('live.example', '93.184.215.99');
    world.lead('93.184.215.99', server.port);
    const port = await world.serveProxy();
    const egress = world.open({ proxy: `http://127.0.0.1:${port}` });
    const { pathname } = new URL(server.url);
    const opened = await new Promise<boolean>((resolve) => {
      const socket = egress.webSocket(
        {
          url: `ws://live.example${pathname}`,
          headers: {},
          protocol: 'mcp',
          messageBytes: 1000,
          connectTimeoutMs: 1000,
        },
        {
          onOpen: () => {
            socket.destroy();
            resolve(true);
          },
          onRefused: () => resolve(false),
          onMessage: () => {},
          onSign: () => {},
          onEnd: () => resolve(false),
        },
      );
    });
    expect([opened, world.tunnelled.map(({ to }) => to)]).toEqual([true, ['live.example:80']]);
    await server.close();
  });

  it('[egress] of the environment is not used', async () => {
    await world.serve('a.example', hello);
    const port = await world.serveProxy();
    const names = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'all_proxy'];
    for (const name of names) vi.stubEnv(name, `http://127.0.0.1:${port}`);
    vi.stubEnv('NODE_USE_ENV_PROXY', '1');
    const outcome = await world.open().request({ url: 'https://a.example/', trust: 'outside' });
    vi.unstubAllEnvs();
    expect(textOf(outcome)).toBe('hello');
    expect(world.tunnelled).toEqual([]);
  });
});

describe('a client that is closed', () => {
  it('leaves no connection open, and ends what still waits', async () => {
    const open = new Set<Socket>();
    const remember: RequestListener = (request, response) => {
      open.add(request.socket);
      request.socket.on('close', () => open.delete(request.socket));
      if (request.url === '/') response.end('hello');
    };
    await world.serve('a.example', remember);
    const egress = world.open();
    const ask = (path: string) => egress.request({ url: `https://a.example${path}`, trust: 'outside' });
    expect(textOf(await ask('/'))).toBe('hello');
    const waiting = ask('/waits');
    await waitFor(() => open.size === 2);
    await egress.close();
    expect(await waiting).toMatchObject({ kind: 'fault', reason: 'cancelled' });
    await waitFor(() => open.size === 0);
    expect(await ask('/')).toMatchObject({ kind: 'fault', reason: 'cancelled' });
  });
});

describe('settings that change', () => {
  it('count for the next request, while one that runs ends on the old ones', async () => {
    let finish: () => void = () => {};
    await world.servePlain('a.example', (request, response) => {
      if (request.url === '/slow') finish = () => void response.end('done');
      else response.end('hello');
    });
    const egress = world.open({ allow: ['93.184.215.0/24'] });
    const ask = (path: string) => egress.request({ url: `http://a.example${path}`, trust: 'outside' });
    const slow = ask('/slow');
    expect(textOf(await ask('/'))).toBe('hello');
    egress.change({});
    expect(await ask('/')).toMatchObject({ reason: 'scheme' });
    finish();
    expect(textOf(await slow)).toBe('done');
    egress.change({ allow: ['93.184.215.0/24'] });
    expect(textOf(await ask('/'))).toBe('hello');
  });

  it('that cannot be meant are a bug of the program', () => {
    expect(() => world.open({ allow: ['everything'] })).toThrow(RangeError);
    expect(() => world.open({ proxy: 'socks5://h' })).toThrow(RangeError);
  });
});
