/** The gateway is restarted under load: sessions go on where that is sound, and nobody gets what is another's. */
import { describe, expect, it } from 'vitest';
import { runRestarts } from './restart.ts';

describe.skipIf(process.platform !== 'linux')('a gateway that is stopped and killed under load', () => {
  it(
    '[restart] goes on with its callers’ sessions, sends away those whose server forgot them, and answers nobody wrongly',
    { timeout: 300_000 },
    async () => {
      const result = await runRestarts({ restarts: 4, each: 3, upMs: 1500, seed: 6 });
      expect(result).toMatchObject({ wrong: [], lost: 0, forgotten: 0, shared: 0, unrecorded: 0 });
      expect([result.survivors, result.plain]).toEqual([9, 9]);
      expect(result.begunAnew).toBeGreaterThan(0);
      expect(result.goneOn).toBeGreaterThan(100);
      expect(result.broken).toBeGreaterThan(0);
    },
  );
});
