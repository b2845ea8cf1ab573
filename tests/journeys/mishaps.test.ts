/** What goes wrong around a gateway: lost keys, open files, missing programs, impatient hands. Real processes. */
import { spawn } from 'node:child_process';
import { chmod, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  baseEnvironment,
  createKey,
  modernRevision,
  prepareFolder,
  runSallyport,
  sallyportBin,
  startGateway,
  startStdioDoor,
  stubStdioCommand,
  waitFor,
  within,
} from '@sallyport/testkit';
import type { GatewayFolder } from '@sallyport/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const config = {
  callers: { keys: true, local: 'reader' },
  roles: { reader: { tools: ['*'] } },
  upstreams: { notes: { command: stubStdioCommand() } },
};
let folder: GatewayFolder;
const run = (...words: string[]) => runSallyport(words, folder.dir, { isFailureFine: true });

beforeEach(async () => {
  folder = await prepareFolder(config);
});

afterEach(() => folder.remove());

describe('doctor', () => {
  it('makes nothing where nothing is', async () => {
    const before = await readdir(folder.dir);
    expect(await run('doctor')).toMatchObject({ code: 0 });
    expect(await readdir(folder.dir)).toEqual(before);
  });

  it('says that the master key of keys that are there is gone, as run does, and neither makes another', async () => {
    await createKey(folder.dir, { name: 'ci', role: 'reader' });
    await rm(join(folder.dir, 'state', 'master.key'));
    const found = await run('doctor');
    expect(found.code).toBe(1);
    expect(found.stdout).toMatch(/wrong +store +state\/master\.key is missing and the store has 1 key — put it back/);
    expect(await run('run')).toMatchObject({ code: 1, stderr: expect.stringContaining('the store has 1 key') });
    expect(await run('keys', 'list')).toMatchObject({ code: 1 });
    expect(await readdir(join(folder.dir, 'state'))).not.toContain('master.key');
  });

  it.skipIf(process.platform === 'win32')('finds what run would refuse in the audit trail', async () => {
    expect(await run('call', 'notes.echo')).toMatchObject({ code: 0 });
    const audit = join(folder.dir, 'state', 'audit');
    const name = (await readdir(audit)).find((one) => one.endsWith('.jsonl')) ?? '';
    await chmod(join(audit, name), 0o666);
    expect((await run('run')).code).toBe(1);
    const found = await run('doctor');
    expect(found).toMatchObject({ code: 1, stdout: expect.stringMatching(/wrong +audit trail +is not safe/) });
  });
});

describe('wrap', () => {
  it.each([
    ['is not there', ['nosuchprogram-of-anybody'], 'the program nosuchprogram-of-anybody is not found'],
    ['ends at once', [process.execPath, '-e', 'console.error("no licence"); process.exit(3)'], 'no licence'],
  ])('ends with a clear line when the program %s', async (_, command, words) => {
    const ended = await run('wrap', '--name', 'boom', '--', ...command);
    expect(ended).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining(words) });
  });
});

describe('calls without a gateway', () => {
  it('wait for each other', async () => {
    const both = await Promise.all([run('call', 'notes.echo'), run('call', 'notes.echo')]);
    expect(both).toMatchObject([{ code: 0 }, { code: 0 }]);
  });
});

describe('run', () => {
  it('writes nothing but JSON with --json, also about a file that was spoilt', async () => {
    const gateway = await startGateway({ config, args: ['--json'] });
    try {
      await waitFor(() => gateway.stdout().includes('"event":"started"'), { what: 'the start' });
      const text = await readFile(gateway.configPath, 'utf8');
      await writeFile(gateway.configPath, text.replace('"roles"', '"rolse"'));
      await waitFor(() => gateway.stdout().includes('"event":"problem"'), { what: 'the problem' });
      const lines = gateway.stdout().trim().split('\n');
      expect(() => lines.map((line) => JSON.parse(line) as unknown)).not.toThrow();
      expect(gateway.stderr()).toBe('');
    } finally {
      await gateway.stop();
    }
  });

  it.skipIf(process.platform === 'win32')('leaves no server behind after a second Ctrl-C', async () => {
    const stubborn = { command: stubStdioCommand({ ignoresTerm: true, forks: true }) };
    const gateway = await startGateway({ config: { ...config, upstreams: { stubborn } } });
    try {
      const pids: unknown = JSON.parse((await runSallyport(['call', 'stubborn.pid'], gateway.dir)).stdout);
      const numbers = [...JSON.stringify(pids).matchAll(/\d+/g)].map(([number]) => Number(number));
      expect(numbers).toHaveLength(2);
      gateway.process.kill('SIGINT');
      await waitFor(async () => !(await isReady(gateway.adminUrl)), { what: 'the stop to begin' });
      gateway.process.kill('SIGINT');
      expect(await gateway.ended).toEqual({ code: 130, signal: null });
      await waitFor(() => numbers.every((pid) => !isAlive(pid)), { what: 'the end of the servers' });
    } finally {
      await gateway.stop();
    }
  });

  it('names the client program that keeps it from starting', async () => {
    const child = spawn(sallyportBin, ['run', '--stdio'], {
      cwd: folder.dir,
      env: baseEnvironment(folder.dir),
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    try {
      await waitFor(async () => (await run('status')).stdout.includes('notes'), { what: 'the door' });
      const refused = await run('run');
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain('"run --stdio" of a client program (process ');
    } finally {
      child.stdin.end();
      await within(ended, 20_000, 'the end of the door');
    }
  });
});

async function isReady(adminUrl: string | undefined): Promise<boolean> {
  return fetch(`${adminUrl ?? ''}/health/ready`).then(
    ({ ok }) => ok,
    () => false,
  );
}

describe('two client programs without a gateway', () => {
  const hello = {
    jsonrpc: '2.0',
    id: 'hello',
    method: 'initialize',
    params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'client', version: '1' } },
  };
  const call = (id: string, name: string, args: object = {}) => ({
    jsonrpc: '2.0',
    id,
    method: 'tools/call',
    params: { name, arguments: args },
  });
  const start = async () => {
    const door = startStdioDoor(folder.configPath, folder.dir);
    await door.request(hello);
    door.write(`${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' })}\n`);
    return door;
  };

  it.each(['SIGTERM', 'SIGKILL'] as const)('do not need each other: the first is ended by %s', async (signal) => {
    const first = await start();
    const second = await start();
    const third = await start();
    try {
      expect(await second.request(call('a', 'notes__echo'))).toMatchObject({ result: {} });
      const lost = second.request(call('b', 'notes__never'));
      await waitFor(async () => (await run('status', '--json')).stdout.includes('"pending":1'), { what: 'the call' });
      first.process.kill(signal);
      expect(await lost).toHaveProperty('error');
      expect(await second.request(call('c', 'notes__echo'))).toMatchObject({ result: { content: [{}] } });
      expect(await third.request(call('d', 'notes__echo'))).toMatchObject({ result: { content: [{}] } });
      expect(second.messages.filter(({ id }) => id === 'hello')).toHaveLength(1);
      const ends = await Promise.all([second.stop(), third.stop()]);
      expect(ends).toMatchObject([{ code: 0 }, { code: 0 }]);
      expect([...second.noise, ...third.noise]).toEqual([]);
    } finally {
      for (const door of [first, second, third]) door.process.kill('SIGKILL');
    }
  });
});

describe('a client program at a gateway that is started again', () => {
  it('waits for it and goes on, and does not take its place', async () => {
    const before = await startGateway({ dir: folder.dir, config });
    const door = startStdioDoor(before.configPath, folder.dir);
    const ping = (id: string) => door.request({ ...callOf('notes__echo'), id });
    try {
      expect(await ping('a')).toMatchObject({ result: { content: [{}] } });
      await before.stop();
      const after = await startGateway({ dir: folder.dir, config });
      expect(await ping('b')).toMatchObject({ result: { content: [{}] } });
      expect((await door.stop()).code).toBe(0);
      await after.stop();
    } finally {
      door.process.kill('SIGKILL');
      await before.stop();
    }
  });
});

/** A call as a modern client makes it. */
function callOf(name: string) {
  const info = { name: 'client', version: '1' };
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': modernRevision,
    'io.modelcontextprotocol/clientInfo': info,
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  return { jsonrpc: '2.0', method: 'tools/call', params: { name, arguments: {}, _meta } };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
