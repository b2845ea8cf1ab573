// Limits, credentials and records at the HTTP door of a real gateway: what is refused, what is said, what is written.
import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  LegacySession,
  createKey,
  post,
  postModern,
  readAudit,
  runSallyport,
  sendRaw,
  startGateway,
  startRecordingUpstream,
  waitFor,
  type AuditLine,
  type Gateway,
  type HttpAnswer,
  type RecordingUpstream,
} from '@sallyport/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../../scripts/tree.ts';

const ample = '100000/s burst 100000';

let upstream: RecordingUpstream;
beforeAll(async () => {
  upstream = await startRecordingUpstream();
});
afterAll(async () => {
  await upstream?.close();
});

/** A key of the right shape that nobody has made. */
function madeUpKey(mark: string): string {
  return ['sp', mark.padEnd(12, 'x').slice(0, 12), 'A'.repeat(43)].join('_');
}

/** The part of a key that proves who holds it. */
function secretOf(key: string): string {
  return key.split('_').slice(2).join('_');
}

function callTool(gateway: Gateway, key: string | undefined, name = 'rec__echo', args = {}): Promise<HttpAnswer> {
  const params = { name, arguments: args };
  return postModern(gateway.url, { method: 'tools/call', params, ...(key === undefined ? {} : { key }) });
}

/** `_meta["io.sallyport/refusal"]` of a tool result, or `data` of an error. */
function refusalOf({ response }: HttpAnswer): { reason?: string; exchange?: string; retryAfterMs?: number } {
  const meta = response?.result?.['_meta'] as Record<string, object> | undefined;
  return meta?.['io.sallyport/refusal'] ?? (response?.error?.data as object | undefined) ?? {};
}

function textOf({ response }: HttpAnswer): string {
  const content = response?.result?.['content'] as { text?: string }[] | undefined;
  return content?.[0]?.text ?? response?.error?.message ?? '';
}

async function until(probe: () => Promise<boolean>, what: string): Promise<void> {
  // Ten times the second that is promised.
  await waitFor(probe, { ceilingMs: 10_000, everyMs: 50, what });
}

function auditOf({ dir }: Gateway): Promise<AuditLine[]> {
  return readAudit(join(dir, 'state', 'audit'));
}

describe('the limit of an address', () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await startGateway({
      config: {
        callers: { anonymous: 'everyone' },
        roles: { everyone: { tools: ['*'] } },
        limits: { perAddress: '10/s burst 10' },
        upstreams: { rec: { url: upstream.url } },
      },
    });
  });
  afterAll(() => gateway?.stop());

  it('[limits-truthful] lets burst and rate through, and a retry after the promised time succeeds', async () => {
    const started = performance.now();
    const answers = await Promise.all(Array.from({ length: 60 }, () => callTool(gateway, undefined)));
    const elapsed = (performance.now() - started) / 1000;
    const passed = answers.filter(({ status }) => status === 200).length;
    expect(passed).toBeGreaterThanOrEqual(10);
    expect(passed).toBeLessThanOrEqual(10 + Math.ceil(elapsed * 10) + 1);
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(60 - passed);
    for (const answer of refused) {
      expect(answer.headers['retry-after']).toBe('1');
      expect(refusalOf(answer).reason).toBe('address-limited');
      expect(refusalOf(answer).retryAfterMs).toBeLessThanOrEqual(1000);
    }
    let last = await callTool(gateway, undefined);
    await waitFor(async () => last.status === 429 || ((last = await callTool(gateway, undefined)), false), {
      everyMs: 1,
      what: 'a refusal',
    });
    await delay((refusalOf(last).retryAfterMs ?? 0) + 1);
    expect((await callTool(gateway, undefined)).status).toBe(200);
  });

  it('[size-limits] refuses a body that says it is too large before it is sent', async () => {
    await delay(500);
    const head = ['POST /mcp HTTP/1.1', `Host: ${gateway.host}:${gateway.port}`, 'Content-Type: application/json'];
    const raw = [...head, 'Content-Length: 1000000000000', '', '{'].join('\r\n');
    const { responses, isClosedByPeer } = await sendRaw(gateway.host, gateway.port, raw);
    expect(responses.map(({ status }) => status)).toEqual([413]);
    expect(isClosedByPeer).toBe(true);
  });
});

describe('one connection that sends more than it may', () => {
  async function flood(perAddress: string, count: number) {
    const gateway = await startGateway({
      config: { callers: { keys: true }, roles: {}, limits: { perAddress }, upstreams: {} },
    });
    try {
      const request = `GET /x HTTP/1.1\r\nHost: ${gateway.host}:${gateway.port}\r\n\r\n`;
      return await sendRaw(gateway.host, gateway.port, request.repeat(count));
    } finally {
      await gateway.stop();
    }
  }

  it('[connection-pace] has its last answer with the eighth refusal for the limit of its address', async () => {
    const { responses, isClosedByPeer } = await flood('1/m burst 1', 40);
    expect(responses.map(({ status }) => status)).toEqual([404, ...Array.from({ length: 8 }, () => 429)]);
    expect(responses.map(({ headers }) => headers['connection'])).toEqual([
      ...Array.from({ length: 8 }, () => 'keep-alive'),
      'close',
    ]);
    expect(isClosedByPeer).toBe(true);
  });

  it('[connection-pace] has its last answer when it sends too much at once, whatever its address may', async () => {
    const { responses, isClosedByPeer } = await flood(ample, 1000);
    expect(responses.length).toBeGreaterThanOrEqual(64);
    expect(responses.length).toBeLessThanOrEqual(256);
    expect(responses.at(-1)?.headers['connection']).toBe('close');
    expect(isClosedByPeer).toBe(true);
  });
});

describe('bodies on their way', () => {
  let gateway: Gateway;
  let keys: string[] = [];
  const sockets: Socket[] = [];
  beforeAll(async () => {
    gateway = await startGateway({
      config: {
        callers: { keys: true },
        roles: { everyone: { tools: ['*'] } },
        limits: { perAddress: ample, body: '1MiB', concurrentPerCaller: 4 },
        upstreams: { rec: { url: upstream.url } },
      },
    });
    keys = [];
    for (const name of ['one', 'two']) keys.push(await createKey(gateway.dir, { name, role: 'everyone' }));
    for (const key of keys) await until(async () => (await callTool(gateway, key)).status === 200, 'the key to work');
  });
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
  });
  afterAll(() => gateway?.stop());

  /** Sends the head of a call, and the first of its body. */
  function begin(key: string, body: Uint8Array | string): Socket {
    const socket = connect(gateway.port, gateway.host);
    sockets.push(socket);
    // A gateway that ends it is looked for elsewhere.
    socket.on('error', () => undefined);
    const head = ['POST /mcp HTTP/1.1', `Host: ${gateway.host}:${gateway.port}`, `Authorization: Bearer ${key}`];
    head.push('Content-Type: application/json', 'Transfer-Encoding: chunked', '', '');
    socket.write(head.join('\r\n'));
    socket.write(body);
    return socket;
  }

  /** Resident memory of the gateway's process, MiB. */
  async function resident(): Promise<number> {
    const status = await readFile(`/proc/${gateway.process.pid ?? 0}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
  }

  it.runIf(process.platform === 'linux')('[size-limits] cost what they weigh, in pieces of one byte too', async () => {
    const [one = '', two = ''] = keys;
    const before = await resident();
    const socket = begin(one, '1\r\n{\r\n');
    const pieces = Buffer.from('1\r\nx\r\n'.repeat(64 * 1024));
    for (let i = 0; i < 15; i++) await new Promise((resolve) => socket.write(pieces, resolve));
    // Behind what was sent, so that it has been read.
    await until(async () => (await callTool(gateway, two)).status === 200, 'another caller to be answered');
    await delay(500);
    expect((await resident()) - before).toBeLessThan(150);
  });

  it('[size-limits] are bounded for each caller, and ended ones make room', async () => {
    const [one = '', two = ''] = keys;
    for (let i = 0; i < 64; i++) begin(one, '1\r\n{\r\n');
    let refused = await callTool(gateway, one);
    await until(async () => (refused = await callTool(gateway, one)).status === 429, 'the bodies to be counted');
    // When one of them has arrived nobody knows, so no time is promised.
    expect([refusalOf(refused).reason, refused.headers['retry-after']]).toEqual(['too-many-at-once', undefined]);
    expect(refusalOf(await callTool(gateway, two))).toEqual({});
    for (const socket of sockets.splice(0)) socket.destroy();
    await until(async () => (await callTool(gateway, one)).status === 200, 'the places to be free');
  });

  it('[size-limits] are bounded in bytes for each caller', async () => {
    const [one = '', two = ''] = keys;
    const most = `${(0xffff0).toString(16)}\r\n${'x'.repeat(0xffff0)}\r\n`;
    for (let i = 0; i < 16; i++) begin(one, most);
    const body = `${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' })}${' '.repeat(1000)}`;
    const send = (key: string) => post(gateway.url, body, { headers: { authorization: `Bearer ${key}` } });
    let refused = await send(one);
    await until(async () => (refused = await send(one)).status === 429, 'the bodies to be counted');
    expect(refusalOf(refused).reason).toBe('too-many-at-once');
    expect((await send(two)).status).toBe(200);
  });
});

describe('the head of a request', () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await startGateway({
      config: {
        callers: { keys: true },
        roles: { everyone: { tools: ['*'] } },
        origins: ['https://app.example'],
        limits: { perAddress: ample, body: '64KiB' },
        upstreams: { rec: { url: upstream.url } },
      },
    });
  });
  afterAll(() => gateway?.stop());

  async function statusOf(lines: readonly string[], body: Uint8Array | string = ''): Promise<number | undefined> {
    const head = `${['POST /mcp HTTP/1.1', 'Content-Type: application/json', ...lines].join('\r\n')}\r\n\r\n`;
    const bytes = Buffer.concat([Buffer.from(head, 'latin1'), Buffer.from(body)]);
    const { responses } = await sendRaw(gateway.host, gateway.port, bytes, { quietMs: 1000 });
    return responses[0]?.status;
  }

  it('[host-origin] is refused for a foreign Host or Origin, before a credential or a body is looked at', async () => {
    const own = `Host: ${gateway.host}:${gateway.port}`;
    // The body is announced and never sent, and there is no credential: what is judged is the head alone.
    const more = ['Content-Length: 10'];
    for (const host of ['evil.example', `evil.example:${gateway.port}`, `${gateway.host}.evil.example`, '127.0.0.2']) {
      expect([host, await statusOf([`Host: ${host}`, ...more])]).toEqual([host, 403]);
    }
    for (const origin of ['https://evil.example', 'null', 'https://app.example.evil.example', 'http://app.example']) {
      expect([origin, await statusOf([own, `Origin: ${origin}`, ...more])]).toEqual([origin, 403]);
    }
    for (const origin of [[], ['Origin: https://app.example']])
      expect(await statusOf([own, ...origin, ...more])).toBe(401);
  });

  it('[size-limits] ends a body without a declared size as soon as it is over the limit', async () => {
    const own = `Host: ${gateway.host}:${gateway.port}`;
    const key = await createKey(gateway.dir, { name: 'large', role: 'everyone' });
    await until(async () => (await callTool(gateway, key)).status === 200, 'the key to work');
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    const lines = [own, `Authorization: Bearer ${key}`, 'Transfer-Encoding: chunked'];
    expect(await statusOf(lines, chunk.repeat(3))).toBe(413);
    const just = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' }).padEnd(64 * 1024, ' ');
    const answer = await post(gateway.url, just, { headers: { authorization: `Bearer ${key}` } });
    expect(answer.status).toBe(200);
    expect((await post(gateway.url, `${just} `, { headers: { authorization: `Bearer ${key}` } })).status).toBe(413);
  });
});

describe('failed logins', () => {
  let gateway: Gateway;
  let key: string;
  beforeAll(async () => {
    gateway = await startGateway({
      config: {
        callers: { keys: true },
        roles: { everyone: { tools: ['*'] } },
        limits: { perAddress: ample, failedLogins: '2/s burst 5' },
        upstreams: { rec: { url: upstream.url } },
      },
    });
    key = await createKey(gateway.dir, { name: 'valid', role: 'everyone' });
    await until(async () => (await callTool(gateway, key)).status === 200, 'the key to work');
  }, 60_000);
  afterAll(() => gateway?.stop());

  it('[valid-never-blocked] stop the credential that fails and nobody else from the same address', async () => {
    const wrong = madeUpKey('wrong');
    const statuses: number[] = [];
    for (let i = 0; i < 30; i++) {
      statuses.push((await callTool(gateway, wrong)).status);
      expect((await callTool(gateway, key)).status).toBe(200);
    }
    expect(statuses.slice(0, 5)).toEqual([401, 401, 401, 401, 401]);
    expect(statuses).toContain(429);
    // Another credential that fails has attempts of its own.
    expect((await callTool(gateway, madeUpKey('other'))).status).toBe(401);
  });

  it('[limits-truthful] say when the next attempt is looked at, and it is', async () => {
    const wrong = madeUpKey('again');
    let refused = await callTool(gateway, wrong);
    await waitFor(async () => (refused = await callTool(gateway, wrong)).status === 429, { everyMs: 1 });
    expect(refused.headers['retry-after']).toBe('1');
    expect(refusalOf(refused)).toMatchObject({ reason: 'login-limited' });
    await delay((refusalOf(refused).retryAfterMs ?? 0) + 1);
    expect((await callTool(gateway, wrong)).status).toBe(401);
  });

  it('[valid-never-blocked] in thousands leave a valid key alone', async () => {
    // In rounds: more connections than this that have not spoken yet, from one address, make room for each other.
    for (let round = 0; round < 4; round++) {
      const flood = Array.from({ length: 500 }, (_, index) => callTool(gateway, madeUpKey(`flood${round}x${index}`)));
      const valid = Array.from({ length: 25 }, () => callTool(gateway, key));
      expect((await Promise.all(valid)).filter(({ status }) => status !== 200)).toEqual([]);
      for (const { status } of await Promise.all(flood)) expect([401, 429]).toContain(status);
    }
  });

  it('[api-keys] are any text that is not a key, and all get the same answer', async () => {
    const parts = key.split('_');
    const wrong = [
      '',
      ' ',
      key.slice(0, -1),
      `${key}A`,
      key.toUpperCase(),
      `${key},${key}`,
      `"${key}"`,
      [parts[0], parts[1], 'A'.repeat(43)].join('_'),
      [parts[0], 'x'.repeat(12), parts.slice(2).join('_')].join('_'),
      `sp_${parts[1]}`,
      "' OR 1=1 --",
      '%',
      'undefined',
    ];
    const seen = new Set<string>();
    for (const token of wrong) {
      const answer = await callTool(gateway, token);
      const exchange = answer.headers['sallyport-exchange'] ?? '';
      expect([token, answer.status]).toEqual([token, 401]);
      expect(answer.headers['www-authenticate']).toBe('Bearer realm="sallyport", error="invalid_token"');
      seen.add(answer.text.replaceAll(exchange, ''));
    }
    expect(seen.size).toBe(1);
    for (const scheme of ['Basic', 'Digest', 'bearer2', 'Token']) {
      const headers = { authorization: `${scheme} ${key}` };
      expect((await postModern(gateway.url, { method: 'tools/list', headers })).status).toBe(401);
    }
    const none = await callTool(gateway, undefined);
    expect([none.status, none.headers['www-authenticate']]).toEqual([401, 'Bearer realm="sallyport"']);
  });

  it('[api-keys] take no credential from a query, and no two at once', async () => {
    const before = upstream.of('tools/call').length;
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' });
    expect((await post(`${gateway.url}?access_token=${key}`, body)).status).toBe(400);
    expect((await post(gateway.url, body, { headers: { 'x-api-key': key, cookie: `key=${key}` } })).status).toBe(401);
    const lines = (second: string) =>
      [
        'POST /mcp HTTP/1.1',
        `Host: ${gateway.host}:${gateway.port}`,
        'Content-Type: application/json',
        `Authorization: Bearer ${key}`,
        `authorization: Bearer ${second}`,
        `Content-Length: ${body.length}`,
        '',
        body,
      ].join('\r\n');
    for (const second of [key, madeUpKey('second'), '']) {
      const { responses } = await sendRaw(gateway.host, gateway.port, lines(second));
      expect(responses.map(({ status }) => status)).toEqual([400]);
    }
    expect(upstream.of('tools/call')).toHaveLength(before);
  });

  it('[no-passthrough] leave nothing of the key in what goes upstream', async () => {
    upstream.clear();
    await callTool(gateway, key);
    const session = await LegacySession.open(gateway.url, { key });
    await session.request('tools/call', { name: 'rec__echo', arguments: {} });
    expect(upstream.of('tools/call')).toHaveLength(2);
    for (const { rawHeaders, body } of upstream.requests) {
      expect(JSON.stringify(rawHeaders)).not.toContain(secretOf(key));
      expect(body.toString()).not.toContain(secretOf(key));
    }
  });

  it('[api-keys] leave nothing on disk that a key could be read from', async () => {
    await callTool(gateway, key);
    const folder = join(gateway.dir, 'state');
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    expect(files.length).toBeGreaterThan(2);
    for (const file of files) {
      const bytes = await readFile(file);
      for (const form of [secretOf(key), Buffer.from(key).toString('base64').slice(2, 60)]) {
        expect([file, bytes.includes(form)]).toEqual([file, false]);
      }
    }
    expect(gateway.stdout() + gateway.stderr()).not.toContain(secretOf(key));
  });

  it('[api-keys] a key works as soon as it is made, and not any more once it is revoked or its holder blocked', async () => {
    const short = await createKey(gateway.dir, { name: 'short', role: 'everyone' });
    await until(async () => (await callTool(gateway, short)).status === 200, 'a new key to work');
    const session = await LegacySession.open(gateway.url, { key: short });
    const config = ['-c', gateway.configPath];
    await runSallyport(['block', 'key:short', ...config], gateway.dir);
    await until(async () => refusalOf(await callTool(gateway, short)).reason === 'caller-blocked', 'the block to act');
    const inSession = await session.request('tools/call', { name: 'rec__echo', arguments: {} });
    expect(['caller-blocked', 'unknown-session']).toContain(refusalOf(inSession).reason);
    expect((await callTool(gateway, key)).status).toBe(200);
    await runSallyport(['unblock', 'key:short', ...config], gateway.dir);
    await until(async () => refusalOf(await callTool(gateway, short)).reason === undefined, 'the block to end');

    await runSallyport(['keys', 'revoke', 'short', ...config], gateway.dir);
    await until(async () => (await callTool(gateway, short)).status === 401, 'the revoked key to stop working');
    expect((await session.request('ping')).status).toBe(401);
    expect((await callTool(gateway, key)).status).toBe(200);
  }, 60_000);
});

describe.each(['result', 'status'] as const)('limits of grants with refusals: %s', (refusals) => {
  let gateway: Gateway;
  let keys: string[];
  const release: (() => void)[] = [];
  beforeAll(async () => {
    upstream.change({
      script: async ({ params, name }) => {
        const args = params['arguments'] as { readonly wait?: boolean } | undefined;
        if (name === 'safe' && args?.wait === true) await new Promise<void>((resolve) => release.push(resolve));
        return undefined;
      },
    });
    gateway = await startGateway({
      config: {
        callers: { keys: true },
        refusals,
        roles: {
          everyone: {
            tools: [{ tool: 'rec.echo', limit: '3/m' }, { tool: 'rec.t', limit: '5/s' }, 'rec.safe'],
            prompts: [{ prompt: 'rec.greet', limit: '2/m' }],
          },
        },
        limits: { perAddress: ample, concurrentPerCaller: 4 },
        upstreams: { rec: { url: upstream.url } },
      },
    });
    keys = [];
    for (const name of ['one', 'two']) keys.push(await createKey(gateway.dir, { name, role: 'everyone' }));
    for (const key of keys) {
      await until(async () => (await callTool(gateway, key, 'rec__safe')).status === 200, 'the keys to work');
    }
  }, 60_000);
  afterAll(async () => {
    upstream.change({ script: () => undefined });
    await gateway?.stop();
  });

  const statusOf429 = refusals === 'status' ? 429 : 200;

  it('[limits-truthful] refuse the call with a text for a model and the time for a program', async () => {
    const [one = '', two = ''] = keys;
    for (let i = 0; i < 3; i++) expect(refusalOf(await callTool(gateway, one))).toEqual({});
    const refused = await callTool(gateway, one);
    const { reason, exchange = '', retryAfterMs = 0 } = refusalOf(refused);
    expect(refused.status).toBe(statusOf429);
    expect(refused.response?.result?.['isError']).toBe(true);
    expect(reason).toBe('limited');
    expect(exchange).toBe(refused.headers['sallyport-exchange']);
    expect(retryAfterMs).toBeGreaterThan(0);
    expect(retryAfterMs).toBeLessThanOrEqual(20_000);
    const seconds = Math.ceil(retryAfterMs / 1000);
    expect(textOf(refused)).toBe(
      `Sallyport refused rec.echo: limit of 3 calls a minute used. Retry after ${seconds} s. (${exchange})`,
    );
    // A grant has one bucket for each caller.
    expect(refusalOf(await callTool(gateway, two))).toEqual({});
    // A session has no bucket of its own.
    const session = await LegacySession.open(gateway.url, { key: one });
    const again = await session.request('tools/call', { name: 'rec__echo', arguments: {} });
    expect(refusalOf(again).reason).toBe('limited');
  });

  it('[limits-truthful] let a call pass after the time that was promised', async () => {
    const [one = ''] = keys;
    let refused = {} as ReturnType<typeof refusalOf>;
    await waitFor(async () => (refused = refusalOf(await callTool(gateway, one, 'rec__t'))).reason === 'limited', {
      everyMs: 1,
    });
    await delay((refused.retryAfterMs ?? 0) + 1);
    expect(refusalOf(await callTool(gateway, one, 'rec__t'))).toEqual({});
  });

  it('[limits-truthful] answer other methods with an error of code 429', async () => {
    const [one = ''] = keys;
    const get = () => postModern(gateway.url, { method: 'prompts/get', params: { name: 'rec__greet' }, key: one });
    for (let i = 0; i < 2; i++) expect((await get()).response?.result).toBeDefined();
    const refused = await get();
    expect([refused.status, refused.response?.error?.code]).toEqual([statusOf429, 429]);
    expect(refusalOf(refused)).toMatchObject({ reason: 'limited', retryAfterMs: expect.any(Number) });
    expect(textOf(refused)).toContain('limit of 2 calls a minute used');
  });

  it('bound how many calls of one caller run at once', async () => {
    const [one = '', two = ''] = keys;
    release.splice(0);
    const held = Array.from({ length: 4 }, () => callTool(gateway, one, 'rec__safe', { wait: true }));
    await waitFor(() => release.length === 4, { what: 'four calls to reach the server' });
    const refused = await callTool(gateway, one, 'rec__safe');
    expect([refused.status, refusalOf(refused).reason]).toEqual([statusOf429, 'too-many-at-once']);
    expect(textOf(refused)).toContain('more than 4 calls at once');
    expect(refusalOf(await callTool(gateway, two, 'rec__safe'))).toEqual({});
    for (const go of release.splice(0)) go();
    for (const answer of await Promise.all(held)) expect(refusalOf(answer)).toEqual({});
    expect(refusalOf(await callTool(gateway, one, 'rec__safe'))).toEqual({});
  });

  it('give the place back when the caller hangs up', async () => {
    const [one = ''] = keys;
    release.splice(0);
    for (let i = 0; i < 8; i++) {
      const stop = new AbortController();
      const params = { name: 'rec__safe', arguments: { wait: true } };
      const left = postModern(gateway.url, { method: 'tools/call', params, key: one, signal: stop.signal });
      await waitFor(() => release.length === i + 1, { what: 'the call to reach the server' });
      stop.abort();
      await expect(left).rejects.toThrow();
    }
    await until(async () => refusalOf(await callTool(gateway, one, 'rec__safe')).reason === undefined, 'a place');
    for (const go of release.splice(0)) go();
  });
});

describe('a tool whose input schema cannot be compiled within bounds', () => {
  it('[schema-bounded] is held back from callers and named to the operator, and its neighbours work', async () => {
    const property = (schema: object) => ({ type: 'object', properties: { x: schema } });
    const odd = {
      remote: property({ $ref: 'http://127.0.0.1:9/schema.json' }),
      file: property({ $ref: 'file:///etc/passwd' }),
      missing: property({ $ref: '#/$defs/none' }),
      lookaround: property({ type: 'string', pattern: '^(?=a)(?<!b)c$' }),
      backreference: property({ type: 'string', pattern: '^(a+)\\1$' }),
      repeated: property({ type: 'string', pattern: '^((x{1000}){1000}){1000}$' }),
    };
    const names = Object.keys(odd);
    const server = await startRecordingUpstream({
      tools: [{ name: 'echo' }, ...Object.entries(odd).map(([name, inputSchema]) => ({ name, inputSchema }))],
    });
    const gateway = await startGateway({
      config: {
        callers: { anonymous: 'everyone' },
        roles: { everyone: { tools: ['*'] } },
        limits: { perAddress: ample },
        upstreams: { rec: { url: server.url } },
      },
    });
    try {
      const list = await postModern(gateway.url, { method: 'tools/list' });
      const listed = list.response?.result?.['tools'] as { readonly name: string }[];
      expect(listed.map(({ name }) => name)).toEqual(['rec__echo']);
      for (const name of names) {
        expect((await callTool(gateway, undefined, `rec__${name}`, { x: 'aa' })).response?.error?.code).toBe(-32602);
      }
      expect((await callTool(gateway, undefined)).response?.result?.['isError']).toBeUndefined();
      expect(server.of('tools/call')).toHaveLength(1);
      const options = { isFailureFine: true };
      const status = await runSallyport(['status', '--json', '-c', gateway.configPath], gateway.dir, options);
      for (const name of names) expect(status.stdout).toContain(`"${name}"`);
    } finally {
      await gateway.stop();
      await server.close();
    }
  }, 60_000);
});

describe('a configuration that changes under a running gateway', () => {
  it('[config-reload] is in force within a second, and a bad one leaves the old one in force and says so', async () => {
    const base = { version: 1, callers: { anonymous: 'everyone' }, upstreams: { rec: { url: upstream.url } } };
    const gateway = await startGateway({
      config: { ...base, limits: { perAddress: ample }, roles: { everyone: { tools: ['rec.echo'] } } },
    });
    try {
      const text = await readFile(gateway.configPath, 'utf8');
      const isAllowed = async (name: string) =>
        (await callTool(gateway, undefined, name)).response?.error?.code !== -32602;
      const allowed = async () => [await isAllowed('rec__echo'), await isAllowed('rec__safe')];
      expect(await allowed()).toEqual([true, false]);
      await writeFile(gateway.configPath, text.replace('rec.echo', 'rec.safe'));
      await until(async () => (await allowed()).join() === 'false,true', 'the new rules');
      for (const bad of ['version: 1\nroles: { everyone: { tool: [x] } }\n', '{', '']) {
        const said = gateway.stderr().length + gateway.stdout().length;
        await writeFile(gateway.configPath, bad);
        await until(async () => gateway.stderr().length + gateway.stdout().length > said, 'a word about the bad file');
        expect(await allowed()).toEqual([false, true]);
      }
      await writeFile(gateway.configPath, text);
      await until(async () => (await allowed()).join() === 'true,false', 'the old rules again');
    } finally {
      await gateway.stop();
    }
  }, 60_000);
});

describe('what is written and what is told', () => {
  let gateway: Gateway;
  let key: string;
  const secret = ['correct', 'horse', 'battery'].join('-');

  beforeAll(async () => {
    upstream.change({
      tools: [
        { name: 'echo' },
        { name: 'strict', inputSchema: { type: 'object', properties: { n: { type: 'integer' } } } },
        { name: 'fail' },
        { name: 'html' },
        { name: 'stack' },
        { name: 'refuse' },
      ],
      script: ({ name, method, params }) => {
        if (method !== 'tools/call') return undefined;
        const args = JSON.stringify(params['arguments']);
        if (name === 'refuse') return { kind: 'error', error: { code: -32000, message: `cannot take ${args}` } };
        const stack = `Error: ${secret} ${args}\n    at run (/srv/private/server.js:1:2)`;
        if (name === 'fail') return { kind: 'raw', status: 500, body: stack };
        if (name === 'html')
          return { kind: 'raw', body: `<html>${stack}</html>`, headers: { 'content-type': 'text/html' } };
        if (name === 'stack') return { kind: 'raw', body: `{"jsonrpc":"2.0","id":1,"oops":"${secret}"` };
        return undefined;
      },
    });
    gateway = await startGateway({
      config: {
        callers: { keys: true },
        roles: { everyone: { tools: ['*', '!rec.t'], prompts: ['*'], resources: ['*'] } },
        limits: { perAddress: ample },
        audit: { arguments: { 'rec.strict': ['n'] } },
        upstreams: { rec: { url: upstream.url }, gone: { url: 'http://127.0.0.1:9/mcp' } },
      },
    });
    key = await createKey(gateway.dir, { name: 'writer', role: 'everyone' });
    await until(async () => (await callTool(gateway, key)).status === 200, 'the key to work');
  }, 60_000);
  afterAll(async () => {
    upstream.change({ script: () => undefined });
    await gateway?.stop();
  });

  it('[one-record] every request has one outcome or refusal, and a call that happened an intent before it', async () => {
    const answers: [what: string, kinds: string, answer: HttpAnswer][] = [];
    const note = async (what: string, kinds: string, answer: Promise<HttpAnswer>) =>
      void answers.push([what, kinds, await answer]);
    const modern = (method: string, params = {}) => postModern(gateway.url, { method, params, key });
    await note('a call', 'intent outcome', callTool(gateway, key));
    await note('a call with kept arguments', 'intent outcome', callTool(gateway, key, 'rec__strict', { n: 1 }));
    await note('a call that fails', 'intent refusal', callTool(gateway, key, 'rec__fail'));
    await note('wrong arguments', 'refusal', callTool(gateway, key, 'rec__strict', { n: 'x' }));
    await note('an unknown tool', 'refusal', callTool(gateway, key, 'rec__nosuch'));
    await note('a list', 'outcome', modern('tools/list'));
    await note('discovery', 'outcome', modern('server/discover'));
    await note('a read', 'intent outcome', modern('resources/read', { uri: 'mcp+rec:test://one' }));
    await note('a prompt', 'intent outcome', modern('prompts/get', { name: 'rec__greet' }));
    await note('an unknown method', 'refusal', modern('no/such'));
    await note('no credential', 'refusal', callTool(gateway, undefined));
    await note('a wrong credential', 'refusal', callTool(gateway, madeUpKey('nobody')));
    await note('no JSON', 'refusal', post(gateway.url, '{', { headers: { authorization: `Bearer ${key}` } }));
    await note('no path', 'refusal', post(`${gateway.url}/a/b`, '{}'));
    const session = await LegacySession.open(gateway.url, { key });
    await note('initialize', 'outcome', Promise.resolve(session.initialized));
    await note(
      'a call in a session',
      'intent outcome',
      session.request('tools/call', { name: 'rec__echo', arguments: {} }),
    );
    await note('a ping', 'outcome', session.request('ping'));

    const last = answers.at(-1)?.[2].headers['sallyport-exchange'];
    await until(async () => (await auditOf(gateway)).some(({ exchange }) => exchange === last), 'the last record');
    const records = await auditOf(gateway);
    for (const [what, kinds, answer] of answers) {
      const exchange = answer.headers['sallyport-exchange'];
      expect(exchange, what).toMatch(/^\w+$/);
      const own = records.filter((record) => record.exchange === exchange);
      expect([what, own.map(({ kind }) => kind).join(' ')]).toEqual([what, kinds]);
    }
  });

  it('[one-record] many calls at once leave one intent and one outcome each', async () => {
    const answers = await Promise.all(Array.from({ length: 30 }, () => callTool(gateway, key)));
    const ids = new Set(answers.map(({ headers }) => headers['sallyport-exchange']));
    expect(ids.size).toBe(30);
    const own = async () => (await auditOf(gateway)).filter(({ exchange }) => ids.has(exchange));
    await until(async () => (await own()).length === 60, 'all records');
    const kinds = Map.groupBy(await own(), ({ exchange }) => exchange);
    for (const records of kinds.values()) expect(records.map(({ kind }) => kind)).toEqual(['intent', 'outcome']);
  });

  it('[audit-values] holds digest and size of arguments, and the values that are listed alone', async () => {
    const plain = await callTool(gateway, key, 'rec__echo', { password: secret, nested: { deep: [secret] } });
    const listed = await callTool(gateway, key, 'rec__strict', { n: 4711, password: secret });
    const wrong = await callTool(gateway, key, 'rec__strict', { n: secret });
    const exchangeOf = ({ headers }: HttpAnswer) => headers['sallyport-exchange'];
    await until(
      async () => (await auditOf(gateway)).some(({ exchange }) => exchange === exchangeOf(wrong)),
      'the last record',
    );
    const records = await auditOf(gateway);
    for (const answer of [plain, listed, wrong]) {
      const own = records.filter(({ exchange }) => exchange === exchangeOf(answer));
      expect(JSON.stringify(own)).not.toContain(secret);
    }
    const argsOf = (answer: HttpAnswer) =>
      records.find(({ exchange, kind }) => exchange === exchangeOf(answer) && kind === 'intent')?.args;
    const given = { password: secret, nested: { deep: [secret] } };
    expect(argsOf(plain)).toEqual({
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      bytes: JSON.stringify(given).length,
    });
    expect(argsOf(listed)).toMatchObject({ values: { n: 4711 } });
    // The digest is keyed: who knows the arguments cannot compute it.
    expect(argsOf(plain)?.digest).not.toBe(createHash('sha256').update(JSON.stringify(given)).digest('hex'));
  });

  it('[audit-values] holds no argument that a server repeats in its error', async () => {
    const said = ['repeated', 'by', 'server'].join('-');
    for (const name of ['rec__fail', 'rec__html', 'rec__refuse']) {
      const answer = await callTool(gateway, key, name, { password: said });
      const exchange = answer.headers['sallyport-exchange'];
      const own = async () => (await auditOf(gateway)).filter((record) => record.exchange === exchange);
      await until(async () => (await own()).length === 2, 'both records');
      expect(JSON.stringify(await own())).not.toContain(said);
    }
  });

  it('[errors-leak-nothing] says nothing of servers, files, stacks and rules', async () => {
    const headers = { authorization: `Bearer ${key}` };
    const answers = [
      ...(await Promise.all(
        ['rec__fail', 'rec__html', 'rec__stack', 'rec__nosuch', 'gone__echo'].map((name) =>
          callTool(gateway, key, name),
        ),
      )),
      await callTool(gateway, key, 'rec__strict', { n: secret }),
      await callTool(gateway, madeUpKey('leak')),
      await callTool(gateway, undefined),
      await postModern(gateway.url, { method: 'no/such', key }),
      await postModern(gateway.url, { method: 'tools/list', params: { cursor: 'made up' }, key }),
      await post(gateway.url, '{"jsonrpc":"2.0","id":1,"method":"ping",', { headers }),
      await post(gateway.url, '[]', { headers }),
      await post(gateway.url, 'x', { headers: { 'content-type': 'text/plain' } }),
      await post(`${gateway.url}/nosuch`, '{}', { headers }),
      await post(gateway.url, '{}', { headers: { ...headers, 'mcp-session-id': 'made up' } }),
      await post(gateway.url, '{}', { headers: { ...headers, origin: 'https://evil.example' } }),
      await post(gateway.url, '{}', { headers: { ...headers, host: 'evil.example' } }),
    ];
    const forbidden = [
      secret,
      gateway.dir,
      'sallyport.yaml',
      '/srv/',
      root,
      'node_modules',
      'node:internal',
      '.ts:',
      '.js:',
      '    at ',
      'ECONNREFUSED',
      '127.0.0.1',
      String(upstream.port),
      'everyone',
      secretOf(key),
    ];
    for (const answer of answers) {
      expect(answer.text).not.toBe('');
      const isRefused = answer.response?.error !== undefined || answer.response?.result?.['isError'] === true;
      expect([answer.text, isRefused]).toEqual([answer.text, true]);
      const shown = JSON.stringify([answer.headers, answer.text]);
      for (const word of forbidden) expect(shown).not.toContain(word);
      expect(answer.headers['x-content-type-options']).toBe('nosniff');
      expect(answer.headers['sallyport-exchange']).toMatch(/^\w+$/);
      expect([answer.headers['server'], answer.headers['x-powered-by']]).toEqual([undefined, undefined]);
    }
  });
});
