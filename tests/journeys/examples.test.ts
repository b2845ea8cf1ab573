/** The configurations that are kept as examples: each is read whole, found right, and its own tests hold. */

import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runSallyport } from '@sallyport/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../../scripts/tree.ts';

/** One way of starting an example, and how much stands in it. */
interface Story {
  readonly folder: string;
  readonly files: readonly string[];
  readonly upstreams: number;
  readonly tests: number;
  /** Secrets that it takes from the environment. */
  readonly secrets: readonly string[];
}

const stories: readonly Story[] = [
  { folder: 'quickstart', files: ['sallyport.yaml'], upstreams: 2, tests: 6, secrets: [] },
  { folder: 'laptop', files: ['sallyport.yaml'], upstreams: 3, tests: 7, secrets: ['DOCS_TOKEN'] },
  { folder: 'analysts', files: ['sallyport.yaml'], upstreams: 1, tests: 10, secrets: ['DB_SERVER_KEY'] },
  {
    folder: 'platform',
    files: ['sallyport.yaml'],
    upstreams: 40,
    tests: 11,
    secrets: ['ENGINEERING_TOKEN', 'OPERATIONS_TOKEN', 'DATA_TOKEN', 'FINANCE_TOKEN', 'OFFICE_TOKEN'],
  },
  { folder: 'stages', files: ['base.yaml', 'dev.yaml'], upstreams: 1, tests: 3, secrets: [] },
  { folder: 'stages', files: ['base.yaml', 'stage.yaml'], upstreams: 1, tests: 3, secrets: ['TICKETS_TOKEN'] },
  { folder: 'stages', files: ['base.yaml', 'prod.yaml'], upstreams: 1, tests: 4, secrets: ['TICKETS_SECRET'] },
];

interface Checked {
  readonly ok: boolean;
  readonly problems: readonly object[];
  readonly tests: ReadonlyArray<{ readonly passed: boolean }>;
}

let elsewhere: string;
beforeAll(async () => {
  elsewhere = await mkdtemp(join(tmpdir(), 'sallyport-examples-'));
});
afterAll(() => rm(elsewhere, { recursive: true, force: true }));

describe('the examples', () => {
  it('are all tried', () => {
    const folders = readdirSync(join(root, 'examples'), { withFileTypes: true }).filter((each) => each.isDirectory());
    expect(folders.map(({ name }) => name).sort()).toEqual([...new Set(stories.map(({ folder }) => folder))].sort());
  });

  it.each(stories)('$folder $files is found right, and its tests hold', async ({ folder, files, ...expected }) => {
    const named = files.flatMap((file) => ['-c', join(root, 'examples', folder, file)]);
    const env = Object.fromEntries(expected.secrets.map((name) => [name, randomBytes(24).toString('base64url')]));
    const check = (...more: string[]) =>
      runSallyport(['check', ...more, ...named], elsewhere, { env, isFailureFine: true });
    const [told, ended] = await Promise.all([check(), check('--print', '--json')]);
    const checked = JSON.parse(ended.stdout) as Checked;
    expect(checked).toMatchObject({ ok: true, problems: [] });
    expect(checked.tests.filter(({ passed }) => passed)).toHaveLength(expected.tests);
    expect(checked.tests).toHaveLength(expected.tests);
    expect(told.stdout).toContain(`: ${expected.upstreams} upstream`);
    for (const value of Object.values(env)) expect(ended.stdout).not.toContain(value);
  });
});
