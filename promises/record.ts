// Promises about the audit trail: what is written, when, and how edits to it show.
import type { ProductPromise } from './promise.ts';
import { work } from './work.ts';

/** Promises of the audit trail. */
export const record: readonly ProductPromise[] = [
  {
    id: 'audit-chain',
    sentence:
      'A bit changed, a record removed, inserted or swapped before the last checkpoint is found, and the first bad record named.',
    source: ['guard-4', 'plat-4'],
    tests: ['tests/attacks/tamper.test.ts', 'packages/guard/src/audit/verify.test.ts'],
  },
  {
    id: 'audit-head',
    sentence: 'With an anchor kept elsewhere, `audit verify --head` finds a tail that was cut off.',
    source: ['guard-4'],
    tests: ['tests/attacks/tamper.test.ts', 'packages/guard/src/audit/verify.test.ts'],
  },
  {
    id: 'no-record-no-action',
    sentence:
      'When the intent cannot be written, the call is refused with 503, no upstream sees it, and service resumes by itself.',
    source: ['guard-4'],
    tests: ['tests/faults/disk-full.test.ts', 'tests/faults/failing-disk.test.ts'],
  },
  {
    id: 'one-record',
    sentence: 'Every request ends in exactly one outcome or refusal record, also when the code fails.',
    source: ['guard-4', 'plat-4'],
    tests: ['tests/attacks/door-limits.test.ts', 'tests/faults/failing-disk.test.ts'],
  },
  {
    id: 'kill-9',
    sentence:
      'Killed at any moment, no upstream effect exists without an intent record, and the trail verifies after restart.',
    source: ['guard-4'],
    tests: ['tests/faults/kill.test.ts'],
  },
  {
    id: 'audit-values',
    sentence: 'Argument values stay out of the trail unless listed; a keyed digest and the size stand for them.',
    source: ['guard-4', 'fw-6'],
    tests: ['tests/attacks/door-limits.test.ts'],
  },
  {
    id: 'audit-sinks',
    sentence:
      'Records reach Splunk, Elasticsearch, syslog and webhooks in order, and an outage of the sink loses none.',
    source: ['guard-4'],
    due: work.observe,
  },
  {
    id: 'audit-admin',
    sentence: 'Each change made through console, admin API or CLI has a record that names who made it.',
    source: ['plat-4'],
    due: work.team,
  },
];
