/** What `npm pack` makes is what people install: it has to work without the repository around it. */

import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { say } from './first-run.ts';
import { initAndRun, installPacked } from './install.ts';
import type { Installed } from './install.ts';

let installed: Installed;
beforeAll(async () => {
  installed = await installPacked(true);
});
afterAll(() => installed?.remove());

const npx = (...words: string[]) => say(['npx', 'sallyport', ...words], installed.folder, installed.env, 60_000);

describe('the packed packages', () => {
  it('hold built code and its types, and no tests and no sources', async () => {
    const folders = ['sallyport', '@sallyport/gateway', '@sallyport/guard', '@sallyport/protocol'];
    expect(installed.tarballs).toHaveLength(folders.length);
    for (const name of folders) {
      const files = await readdir(join(installed.folder, 'node_modules', name), { recursive: true });
      const own = files.filter((file) => !file.startsWith('node_modules'));
      expect(own).toContain('dist/index.js');
      expect(own).toContain('dist/index.d.ts');
      expect(own).toContain('LICENSE');
      expect(own.filter((file) => /^src\b|\.test\.|test-support|fakes|tsconfig/.test(file))).toEqual([]);
    }
  });

  it('say how they are used', async () => {
    const { code, text } = await npx('--help');
    expect(code).toBe(0);
    for (const command of [
      'init',
      'run',
      'wrap',
      'connect',
      'check',
      'schema',
      'status',
      'call',
      'explain',
      'keys',
      'audit',
      'doctor',
    ]) {
      expect(text).toMatch(new RegExp(`^  ${command}\\b`, 'm'));
    }
  });

  it('print a schema that is JSON', async () => {
    const { code, text } = await npx('schema');
    expect(code).toBe(0);
    expect(JSON.parse(text)).toMatchObject({ type: 'object', properties: { upstreams: {}, roles: {} } });
  });

  it('say with a suggestion that there is no configuration yet', async () => {
    const { code, text } = await npx('check');
    expect(code).toBe(1);
    expect(text).toMatch(/sallyport init/);
  });

  it('refuse an old Node with the way out', async () => {
    const old = join(installed.folder, 'old-node');
    await mkdir(old);
    await writeFile(join(old, 'node'), '#!/bin/sh\n[ "$1" = --version ] && echo v20.1.0 && exit 0\nexit 1\n');
    await chmod(join(old, 'node'), 0o755);
    const program = join(installed.folder, 'node_modules', '.bin', 'sallyport');
    const { code, text } = await say([program, '--help'], installed.folder, { PATH: `${old}:/usr/bin:/bin` }, 60_000);
    expect(code).toBe(1);
    expect(text).toMatch(/needs Node\.js 24\.\d+ or newer; found v20\.1\.0[^]*npm install node@24/);
  });

  it('go from init to a guarded answer, a refusal that explains itself, and a clean end', async () => {
    const seen = await initAndRun(installed, 90_000);
    expect(seen.printed).toMatch(/Endpoint +http:\/\/127\.0\.0\.1:\d+\/mcp/);
    expect(JSON.parse(seen.allowed)).toMatchObject({ id: 1, result: { content: expect.any(Array) as unknown } });
    expect(seen.refused).toMatchObject({ code: 1, text: expect.stringContaining('Unknown tool') as unknown });
    expect(seen.explained.text).toMatch(/✗ +authorize|refused +authorize/);
    expect(seen.explained.text).toMatch(/sallyport\.yaml:\d+:\d+/);
    // npx may end by the signal itself; that the trail is whole, below, shows that what it ran ended well.
    expect([0, 130, null]).toContain(seen.ending.code);
    const { folder } = installed;
    expect((await stat(join(folder, 'sallyport.yaml'))).mode & 0o077).toBe(0);
    expect((await stat(join(folder, 'state'))).mode & 0o077).toBe(0);
    expect(existsSync(join(folder, 'state', 'master.key'))).toBe(true);
    expect(await readFile(join(folder, 'state', '.gitignore'), 'utf8')).toBe('*\n');
    expect(await npx('check')).toMatchObject({ code: 0 });
    const verified = await npx('audit', 'verify');
    expect(verified).toMatchObject({ code: 0, text: expect.not.stringMatching(/unsealed|torn/) as unknown });
  });
});
