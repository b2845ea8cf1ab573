import { describe, expect, it } from 'vitest';
import type { AuditRecord } from '@sallyport/guard';
import { reasonName, recordLine } from './record-line.ts';
import { createPaint } from './terminal.ts';

const style = { paint: createPaint(false), isTerminal: false, utcOffset: 0 };
const base = { v: 1, seq: 7, time: '2026-08-01T12:04:09.000Z', prev: 'p', hash: 'h' } as const;
const call = {
  ...base,
  exchange: 'x7Qe',
  principal: { id: 'key:ci', kind: 'key', roles: ['reader', 'writer'] },
  method: 'tools/call',
  target: { upstream: 'files', kind: 'tool', name: 'write_file' },
} as const;
const line = (record: AuditRecord) => recordLine(record, style).replace(/ {2,}/g, '  ');

describe('recordLine', () => {
  it('says how an exchange ended', () => {
    expect(line({ ...call, kind: 'outcome', outcome: { status: 'ok', ms: 12 } })).toBe(
      '2026-08-01 12:04:09  ok  ci  files.write_file  12 ms  x7Qe',
    );
    expect(line({ ...call, kind: 'outcome', outcome: { status: 'tool error', ms: 12 } })).toContain('error  ci');
    expect(line({ ...call, kind: 'refusal', outcome: { status: '403', reason: 'forbidden' } })).toBe(
      '2026-08-01 12:04:09  refused ci  files.write_file  not allowed: roles reader, writer  x7Qe',
    );
    expect(
      line({ ...call, kind: 'refusal', outcome: { status: '502', reason: 'unavailable: no such host' } }),
    ).toContain('unavailable: no such host');
  });

  it('names the denial that said no, instead of roles that have nothing to do with it', () => {
    const outcome = { status: '403', reason: 'forbidden' } as const;
    const decision = { effect: 'deny', rule: 'deny: *.write_file', at: 'sallyport.yaml:3:8' } as const;
    expect(line({ ...call, kind: 'refusal', outcome, decision })).toContain('not allowed: deny: *.write_file');
    const silent = { effect: 'deny', rule: 'no-grant' } as const;
    expect(line({ ...call, kind: 'refusal', outcome, decision: silent })).toContain('roles reader, writer');
  });

  it('takes a stream that opened and closed for no failure', () => {
    const stream = { ...base, exchange: 'x7Qf', principal: call.principal, method: 'GET', kind: 'outcome' } as const;
    for (const status of ['stream opened', 'stream closed', 'stream resumed', 'session ended', 'socket opened']) {
      expect(line({ ...stream, outcome: { status, ms: 1 } })).toBe(`2026-08-01 12:04:09  ok  ci  GET  ${status}  x7Qf`);
    }
    expect(line({ ...stream, outcome: { status: 'error -32603', ms: 1 } })).toContain('error  ci');
  });

  it('shows what is no exchange by its number', () => {
    expect(line({ ...base, kind: 'system', outcome: { status: 'started' } })).toBe(
      '2026-08-01 12:04:09  ok  system  system  started  #7',
    );
  });

  it('knows the refusals of the table and nothing else', () => {
    expect(reasonName('denied: x')).toBe('denied');
    expect(reasonName('toString')).toBeUndefined();
  });
});
