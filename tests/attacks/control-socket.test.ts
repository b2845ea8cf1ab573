/** The control socket on a real file system: whose it is, what may be replaced, and whom both ends trust. */
import { spawn } from 'node:child_process';
import { chmod, chown, lstat, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { findControlDanger, openControl, type ControlServer } from '@sallyport/gateway';
import { sallyportBin } from '@sallyport/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const isRoot = process.geteuid?.() === 0;
const handlers = {
  openStdio: () => undefined,
  status: () => ({}),
  configuration: () => ({}),
  tools: () => ({}),
  refresh: () => Promise.resolve(),
};
const stops: Array<() => Promise<void>> = [];
let folder = '';
let path = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-control-'));
  path = join(folder, 'state', 'sallyport.sock');
});

afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
  await rm(folder, { recursive: true, force: true });
});

async function open(): Promise<ControlServer | undefined> {
  const control = await openControl(path, handlers);
  if (control !== undefined) stops.push(() => control.close());
  return control;
}

/** Listens where a gateway would, and counts who comes. */
async function impostor(): Promise<() => number> {
  let visits = 0;
  const server: Server = createServer((socket) => {
    visits += 1;
    socket.end('{"servers":[]}\n');
  });
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  stops.push(() => new Promise((resolve) => server.close(() => resolve())));
  return () => visits;
}

async function askStatus(): Promise<{ readonly code: number | null; readonly text: string }> {
  const config = join(folder, 'sallyport.yaml');
  await writeFile(config, 'version: 1\n', { mode: 0o600 });
  const child = spawn(sallyportBin, ['status', '--json', '-c', config]);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += String(chunk)));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, text };
}

describe.skipIf(process.platform === 'win32')('the control socket', () => {
  it('is made for its own user, once', async () => {
    expect(await open()).toHaveProperty('path', path);
    expect((await lstat(path)).mode & 0o777).toBe(0o600);
    expect((await lstat(dirname(path))).mode & 0o777).toBe(0o700);
    expect(await openControl(path, handlers)).toBeUndefined();
  });

  it.each(['a file', 'a link'])('does not replace %s', async (what) => {
    await mkdir(dirname(path), { mode: 0o700 });
    const precious = join(folder, 'precious');
    await writeFile(precious, 'mine');
    if (what === 'a file') await writeFile(path, 'mine');
    else await symlink(precious, path);
    await expect(open()).rejects.toThrow('is not a socket');
    expect(await readFile(path, 'utf8')).toBe('mine');
  });

  it('is not made in a folder that others can write', async () => {
    await mkdir(dirname(path));
    await chmod(dirname(path), 0o777);
    await expect(open()).rejects.toThrow('chmod go-w');
  });

  it('takes in the temporary folder only a real folder that nobody else enters', async () => {
    const name = `sallyport-${process.geteuid?.()}`;
    path = join(folder, name, 'a.sock');
    await mkdir(dirname(path));
    await chmod(dirname(path), 0o755);
    await expect(open()).rejects.toThrow('chmod 700');
    await chmod(dirname(path), 0o700);
    await rm(dirname(path), { recursive: true });
    await mkdir(join(folder, 'elsewhere'), { mode: 0o700 });
    await symlink(join(folder, 'elsewhere'), dirname(path));
    await expect(open()).rejects.toThrow('symbolic link');
    await rm(dirname(path));
    expect(await open()).toHaveProperty('path', path);
  });

  it.runIf(isRoot)('is not made in the folder of another user, also not by root', async () => {
    await mkdir(dirname(path), { mode: 0o700 });
    await chown(dirname(path), 1001, 1001);
    await expect(open()).rejects.toThrow('belongs to another user (1001)');
  });

  it('is not spoken to by a command when others can write its folder', async () => {
    const visits = await impostor();
    await chmod(dirname(path), 0o777);
    const { code, text } = await askStatus();
    expect(text).toContain('chmod go-w');
    expect([code, visits()]).toEqual([1, 0]);
  });

  it.runIf(isRoot)('is not spoken to by a command when it is the socket of another user', async () => {
    const visits = await impostor();
    await chown(path, 1001, 1001);
    expect(await findControlDanger(path)).toContain('belongs to another user (1001)');
    const { code, text } = await askStatus();
    expect(text).toContain('belongs to another user (1001)');
    expect([code, visits()]).toEqual([1, 0]);
  });
});
