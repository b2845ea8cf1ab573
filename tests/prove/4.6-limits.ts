// Row 4.6: a million callers and addresses that nobody has seen, while known ones take whatever their limits let through.
import { runStrangers } from '../attacks/strangers.ts';
import type { Prove } from './result.ts';
import { failuresOf, runTestFiles } from './test-files.ts';

const goal = { identities: 1_000_000, off: 1, grownMegabytes: 128, ways: 14 };
const megabyte = 1024 * 1024;

export const prove: Prove = async () => {
  const { watched, refilled, ends, buckets, grown, used, identities, seconds } = await runStrangers(goal.identities);
  const off = Math.max(...watched.map(({ allowed, expected }) => Math.abs(allowed - expected)));
  const kept = watched.filter(({ isPromiseKept }) => isPromiseKept).length;
  const tests = await runTestFiles('tests/attacks/limits.test.ts');
  const ways = tests.filter(({ title }) => /^(?:a caller|an address) that > /.test(title));
  const passed = ways.filter(({ isPassed }) => isPassed).length;
  return {
    figure:
      `${identities.toLocaleString('en')} callers and addresses: limits off by ${off.toFixed(2)} at most, ` +
      `${kept} of ${watched.length} promises kept, ${refilled} buckets given back, ` +
      `memory +${(grown / megabyte).toFixed(0)} MB (${(used / megabyte).toFixed(0)} MB in use); ` +
      `${passed} of ${ways.length} ways round them limited`,
    isMet:
      off <= goal.off &&
      kept === watched.length &&
      refilled === 0 &&
      grown <= goal.grownMegabytes * megabyte &&
      ways.length >= goal.ways &&
      failuresOf(tests).length === 0,
    details: [
      `${seconds.toFixed(0)} simulated seconds; ${buckets.toLocaleString('en')} buckets at the end`,
      ...watched.map(({ name, allowed, expected }) => `${name}: ${allowed} let through of ${expected.toFixed(1)}`),
      ...failuresOf(tests),
      `strangers: ${Object.entries(ends)
        .map(([end, count]) => `${count.toLocaleString('en')} ${end}`)
        .join(', ')}`,
    ],
  };
};
