// `block` at a running gateway: callers, tools and servers, also by patterns; what runs already ends, and time lifts it.
import {
  LegacySession,
  createKey,
  postModern,
  runSallyport,
  startGateway,
  startRecordingUpstream,
  waitFor,
  type Gateway,
  type HttpAnswer,
  type RecordingUpstream,
} from '@sallyport/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let upstream: RecordingUpstream;
let gateway: Gateway;
let key: string;
let other: string;
const release: (() => void)[] = [];

beforeAll(async () => {
  upstream = await startRecordingUpstream({
    script: async ({ params }) => {
      const args = params['arguments'] as { readonly wait?: boolean } | undefined;
      if (args?.wait === true) await new Promise<void>((resolve) => release.push(resolve));
      return undefined;
    },
  });
  gateway = await startGateway({
    config: {
      callers: { keys: true },
      roles: { everyone: { tools: ['*'] } },
      limits: { perAddress: '100000/s burst 100000' },
      upstreams: { rec: { url: upstream.url }, spare: { url: upstream.url } },
    },
  });
  key = await createKey(gateway.dir, { name: 'ci-1', role: 'everyone' });
  other = await createKey(gateway.dir, { name: 'other', role: 'everyone' });
}, 60_000);
afterAll(async () => {
  for (const go of release.splice(0)) go();
  await gateway?.stop();
  await upstream?.close();
});

function run(...words: string[]) {
  return runSallyport([...words, '-c', gateway.configPath], gateway.dir, { isFailureFine: true });
}

function call(token: string, name = 'rec__echo', args: object = {}): Promise<HttpAnswer> {
  return postModern(gateway.url, { method: 'tools/call', params: { name, arguments: args }, key: token });
}

function reasonOf({ response }: HttpAnswer): string | undefined {
  const meta = response?.result?.['_meta'] as Record<string, { reason?: string }> | undefined;
  return meta?.['io.sallyport/refusal']?.reason ?? (response?.error?.data as { reason?: string } | undefined)?.reason;
}

/** Ten times the second that is promised. */
const within = { ceilingMs: 10_000, everyMs: 20 };

const blocks = [
  { what: 'a caller', words: 'key:ci-1', reason: 'caller-blocked', spares: () => call(other) },
  { what: 'callers by a pattern', words: 'key:ci-*', reason: 'caller-blocked', spares: () => call(other) },
  { what: 'a tool', words: 'rec.echo', reason: 'blocked', spares: () => call(key, 'rec__safe') },
  { what: 'tools by a pattern', words: 'rec.e*', reason: 'blocked', spares: () => call(key, 'rec__safe') },
  { what: 'a server', words: 'rec', reason: 'blocked', spares: () => call(key, 'spare__echo') },
];

describe('a block of', () => {
  it.each(blocks)(
    '$what stops what comes, and what runs already, and nothing else',
    async ({ words, reason, spares }) => {
      expect(reasonOf(await call(key))).toBeUndefined();
      release.splice(0);
      const running = call(key, 'rec__echo', { wait: true });
      await waitFor(() => release.length === 1, { what: 'the call to reach the server' });
      expect((await run('block', words)).code).toBe(0);
      const blockedAt = Date.now();
      // Nobody lets the server answer.
      expect(reasonOf(await running)).toBe(reason);
      expect(Date.now() - blockedAt).toBeLessThan(within.ceilingMs);
      expect(reasonOf(await call(key))).toBe(reason);
      expect(reasonOf(await spares())).toBeUndefined();
      expect((await run('status')).stdout).toContain(`${words} until unblocked`);
      expect((await run('unblock', words)).code).toBe(0);
      await waitFor(async () => reasonOf(await call(key)) === undefined, within);
      for (const go of release.splice(0)) go();
    },
    60_000,
  );

  it('a caller ends its sessions with their streams', async () => {
    const session = await LegacySession.open(gateway.url, { key });
    expect((await session.request('ping')).status).toBe(200);
    await run('block', 'key:ci-1');
    await waitFor(async () => reasonOf(await call(key)) === 'caller-blocked', within);
    await run('unblock', 'key:ci-1');
    await waitFor(async () => reasonOf(await call(key)) === undefined, within);
    // The session that it had is over, and stays so.
    expect((await session.request('ping')).status).toBe(404);
  });

  it('anything with a time ends by itself, in a gateway that goes on running', async () => {
    expect((await run('block', 'rec.echo', '--for', '3s')).code).toBe(0);
    expect(reasonOf(await call(key))).toBe('blocked');
    await waitFor(async () => reasonOf(await call(key)) === undefined, within);
    expect((await run('status')).stdout).not.toContain('rec.echo');
  });
});

describe('a revoked key', () => {
  it('stops the calls that run with it', async () => {
    const token = await createKey(gateway.dir, { name: 'leaving', role: 'everyone' });
    release.splice(0);
    const running = call(token, 'rec__echo', { wait: true });
    await waitFor(() => release.length === 1, { what: 'the call to reach the server' });
    expect((await run('keys', 'revoke', 'leaving')).code).toBe(0);
    expect(reasonOf(await running)).toBe('cancelled');
    expect((await call(token)).status).toBe(401);
    for (const go of release.splice(0)) go();
  });
});
