// Row 9: ten thousand edits to an audit trail at rest.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runTampering } from '../attacks/tamper.ts';
import type { Prove } from './result.ts';

const trials = 10_000;

export const prove: Prove = async () => {
  const directory = await mkdtemp(join(tmpdir(), 'sallyport-tamper-'));
  try {
    const result = await runTampering(directory, trials, 9);
    const found = trials - result.missed - result.misnamed;
    const all = trials.toLocaleString('en');
    return {
      figure:
        `${found.toLocaleString('en')} of ${all} edits to ${result.records.toLocaleString('en')} records in ` +
        `${result.files} files found with the first bad record named; ${result.missed} missed, ${result.misnamed} misnamed`,
      isMet: found === trials,
      details: [
        ...[...result.trials].map(([way, count]) => `${String(count).padStart(5)}  ${way}`),
        ...(result.firstFailure === undefined ? [] : [`first failure: ${result.firstFailure}`]),
      ],
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
};
