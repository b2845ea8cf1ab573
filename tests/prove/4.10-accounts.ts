// Row 4.10: two people, one server with accounts: consent in the middle of a call, renewal, taking back, and no crossing.
import { interleave } from '../journeys/accounts/interleave.ts';
import { startSetting } from '../journeys/accounts/setting.ts';
import type { Prove } from './result.ts';
import { failuresOf, runTestFiles } from './test-files.ts';

const calls = 1000;

export const prove: Prove = async () => {
  const outcomes = await runTestFiles('tests/journeys/upstream-oauth.test.ts', 'tests/attacks/account-links.test.ts');
  const passed = outcomes.filter(({ isPassed }) => isPassed).length;
  const setting = await startSetting(['alice', 'bob']);
  try {
    for (const name of ['alice', 'bob']) {
      const caller = await setting.caller(name, 'modern');
      await caller.call('whoami');
      await caller.close();
    }
    const found = await interleave(setting, ['alice', 'bob'], calls, 200);
    const { crossed, failed, refused, renewals } = found;
    return {
      figure:
        `${found.calls} interleaved calls of two people: ${crossed} crossed, ${failed} failed; ` +
        `${refused} refused tokens, ${renewals} renewals; ${passed} of ${outcomes.length} steps of the story hold`,
      isMet:
        crossed === 0 && failed === 0 && renewals === refused && outcomes.length > 25 && passed === outcomes.length,
      details: failuresOf(outcomes),
    };
  } finally {
    await setting.stop();
  }
};
