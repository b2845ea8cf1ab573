/** The configuration on a real file system: permissions, links that are swapped, commands without a shell. */
import { chmod, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  loadConfig,
  systemConfigPorts,
  systemWatchPorts,
  watchConfig,
  type Config,
  type Problem,
} from '@sallyport/gateway';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-config-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function write(name: string, text: string, mode = 0o600): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  await chmod(path, mode);
  return path;
}

async function problemsOf(path: string): Promise<readonly Problem[]> {
  const loaded = await loadConfig([path], systemConfigPorts());
  return loaded.ok ? [] : loaded.problems;
}

describe('files', () => {
  it('[config-permissions] are refused when others can change them, also behind a link', async () => {
    const path = await write('real.yaml', 'version: 1\n', 0o602);
    const link = join(folder, 'link.yaml');
    await symlink(path, link);
    for (const name of [path, link])
      expect(await problemsOf(name)).toMatchObject([{ code: 'unsafe-file', file: name, line: 1, column: 1 }]);
    await chmod(path, 0o604);
    expect(await problemsOf(link)).toEqual([]);
  });

  it('are refused in a folder where others can swap them', async () => {
    const path = await write('a.yaml', 'version: 1\n');
    await chmod(folder, 0o777);
    expect(await problemsOf(path)).toMatchObject([{ code: 'unsafe-file', suggestion: `run: chmod o-w ${folder}` }]);
    await chmod(folder, 0o1777);
    expect(await problemsOf(path)).toEqual([]);
  });

  it('[config-permissions] that hold a secret are refused when others can read them', async () => {
    const path = await write('a.yaml', 'version: 1\nupstreams: { a: { command: [x], env: { A: file:secret } } }\n');
    const secret = await write('secret', 'value\n', 0o644);
    expect(await problemsOf(path)).toMatchObject([
      { code: 'unsafe-file', line: 2, column: 43, suggestion: expect.stringContaining('fsGroup') },
    ]);
    await chmod(secret, 0o440);
    expect(await problemsOf(path)).toEqual([]);
  });

  it('that are folders, devices or absent are refused at once', async () => {
    expect(await problemsOf(folder)).toMatchObject([
      { code: 'unreadable', suggestion: 'name a file, e.g. -c sallyport.yaml' },
    ]);
    expect(await problemsOf('/dev/zero')).toMatchObject([{ code: 'unreadable' }]);
    expect(await problemsOf(join(folder, 'none.yaml'))).toMatchObject([
      { suggestion: expect.stringContaining('sallyport init') },
    ]);
  });
});

describe('commands', () => {
  async function environmentOf(reference: string): Promise<string | readonly string[]> {
    const yaml = `version: 1\nupstreams: { a: { command: [x], env: { A: ${JSON.stringify(reference)} } } }\n`;
    const loaded = await loadConfig([await write('a.yaml', yaml)], systemConfigPorts());
    if (!loaded.ok) return loaded.problems.map((problem) => problem.message);
    const [upstream] = loaded.config.upstreams;
    return upstream?.kind === 'stdio' ? (upstream.env.get('A')?.reveal() ?? '') : '';
  }

  it('run without a shell, in the folder of the file', async () => {
    expect(await environmentOf('command:echo "a  b" $HOME ; id `id` *')).toBe('a  b $HOME ; id `id` *');
    await write('token', 'from cat\n');
    expect(await environmentOf('command:cat token')).toBe('from cat');
  });

  it('that fail, print too much or are absent give a reason', async () => {
    expect(await environmentOf('command:cat nothing-there')).toEqual([expect.stringContaining('exit code 1')]);
    expect(await environmentOf('command:head -c 100000 /dev/zero')).toEqual([
      expect.stringContaining('printed more than 65536 bytes'),
    ]);
    expect(await environmentOf('command:no-such-program-here')).toEqual([expect.stringContaining('program not found')]);
    expect(await environmentOf('command:true')).toEqual([expect.stringContaining('empty value')]);
  });
});

/** A process that nobody has waited for yet counts as ended. */
async function isRunning(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => undefined);
  if (stat !== undefined) return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) !== 'Z';
  try {
    process.kill(pid, 0);
    return process.platform !== 'linux';
  } catch {
    return false;
  }
}

describe('a command that does not end', () => {
  it('is killed, and children that keep its output open are not waited for', async () => {
    const { run } = systemConfigPorts();
    const outcome = await run(['sh', '-c', 'sleep 30 & sleep 30'], { cwd: folder, timeout: 100, limit: 10 });
    expect(outcome).toEqual({ ok: false, reason: 'did not finish within 0.1 s' });
  }, 5_000);

  it.skipIf(process.platform === 'win32')('takes with it what it has started', async () => {
    const { run } = systemConfigPorts();
    const script = 'sleep 30 & echo $! > child; sleep 30';
    expect(await run(['sh', '-c', script], { cwd: folder, timeout: 500, limit: 10 })).toMatchObject({ ok: false });
    const child = Number(await readFile(join(folder, 'child'), 'utf8'));
    await expect.poll(() => isRunning(child), { timeout: 5_000 }).toBe(false);
  });

  it('gives what it printed when it has ended, although a child of its keeps the output open', async () => {
    const { run } = systemConfigPorts();
    const options = { cwd: folder, timeout: 20_000, limit: 100_000 };
    const script = 'sleep 30 & echo $! > child; head -c 60000 /dev/zero';
    const outcome = await run(['sh', '-c', script], options);
    process.kill(Number(await readFile(join(folder, 'child'), 'utf8')), 'SIGKILL');
    expect(outcome.ok && outcome.output.length).toBe(60_000);
    expect(await run(['sh', '-c', 'sleep 2 & exit 3'], options)).toEqual({ ok: false, reason: 'exit code 3' });
  }, 10_000);
});

describe('reload', () => {
  /** Watches the file, makes a change and waits until it acts; 10 s are ten times what it may take. */
  async function afterChange(
    path: string,
    change: () => Promise<void>,
    isDone: (config: Config) => boolean,
  ): Promise<Config> {
    const ports = systemWatchPorts(systemConfigPorts());
    const loaded = await loadConfig([path], ports);
    if (!loaded.ok) return expect.fail(JSON.stringify(loaded.problems));
    const { promise, resolve } = Promise.withResolvers<Config>();
    const watch = watchConfig([path], loaded.config, ports, {
      onChange: (config) => {
        if (isDone(config)) resolve(config);
      },
      onProblem: () => undefined,
    });
    // The watching itself does not keep a process alive; the test has to.
    const hold = setInterval(() => undefined, 1000);
    try {
      await watch.check();
      await change();
      return await promise;
    } finally {
      clearInterval(hold);
      await watch.close();
    }
  }

  it('[config-reload] follows a file that an editor replaces', async () => {
    const path = await write('a.yaml', 'version: 1\n');
    const config = await afterChange(
      path,
      async () => {
        const next = await write('a.yaml.tmp', 'version: 1\nrefusals: status\n');
        await rename(next, path);
      },
      (found) => found.refusals === 'status',
    );
    expect(config.files).toEqual([path]);
  }, 10_000);

  it('follows the swap of a linked folder, as Kubernetes does it', async () => {
    for (const [version, refusals] of [
      ['..one', 'result'],
      ['..two', 'status'],
    ] as const) {
      await mkdir(join(folder, version));
      await write(`${version}/sallyport.yaml`, `version: 1\nrefusals: ${refusals}\n`, 0o640);
    }
    await symlink('..one', join(folder, '..data'));
    const path = join(folder, 'sallyport.yaml');
    await symlink('..data/sallyport.yaml', path);
    await afterChange(
      path,
      async () => {
        await symlink('..two', join(folder, '..data_tmp'));
        await rename(join(folder, '..data_tmp'), join(folder, '..data'));
      },
      (found) => found.refusals === 'status',
    );
  }, 10_000);

  it('[config-reload] follows permissions that become unsafe by keeping what was in force', async () => {
    const path = await write('a.yaml', 'version: 1\n');
    const ports = systemWatchPorts(systemConfigPorts());
    const loaded = await loadConfig([path], ports);
    if (!loaded.ok) return expect.fail(JSON.stringify(loaded.problems));
    const problems: (readonly Problem[])[] = [];
    const watch = watchConfig([path], loaded.config, ports, {
      onChange: () => expect.fail('an unsafe file came into force'),
      onProblem: (found) => void problems.push(found),
    });
    await watch.check();
    await chmod(path, 0o666);
    await watch.check();
    await write('a.yaml', "version: 1\nroles: { all: { tools: ['*'] } }\n", 0o666);
    await watch.check();
    await watch.close();
    expect(problems).toMatchObject([[{ code: 'unsafe-file' }], [{ code: 'unsafe-file' }]]);
  });
});
