import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { LONGEST_STRING, LONGEST_VALUES, createTimeFormat, encodeRecord, quote } from './record.ts';
import type { RecordDraft } from './record.ts';

const prev = '0'.repeat(64);

function parse(draft: RecordDraft): Record<string, unknown> {
  return JSON.parse(`${encodeRecord(draft, 7, '2026-11-20T10:00:00.000Z', prev)}}`) as Record<string, unknown>;
}

const full: RecordDraft = {
  kind: 'outcome',
  exchange: 'x7Qe',
  principal: { id: 'key:a', kind: 'key', roles: ['reader', 'writer'], agent: 'ide' },
  client: 'inspector/1.0',
  address: '127.0.0.1',
  door: 'http',
  era: 'modern',
  method: 'tools/call',
  target: { upstream: 'files', kind: 'tool', name: 'read', definition: 'ab' },
  decision: { effect: 'allow', rule: 'files.*', at: 'sallyport.yaml:1:2' },
  args: { digest: 'cd', bytes: 5, values: { schema: 'public' } },
  outcome: { status: 'ok', reason: 'none', bytes: 9, ms: 1.23456, stages: { parse: 0.1, invoke: 1 } },
  trace: '00-01',
};

describe('encoding a record', () => {
  it('writes every field in the documented order', () => {
    const record = parse(full);
    expect(Object.keys(record)).toEqual([
      ...['v', 'seq', 'time', 'exchange', 'kind', 'principal', 'client', 'address', 'door', 'era', 'method', 'target'],
      ...['decision', 'args', 'outcome', 'trace', 'prev'],
    ]);
    expect(record).toEqual({
      ...full,
      v: 1,
      seq: 7,
      time: '2026-11-20T10:00:00.000Z',
      outcome: { ...full.outcome, ms: 1.235 },
      prev,
    });
  });

  it('leaves out what is not known and writes no owed mark', () => {
    expect(parse({ kind: 'system', isOwed: true })).toEqual({
      v: 1,
      seq: 7,
      time: '2026-11-20T10:00:00.000Z',
      kind: 'system',
      prev,
    });
  });

  it('keeps any text on one line and gives it back unchanged', () => {
    const text = fc.string({ unit: 'binary', maxLength: 200 });
    fc.assert(
      fc.property(text, text, (name, value) => {
        const draft: RecordDraft = { kind: 'intent', client: name, args: { values: { [name]: value } } };
        const line = encodeRecord(draft, 7, '2026-11-20T10:00:00.000Z', prev);
        expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\u200b\ufeff]/);
        const record = JSON.parse(`${line}}`) as { client: string; args: { values: Record<string, string> } };
        expect(record.client).toBe(name);
        expect(record.args.values[name]).toBe(value);
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it('escapes lone surrogates, so that the line is valid UTF-8', () => {
    const lone = String.fromCharCode(0xd800);
    const pair = String.fromCodePoint(0x1f600);
    expect(quote(`a${lone}b${pair}`)).toBe(`"a\\ud800b${pair}"`);
    const line = encodeRecord({ kind: 'intent', method: `${lone}${pair}` }, 1, 't', prev);
    expect(Buffer.from(line).toString()).toBe(line);
  });

  it('cuts long strings on a code point boundary and notes their length', () => {
    expect(JSON.parse(quote('x'.repeat(LONGEST_STRING)))).toBe('x'.repeat(LONGEST_STRING));
    expect(JSON.parse(quote('x'.repeat(5000)))).toBe(`${'x'.repeat(LONGEST_STRING)}…(5000)`);
    const emoji = String.fromCodePoint(0x1f600);
    expect(JSON.parse(quote(`x${emoji.repeat(600)}`))).toBe(`x${emoji.repeat(511)}…(1201)`);
  });

  it('bounds lists and kept values, and stands values that cannot be written', () => {
    const roles = Array.from({ length: 1000 }, (_, index) => `r${index}`);
    expect(parse({ kind: 'intent', principal: { id: 'a', kind: 'key', roles } })).toHaveProperty(
      'principal.roles.length',
      64,
    );
    const cut = parse({ kind: 'intent', args: { values: { a: 'x'.repeat(LONGEST_VALUES) } } });
    expect(cut).toHaveProperty('args.values', { $cut: LONGEST_VALUES + 8 });
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    expect(parse({ kind: 'intent', args: { values: cycle } })).toHaveProperty('args.values', { $unreadable: true });
    expect(parse({ kind: 'intent', args: { bytes: Number.NaN } })).toHaveProperty('args.bytes', null);
  });
});

describe('formatting time', () => {
  it('agrees with Date for any time', () => {
    const format = createTimeFormat();
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_000_000_000_000 }), (time) => {
        expect(format(time)).toBe(new Date(time).toISOString());
      }),
      { seed: 1 },
    );
    expect(format(1_000_000_000_007.9)).toBe(new Date(1_000_000_000_007).toISOString());
  });
});
