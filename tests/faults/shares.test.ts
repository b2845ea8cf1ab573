/** Who speaks with which process or session of a server, in every kind of sharing, and when that ends. */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import {
  createKey,
  LegacySession,
  postModern,
  runSallyport,
  startGateway,
  startRecordingUpstream,
  waitFor,
  type Gateway,
} from '@sallyport/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const FIXTURE = fileURLToPath(new URL('../fixtures/upstreams/greedy-server.ts', import.meta.url));
const command = [process.execPath, FIXTURE];
const SHARES = ['all', 'caller', 'session'] as const;
type Share = (typeof SHARES)[number];
const elicitation = { form: {} };

const isAlive = (pid: number): boolean => {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

const textOf = ({ text }: { readonly text: string }): string => {
  const found = /"text":"((?:[^"\\]|\\.)*)"/.exec(text)?.[1];
  if (found === undefined || text.includes('"isError":true')) throw new Error(text);
  return JSON.parse(`"${found}"`) as string;
};

const ask = async (session: LegacySession, server: string, name: string, args: object = {}): Promise<string> =>
  textOf(await session.request('tools/call', { name: `${server}__${name}`, arguments: args }));

let gateway: Gateway;
let remote: Awaited<ReturnType<typeof startRecordingUpstream>>;
let keys: Record<'ada' | 'bob', string>;
const open = (who: 'ada' | 'bob', capabilities: Record<string, unknown> = {}): Promise<LegacySession> =>
  LegacySession.open(gateway.url, { key: keys[who], capabilities });

const config = (local: Record<string, object>) => ({
  callers: { keys: true },
  roles: { everyone: { tools: ['*'] } },
  limits: { perAddress: '100000/s burst 100000' },
  upstreams: local,
});

const servers = (): Record<string, object> => ({
  ...Object.fromEntries(
    SHARES.map((share) => [share, { command, share, ...(share === 'all' ? {} : { ask: ['elicitation'] }) }]),
  ),
  ...Object.fromEntries(SHARES.map((share) => [`http-${share}`, { url: remote.url, share }])),
  deaf: { command: [...command, '--delay=1000'], timeout: '300ms', maxTime: '300ms' },
});

beforeAll(async () => {
  remote = await startRecordingUpstream({ era: 'legacy' });
  gateway = await startGateway({ config: config(servers()) });
  keys = {
    ada: await createKey(gateway.dir, { name: 'ada', role: 'everyone' }),
    bob: await createKey(gateway.dir, { name: 'bob', role: 'everyone' }),
  };
});
afterAll(async () => {
  await gateway.stop();
  await remote.close();
});

interface ShownServer {
  readonly name: string;
  readonly state: string;
  readonly share: Share;
  readonly links: number;
  readonly breaker: string;
  readonly nextTry?: number;
  readonly pid: number;
  readonly lastError?: string;
  readonly stderr: readonly string[];
  readonly counters: Readonly<Record<string, number>>;
}

const statusOf = async (name: string): Promise<ShownServer> => {
  const { stdout } = await runSallyport(['status', '--json', '-c', gateway.configPath], gateway.dir, {
    isFailureFine: true,
  });
  const found = (JSON.parse(stdout) as { servers: ShownServer[] }).servers.find((server) => server.name === name);
  if (found === undefined) throw new Error(`no server ${name}`);
  return found;
};

describe('a process of a local server', () => {
  it('[child-shares] is one for all, one for each caller, or one for each session, as its entry says', async () => {
    const sessions = [await open('ada'), await open('ada'), await open('bob')];
    const pids = async (share: Share): Promise<string[]> =>
      Promise.all(sessions.map((session) => ask(session, share, 'pid')));
    const [all, caller, session] = [await pids('all'), await pids('caller'), await pids('session')];
    expect(new Set(all).size).toBe(1);
    expect([caller[0] === caller[1], caller[0] === caller[2]]).toEqual([true, false]);
    expect(new Set(session).size).toBe(3);
    expect(new Set([...all, ...caller, ...session]).size).toBe(6);
    expect(await statusOf('session')).toMatchObject({ share: 'session', links: 4, breaker: 'closed' });
    for (const each of sessions) await each.close();
  });

  it('[child-shares] is the caller’s own also where the caller has no session', async () => {
    const call = async (key: string, share: Share): Promise<string> => {
      const headers = { authorization: `Bearer ${key}` };
      return textOf(
        await postModern(gateway.url, {
          method: 'tools/call',
          params: { name: `${share}__pid`, arguments: {} },
          headers,
        }),
      );
    };
    for (const share of ['caller', 'session'] as const) {
      const [ada, again, bob] = [await call(keys.ada, share), await call(keys.ada, share), await call(keys.bob, share)];
      expect([ada === again, ada === bob]).toEqual([true, false]);
    }
  });

  it('[child-shares] hears what its caller can do only where it is not shared, and only what its entry asks for', async () => {
    const session = await open('ada', { elicitation, sampling: {}, roots: {} });
    expect(JSON.parse(await ask(session, 'all', 'told'))).toEqual({});
    for (const share of ['caller', 'session'] as const) {
      expect(JSON.parse(await ask(session, share, 'told'))).toEqual({ elicitation });
    }
    await session.close();
  });

  it('[child-shares] ends with its session, and another session never gets it', async () => {
    const session = await open('ada');
    const [own, callers] = [Number(await ask(session, 'session', 'pid')), Number(await ask(session, 'caller', 'pid'))];
    expect(await session.close()).toBeLessThan(300);
    await waitFor(() => !isAlive(own), { what: 'the end of the process' });
    expect(isAlive(callers)).toBe(true);
    const next = await open('ada');
    expect(Number(await ask(next, 'session', 'pid'))).not.toBe(own);
    await next.close();
  });

  it('[child-shares] that dies is replaced for its own caller only', async () => {
    const [ada, bob] = [await open('ada'), await open('bob')];
    const before = await Promise.all([ada, bob].map((session) => ask(session, 'caller', 'pid')));
    process.kill(Number(before[0]), 'SIGKILL');
    await waitFor(() => !isAlive(Number(before[0])));
    const after = await waitFor(() => ask(ada, 'caller', 'pid').catch(() => undefined), { what: 'the next process' });
    expect(after).not.toBe(before[0]);
    expect(await ask(bob, 'caller', 'pid')).toBe(before[1]);
    for (const session of [ada, bob]) await session.close();
  });
});

describe('a session at a server that is reached by URL', () => {
  /** Sessions at the server in which a tool was called since the last look. */
  const used = (): Set<string | undefined> => {
    const found = new Set(remote.of('tools/call').map(({ headers }) => headers['mcp-session-id']));
    remote.clear();
    return found;
  };

  it.each([
    ['all', 1],
    ['caller', 2],
    ['session', 3],
  ] as const)('[child-shares] with share %s is one of %s for three sessions of two callers', async (share, count) => {
    const sessions = [await open('ada'), await open('ada'), await open('bob')];
    remote.clear();
    for (const _ of [1, 2])
      for (const session of sessions) await ask(session, `http-${share}`, 'echo', { mark: share });
    expect(used().size).toBe(count);
    for (const session of sessions) await session.close();
    if (share === 'session') {
      await waitFor(() => remote.requests.filter(({ httpMethod }) => httpMethod === 'DELETE').length === 3, {
        what: 'the ends of the sessions',
      });
    }
  });
});

describe('a server that hears no more', () => {
  it('[sick-upstream] is called no more for a while, says so in status, metrics and the refusal, and is started anew', async () => {
    const session = await open('ada');
    const { pid } = await statusOf('deaf');
    expect(await ask(session, 'deaf', 'deaf')).toBe('deaf');
    const call = () => session.request('tools/call', { name: 'deaf__pid', arguments: {} });
    const reasonOf = ({ text }: { readonly text: string }) => /"reason":"([a-z-]+)"/.exec(text)?.[1];
    for (const _ of [1, 2, 3, 4, 5]) expect(reasonOf(await call())).toBe('timeout');
    const refused = await waitFor(
      async () => {
        const answer = await call();
        return reasonOf(answer) === 'unavailable' && answer;
      },
      { ceilingMs: 60_000, what: 'the breaker to open' },
    );
    expect(refused.text).toMatch(/"retryAfterMs":\d+/);
    const back = await waitFor(async () => reasonOf(await call()) === undefined && statusOf('deaf'), {
      ...{ ceilingMs: 60_000, what: 'the server to be back' },
    });
    expect(back).toMatchObject({ state: 'ready', breaker: 'closed', restarts: 1, counters: { broken: 1 } });
    expect(back.counters['turnedAway']).toBeGreaterThan(0);
    expect(back.pid).not.toBe(pid);
    const metrics = await (await fetch(`${gateway.adminUrl ?? ''}/metrics`)).text();
    expect(metrics).toContain('sallyport_upstream_events_total{server="deaf",event="broken"} 1');
    expect(metrics).toContain('sallyport_upstream_breaker{server="deaf"} 0');
    await session.close();
  });
});

describe('conversations of callers that go', () => {
  it('[child-shares] end when the key is revoked, and when the entry changes', async () => {
    const [ada, bob] = [await open('ada'), await open('bob')];
    const [gone, kept] = [Number(await ask(ada, 'caller', 'pid')), Number(await ask(bob, 'caller', 'pid'))];
    await runSallyport(['keys', 'revoke', 'ada', '-c', gateway.configPath], gateway.dir);
    await waitFor(() => !isAlive(gone), { what: 'the end of the process' });
    expect(isAlive(kept)).toBe(true);
    const text = readFileSync(gateway.configPath, 'utf8');
    const whole = JSON.parse(text) as { upstreams: Record<string, object> };
    const changed = { ...whole, upstreams: { ...whole.upstreams, caller: { command, share: 'session' } } };
    await writeFile(gateway.configPath, JSON.stringify(changed), { mode: 0o600 });
    await waitFor(() => !isAlive(kept), { what: 'the end of the other process' });
    await waitFor(() => ask(bob, 'caller', 'pid').catch(() => undefined), { what: 'the changed server' });
    const pids = await Promise.all([bob, await open('bob')].map((session) => ask(session, 'caller', 'pid')));
    expect(new Set(pids).size).toBe(2);
  });
});
