/** What local servers may use and reach, with real processes: limits that hold, walls that stand. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createCanceller } from '@sallyport/guard';
import { createUpstream, realUpstreamPorts, type StdioOptions, type Upstream } from '@sallyport/gateway';
import { runSallyport, startGateway, waitFor } from '@sallyport/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const FIXTURE = fileURLToPath(new URL('../fixtures/upstreams/greedy-server.ts', import.meta.url));
const MIB = 1024 * 1024;

/** Why no sandbox can be built here; undefined when one can. */
const wallsMissing = ((): string | undefined => {
  if (process.platform !== 'linux') return 'bubblewrap is a program of Linux';
  try {
    const walls = ['--unshare-user', '--unshare-pid', '--unshare-net', '--ro-bind', '/', '/', '--proc', '/proc'];
    execFileSync('bwrap', [...walls, '/bin/sh', '-c', ':'], { stdio: 'pipe' });
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.message.split('\n')[0] ?? 'it failed') : 'it failed';
  }
})();
const notHere = wallsMissing === undefined ? '' : ` (not tested here: ${wallsMissing})`;

const ends: (() => Promise<unknown>)[] = [];
let folder = '';
beforeEach(async () => {
  // Not in the temporary folder, which servers behind walls do not see anyway.
  folder = await realpath(await mkdtemp(join(homedir(), '.sallyport-bounds-')));
});
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
  await rm(folder, { recursive: true, force: true });
});

const start = async (options: Partial<StdioOptions>): Promise<Upstream> => {
  const upstream = createUpstream(
    {
      name: 'greedy',
      transport: { kind: 'stdio', command: [process.execPath, FIXTURE], env: {}, cwd: folder, ...options },
      tuning: { stopMs: 500, backoffMs: 50, handshakeMs: 20_000 },
    },
    realUpstreamPorts(),
    { name: 'sallyport-test', version: '0.0.0' },
  );
  ends.push(() => upstream.stop());
  upstream.start();
  await upstream.settled();
  return upstream;
};

const call = async (upstream: Upstream, name: string, args: object = {}): Promise<string> => {
  const wish = { era: 'legacy' as const, scope: 'all', owner: 'key:a', clientCapabilities: {} };
  const opening = await upstream.acquire(wish);
  if (opening.kind === 'failure') return `${opening.failure.reason}: ${String(opening.failure.detail)}`;
  const { link } = opening;
  const answer = await link.request(
    {
      id: link.mint(),
      method: 'tools/call',
      name,
      params: Buffer.from(JSON.stringify({ name, arguments: args })),
      timeoutMs: 30_000,
      maxTimeMs: 30_000,
      cancellation: createCanceller(),
    },
    { onMessage: () => {}, onRequest: () => Promise.reject(new Error('nothing is asked here')) },
  );
  if (answer.kind === 'failure') return `${answer.failure.reason}: ${String(answer.failure.detail)}`;
  const { result } = answer.message.value as { result?: { content?: { text?: string }[] } };
  return result?.content?.[0]?.text ?? 'no text';
};

/** Every living process below one. */
const belowOf = (ancestor: number): number[] => {
  const table = execFileSync('ps', ['-e', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  const rows = table
    .trim()
    .split('\n')
    .map((row) => row.trim().split(/\s+/).map(Number));
  const found = [ancestor];
  for (const each of found) for (const [pid, parent] of rows) if (parent === each && pid !== undefined) found.push(pid);
  return found.slice(1);
};

const isAlive = (pid: number): boolean => {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

describe.skipIf(process.platform !== 'linux')('a server with limits', () => {
  it('[child-limits] that takes more memory is ended, told of, and started again', async () => {
    const upstream = await start({ limits: { memory: 256 * MIB } });
    expect(await call(upstream, 'allocate', { mebibytes: 50 })).toBe('allocated');
    void call(upstream, 'allocate', { mebibytes: 500 });
    await waitFor(() => upstream.status().counters.exceeded === 1, { what: 'the end of the server' });
    expect(upstream.status().lastError).toMatch(/it used \d+ MiB of memory, and may use 256 MiB \(limits\.memory\)/);
    const pid = await waitFor(
      async () => {
        const said = await call(upstream, 'pid');
        return /^\d+$/.test(said) && said;
      },
      { what: 'the next start' },
    );
    expect(Number(pid)).toBe(upstream.status().pid);
  });

  it('[child-limits] that forks more than it may is ended with all of them', async () => {
    const upstream = await start({ limits: { processes: 4 } });
    await call(upstream, 'fork', { count: 3 });
    await new Promise((resolve) => setTimeout(resolve, 1200));
    expect(upstream.status().counters.exceeded).toBe(0);
    await call(upstream, 'fork', { count: 3 });
    await waitFor(() => upstream.status().counters.exceeded === 1, { what: 'the end of the server' });
    expect(upstream.status().lastError).toContain('it ran 7 processes, and may run 4 (limits.processes)');
  });

  it('[child-limits] cannot open more files, nor use more processor time', async () => {
    const upstream = await start({ limits: { files: 64, cpu: 1000 } });
    expect(await call(upstream, 'open', { count: 100 })).toBe('EMFILE');
    expect(await call(upstream, 'spin')).toBe('closed: it used up its 1 s of processor time (limits.cpu)');
  });
});

describe.skipIf(wallsMissing !== undefined)(`a server behind walls${notHere}`, () => {
  const read = [dirname(FIXTURE)];
  const walls = { network: false, read, write: [], hide: [], protect: [] };

  it('[child-sandbox] reads nothing of the home but its own folder, and what is let through', async () => {
    const other = await mkdtemp(join(homedir(), '.sallyport-other-'));
    ends.push(() => rm(other, { recursive: true, force: true }));
    await writeFile(join(other, 'private'), 'private words');
    await writeFile(join(folder, 'own'), 'own words');
    const inside = await start({ sandbox: walls });
    expect(await call(inside, 'read', { path: join(folder, 'own') })).toBe('own words');
    expect(await call(inside, 'read', { path: join(other, 'private') })).toBe('ENOENT');
    expect(await call(inside, 'read', { path: '/proc/1/environ' })).not.toContain('HOME=');
    const allowed = await start({ sandbox: { ...walls, read: [...read, other] } });
    expect(await call(allowed, 'read', { path: join(other, 'private') })).toBe('private words');
  });

  it('[child-sandbox] writes only where it may, and to a /tmp that is its own', async () => {
    await mkdir(join(folder, 'data'));
    const shared = join(tmpdir(), `sallyport-walls-${process.pid}`);
    ends.push(() => rm(shared, { force: true }));
    const inside = await start({ sandbox: { ...walls, write: [join(folder, 'data')] } });
    expect(await call(inside, 'write', { path: join(folder, 'file'), text: 'x' })).toBe('EROFS');
    expect(await call(inside, 'write', { path: '/etc/sallyport-walls', text: 'x' })).toBe('EROFS');
    expect(await call(inside, 'write', { path: shared, text: 'x' })).toBe('undefined');
    await expect(readFile(shared)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await call(inside, 'write', { path: join(folder, 'data', 'file'), text: 'kept' })).toBe('undefined');
    expect(await readFile(join(folder, 'data', 'file'), 'utf8')).toBe('kept');
  });

  it('[child-sandbox] connects to nothing unless the network is on', async () => {
    const server = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    ends.push(() => new Promise((resolve) => server.close(resolve)));
    const { port } = server.address() as AddressInfo;
    const inside = await start({ sandbox: walls });
    expect(await call(inside, 'connect', { host: '127.0.0.1', port })).toBe('ECONNREFUSED');
    const allowed = await start({ sandbox: { ...walls, network: true } });
    expect(await call(allowed, 'connect', { host: '127.0.0.1', port })).toBe('connected');
  });

  it('[child-sandbox] never sees the state of the gateway nor changes its configuration', async () => {
    await mkdir(join(folder, 'state'));
    await writeFile(join(folder, 'state', 'master.key'), 'key');
    await writeFile(join(folder, 'sallyport.yaml'), 'version: 1');
    const inside = await start({
      sandbox: { ...walls, write: [folder], hide: [join(folder, 'state')], protect: [join(folder, 'sallyport.yaml')] },
    });
    expect(await call(inside, 'read', { path: join(folder, 'state', 'master.key') })).toBe('ENOENT');
    expect(await call(inside, 'write', { path: join(folder, 'sallyport.yaml'), text: 'x' })).toBe('EROFS');
    expect(await call(inside, 'write', { path: join(folder, 'new'), text: 'x' })).toBe('undefined');
  });

  it('[child-limits] has its limits there too, and is gone with everything when it is stopped', async () => {
    const upstream = await start({ sandbox: walls, limits: { processes: 4, files: 64 } });
    expect(await call(upstream, 'fork', { count: 3 })).toBe('forked');
    expect(await call(upstream, 'open', { count: 100 })).toBe('EMFILE');
    await new Promise((resolve) => setTimeout(resolve, 1200));
    expect(upstream.status().counters.exceeded).toBe(0);
    const pids = belowOf(upstream.status().pid ?? 0);
    expect(pids.length).toBeGreaterThanOrEqual(5);
    await upstream.stop();
    expect(pids.filter(isAlive)).toEqual([]);
  });
});

describe.skipIf(process.platform !== 'linux')('a machine without bubblewrap', () => {
  it('[child-sandbox] never starts the server without walls, and says what to install', async () => {
    const bin = join(folder, 'bin');
    await mkdir(bin);
    for (const program of ['dirname', 'readlink']) {
      await symlink(execFileSync('which', [program], { encoding: 'utf8' }).trim(), join(bin, program));
    }
    await symlink(process.execPath, join(bin, 'node'));
    const env = { PATH: bin };
    const gateway = await startGateway({
      env,
      config: { upstreams: { walled: { command: [process.execPath, FIXTURE], sandbox: true } } },
    });
    ends.push(() => gateway.stop());
    const run = async (command: string): Promise<{ code: number; answer: Record<string, unknown[]> }> => {
      const args = [command, '--json', '-c', gateway.configPath];
      const { code, stdout } = await runSallyport(args, gateway.dir, { env, isFailureFine: true });
      return { code, answer: JSON.parse(stdout) as Record<string, unknown[]> };
    };
    const checked = await run('check');
    expect(checked.code).toBe(1);
    expect(checked.answer['problems']).toMatchObject([
      {
        ...{ code: 'machine', file: gateway.configPath, line: 13, column: 7 },
        message: 'walled cannot be started: the sandbox needs the program bwrap, which is not on the PATH',
        suggestion: expect.stringContaining('apt install bubblewrap') as unknown,
      },
    ]);
    const { answer } = await run('status');
    expect(answer['servers']).toMatchObject([
      { name: 'walled', state: 'sick', lastError: expect.stringContaining('install bubblewrap') as unknown },
    ]);
  });
});
