/** The first of the two commands, as somebody runs it who has just cloned the repository and has nothing else. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readAudit } from '@sallyport/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../../scripts/tree.ts';
import { clone } from './clone.ts';
import type { Clone } from './clone.ts';
import { say } from './first-run.ts';

const config = 'examples/quickstart/sallyport.yaml';

let fresh: Clone;
// A copy without its history, such as a downloaded archive, cannot be cloned again.
const canClone = existsSync(join(root, '.git'));
beforeAll(async () => {
  if (canClone) fresh = await clone();
});
afterAll(() => fresh?.remove());

describe.skipIf(!canClone)('npm start in a fresh clone', () => {
  it('[first-run] installs, opens the gate, says what to try, explains a refusal and ends cleanly', async () => {
    const seen = await fresh.start();
    expect(seen.printed).toMatch(/ everything +\d+ tools +stdio +legacy/);
    expect(seen.printed).toMatch(/ files +\d+ tools +stdio +legacy/);
    expect(seen.printed).toMatch(/Key +sp_[a-z0-9]{12}_[\w-]{43} +role reader, shown once/);
    expect(JSON.parse(seen.allowed)).toMatchObject({ id: 1, result: { content: [{ type: 'text' }] } });
    expect(seen.refused).toMatchObject({ code: 1, text: expect.stringContaining('Unknown tool') as unknown });
    expect(seen.explained.text).toMatch(/^ *✗ +(?:resolve|authorize)|^ *refused +(?:resolve|authorize)/m);
    expect(seen.explained.text).toMatch(/examples\/quickstart\/sallyport\.yaml:\d+:\d+/);
    expect(seen.explained.text).toMatch(/To allow it/);
    // npm may end by the signal itself, so what it ran has to show that it ended well.
    expect([0, 130, null]).toContain(seen.ending.code);
    const verified = await say(['npx', 'sallyport', 'audit', 'verify', '-c', config], fresh.folder, fresh.env);
    expect(verified).toMatchObject({ code: 0, text: expect.not.stringMatching(/unsealed|torn/) as unknown });
    expect((await readAudit(join(fresh.folder, 'examples/quickstart/state/audit'))).slice(-2)).toMatchObject([
      { kind: 'system', outcome: { status: 'stopped' } },
      { kind: 'checkpoint' },
    ]);
  });
});
