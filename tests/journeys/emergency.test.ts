/** What an operator does while something is wrong: with a typing slip, a broken file, a sick server. Real processes. */
import { readFile, writeFile } from 'node:fs/promises';
import { createKey, postModern, runSallyport, startGateway, stubStdioCommand, waitFor } from '@sallyport/testkit';
import type { Gateway } from '@sallyport/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let gateway: Gateway;
let key = '';
const run = (...words: string[]) => runSallyport(words, gateway.dir, { isFailureFine: true });
const callEcho = async () => {
  const request = { method: 'tools/call', params: { name: 'notes__echo', arguments: {} }, key };
  return JSON.stringify((await postModern(gateway.url, request)).response ?? {});
};

beforeAll(async () => {
  gateway = await startGateway({
    config: {
      callers: { keys: true, local: 'reader' },
      roles: { reader: { tools: ['*'] } },
      upstreams: {
        notes: { command: stubStdioCommand() },
        boom: { command: [process.execPath, '-e', 'console.error("no licence"); process.exit(3)'] },
      },
    },
  });
  key = await createKey(gateway.dir, { name: 'ci', role: 'reader' });
});

afterAll(() => gateway.stop());

describe('an operator in a hurry', () => {
  it('blocks what a pattern matches, and every answer about it is true', async () => {
    expect(await callEcho()).not.toContain('refusal');
    const blocked = await run('block', 'notes.*');
    expect(blocked).toMatchObject({ code: 0, stderr: '' });
    expect(await callEcho()).toContain('"reason":"blocked"');
    const explained = await run('explain', '--as', 'reader', 'notes.echo');
    expect(explained.code).toBe(1);
    expect(explained.stdout).toContain('blocked  notes.echo');
    expect(explained.stdout).toContain('every tool notes.* is blocked');
    expect((await run('unblock', 'notes.*')).code).toBe(0);
    expect(await callEcho()).not.toContain('refusal');
    expect((await run('block', 'key:ci')).stderr).toBe('');
    const caller = await run('explain', '--key', 'ci', 'notes.echo');
    expect(caller).toMatchObject({ code: 1, stdout: expect.stringContaining('the caller key:ci is blocked') });
    expect((await run('unblock', 'key:ci')).code).toBe(0);
  });

  it('is told of a slip of the finger', async () => {
    expect((await run('block', 'key:cj')).stderr).toContain('there is no key called "cj" now; did you mean key:ci?');
    expect((await run('block', 'notes.ehco')).stderr).toContain('notes lists no tool ehco; did you mean echo?');
    expect((await run('block', 'notes.nosuch*')).stderr).toContain('no tool that is listed now matches notes.nosuch*');
    expect((await run('block', 'nosuch.*')).code).toBe(2);
    expect((await run('keys', 'create', '--name', 'bad name!', '--role', 'reader')).code).toBe(2);
    expect((await run('audit', 'search', '--reason', 'forbiden')).code).toBe(2);
    expect((await run('audit', 'search', '--target', 'notes.eh*', '--reason', 'unknown')).code).toBe(1);
    await run('call', 'notes.ehco');
    expect((await run('audit', 'search', '--target', 'notes.eh*', '--reason', 'unknown')).stdout).toContain(
      'notes__ehco',
    );
  });

  it('learns why a tool is not there', async () => {
    const missing = await run('call', 'notes.ehco');
    expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining('did you mean echo?') });
    const sick = await run('call', 'boom.anything');
    expect(sick).toMatchObject({ code: 1, stderr: expect.stringMatching(/boom is sick: .*exit code 3/) });
    const explained = await run('explain', 'boom.anything');
    expect(explained).toMatchObject({ code: 1, stdout: expect.stringContaining('allowed, but not there') });
    expect(explained.stdout).toContain('boom is sick');
  });

  it('blocks, revokes, calls and looks while the file is broken, on what the gateway has in force', async () => {
    const text = await readFile(gateway.configPath, 'utf8');
    try {
      await writeFile(gateway.configPath, text.replace('"roles"', '"rolse"'));
      const blocked = await run('block', 'key:ci');
      expect(blocked).toMatchObject({ code: 0, stderr: expect.stringContaining('the configuration is broken') });
      expect(blocked.stderr.trim().split('\n')).toHaveLength(1);
      await waitFor(async () => (await callEcho()).includes('caller-blocked'), { what: 'the block' });
      const shown = (await run('status')).stdout;
      expect(shown).toContain('caller key:ci');
      expect(shown).toMatch(/not in force +sallyport\.yaml:\d+:\d+: .*see: +sallyport check/);
      for (const words of [
        ['unblock', 'key:ci'],
        ['keys', 'list'],
        ['audit', 'tail'],
        ['audit', 'verify'],
        ['audit', 'search', '--principal', 'key:ci'],
        ['call', 'notes.echo'],
        ['explain', '--key', 'ci', 'notes.echo'],
        ['keys', 'revoke', 'ci'],
      ]) {
        expect({ words, ...(await run(...words)) }).toMatchObject({ words, code: 0 });
      }
    } finally {
      await writeFile(gateway.configPath, text);
    }
  });
});
