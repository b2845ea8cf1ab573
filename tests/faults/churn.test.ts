/** Sessions come and go, servers die each second: nobody speaks with another's process, and nothing is left behind. */
import { describe, expect, it } from 'vitest';
import { runChurn } from './churn.ts';

describe.skipIf(process.platform !== 'linux')('300 sessions opened and dropped while servers are killed', () => {
  it(
    '[child-shares] keep their processes apart and leave neither processes nor descriptors',
    { timeout: 300_000 },
    async () => {
      const result = await runChurn({ sessions: 300, perSecond: 30, seed: 1 });
      expect(result).toMatchObject({
        ...{ sessions: 300, wrong: 0, sharedByCallers: 0, sharedBySessions: 0, leftOver: 0, orphans: 0 },
      });
      expect(result.kills).toBeGreaterThan(5);
      expect(result.answered).toBeGreaterThan(result.refused);
      const [before, after] = result.descriptors;
      expect(after).toBeLessThan(before + 40);
    },
  );
});
