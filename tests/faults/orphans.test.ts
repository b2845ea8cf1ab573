/** A gateway that is killed leaves its local servers behind; the next one on the same state ends them, and only them. */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startGateway, stubStdioCommand, waitFor } from '@sallyport/testkit';
import { describe, expect, it } from 'vitest';

/** Living processes that bear a mark with this beginning. */
const bearers = (mark: string): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const environment = readFileSync(`/proc/${name}/environ`, 'latin1');
        return environment.split('\0').some((entry) => entry.startsWith(`SALLYPORT_UPSTREAM=${mark}.`));
      } catch {
        return false;
      }
    })
    .map(Number);

describe.skipIf(process.platform !== 'linux')('a gateway that is killed', () => {
  it(
    '[child-custody] has its local servers ended by the next one, whatever they ignore',
    { timeout: 60_000 },
    async () => {
      const dir = await mkdtemp(join(tmpdir(), 'sallyport-orphans-'));
      const config = {
        upstreams: { stubborn: { command: stubStdioCommand({ ignoresTerm: true, forks: true }) } },
        roles: { everyone: { tools: ['*'] } },
        callers: { anonymous: 'everyone' },
      };
      const strangerMark = 'b'.repeat(32);
      const stranger = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], {
        env: { SALLYPORT_UPSTREAM: `${strangerMark}.00` },
        stdio: 'ignore',
      });
      try {
        const first = await startGateway({ dir, config });
        const [note] = await readdir(join(dir, 'state', 'upstreams'));
        const mark = /-([0-9a-f]{32})\.json$/.exec(note ?? '')?.[1] ?? 'no note';
        await waitFor(() => bearers(mark).length >= 2, { what: 'the server and its child' });
        await first.kill9();
        expect(bearers(mark).length).toBeGreaterThanOrEqual(2);
        const second = await startGateway({ dir, config });
        expect(bearers(mark)).toEqual([]);
        expect(bearers(strangerMark)).toEqual([stranger.pid]);
        expect(await readdir(join(dir, 'state', 'upstreams'))).toHaveLength(1);
        await second.stop();
        expect(await readdir(join(dir, 'state', 'upstreams'))).toEqual([]);
      } finally {
        stranger.kill('SIGKILL');
        await rm(dir, { recursive: true, force: true });
      }
    },
  );
});
