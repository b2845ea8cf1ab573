// Whoever edits the audit trail is found out, and the first bad record is named.
import { appendFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { trailSources } from '@sallyport/guard';
import { runSallyport, type CommandResult } from '@sallyport/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runTampering, tamperings, writeTrail } from './tamper.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sallyport-tamper-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

describe('edits to the audit trail', () => {
  it('[audit-chain] are found in 500 of 500 trials, each with the first bad record named', async () => {
    const result = await runTampering(directory, 500, 20_261_120);
    expect(result.firstFailure).toBeUndefined();
    expect(result).toMatchObject({ missed: 0, misnamed: 0 });
    expect(result.records).toBeGreaterThan(3000);
    expect(result.files).toBeGreaterThan(3);
    expect([...result.trials.keys()]).toEqual([...tamperings]);
    expect(Math.min(...result.trials.values())).toBeGreaterThanOrEqual(45);
  });
});

describe('`audit verify`', () => {
  function verify(...args: readonly string[]): Promise<CommandResult> {
    return runSallyport(['audit', 'verify', directory, '--json', ...args], directory, { isFailureFine: true });
  }

  async function lastFile(): Promise<string> {
    return join(directory, (await trailSources(directory)).at(-1)?.name ?? '');
  }

  it('[audit-chain] ends with 1 and names the record that was changed', async () => {
    await writeTrail(directory, 100);
    expect((await verify()).code).toBe(0);
    const path = await lastFile();
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace('"exchange":"x60"', '"exchange":"x61"'));
    const changed = text.split('\n').findIndex((line) => line.includes('"exchange":"x60"')) + 1;
    const found = await verify();
    expect(found.code).toBe(1);
    expect(JSON.parse(found.stdout)).toMatchObject({ verdict: 'broken', seq: changed, line: changed });
  });

  it('[audit-head] sees a tail that was cut off only with the hash kept elsewhere', async () => {
    const head = await writeTrail(directory, 100);
    expect((await verify('--head', head)).code).toBe(0);
    const path = await lastFile();
    const text = await readFile(path, 'utf8');
    const start = text.indexOf('\n{"v":1,"seq":150,') + 1;
    await truncate(path, start);
    expect((await verify()).code).toBe(0);
    const found = await verify('--head', head);
    expect(found.code).toBe(1);
    expect(JSON.parse(found.stdout)).toMatchObject({ verdict: 'broken', what: 'head', seq: 150 });

    await appendFile(path, text.slice(start));
    expect((await verify('--head', head)).code).toBe(0);
  });
});
