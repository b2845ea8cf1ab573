import { describe, expect, it } from 'vitest';
import { compileCondition, compilePolicy, explainDecision, type AuditRecord } from '@sallyport/guard';
import { decisionLines, exchangeStory, explanationLines, stageVerdicts } from './explanation.ts';
import { createPaint } from './terminal.ts';

const paint = createPaint(false);
const base = { v: 1, seq: 7, time: '2026-08-01T12:04:09.000Z', exchange: 'x7Qe', prev: 'p', hash: 'h' } as const;
const call = {
  ...base,
  principal: { id: 'key:ci', kind: 'key', roles: ['reader'] },
  client: 'evil\u001b[2J',
  door: 'http',
  address: '127.0.0.1',
  era: 'modern',
  method: 'tools/call',
  target: { upstream: 'files', kind: 'tool', name: 'write_file' },
} as const;
const early = { receive: 0.1, identify: 0.1, parse: 0.1, resolve: 0.1 };
const refused: AuditRecord = {
  ...call,
  kind: 'refusal',
  decision: { effect: 'deny', rule: 'reader: files.write_*', at: 'sallyport.yaml:12:9' },
  outcome: { status: '403', reason: 'forbidden', ms: 1, stages: { ...early, authorize: 0.2 } },
};

describe('stageVerdicts', () => {
  it('names the stage that refused and leaves out what came behind it', () => {
    const verdicts = stageVerdicts([refused]);
    expect(verdicts).toHaveLength(12);
    expect(verdicts.filter(({ verdict }) => verdict === 'refused')).toEqual([
      { stage: 'authorize', verdict: 'refused', ms: 0.2, note: 'not allowed: role reader' },
    ]);
    const unreached = verdicts.filter(({ verdict }) => verdict === 'not reached').map(({ stage }) => stage);
    expect(unreached).toEqual(['admit', 'inspect', 'intend', 'invoke', 'screen']);
  });

  it('shows an exchange whose end is not recorded up to its intent', () => {
    const intent: AuditRecord = { ...call, kind: 'intent' };
    const reached = stageVerdicts([intent]).filter(({ verdict }) => verdict === 'passed');
    expect(reached.at(-1)).toEqual({ stage: 'intend', verdict: 'passed', note: 'record 7' });
    expect(exchangeStory([intent], paint).join('\n')).toContain('No outcome is recorded');
  });
});

describe('exchangeStory', () => {
  it('lets nothing from outside act on the terminal', () => {
    const text = exchangeStory([refused], paint).join('\n');
    expect(text).toContain('x7Qe  2026-08-01T12:04:09.000Z  tools/call files.write_file');
    expect(text).toContain('evil\\u001b[2J');
    expect(text).not.toContain('\u001b');
  });
});

describe('decisionLines', () => {
  it('points at the line that decided, and gives the way out where the table has one', () => {
    expect(decisionLines(refused, (at) => `here/${at}`, paint)).toEqual([
      'Decided by  here/sallyport.yaml:12:9  reader: files.write_*',
    ]);
    const sick = { ...refused, decision: undefined, outcome: { status: '502', reason: 'unavailable: no such host' } };
    expect(decisionLines(sick, (at) => at, paint)).toEqual([
      'Meaning     the server is not available',
      'Way out     Retry later.',
    ]);
  });
});

describe('decisionLines of what policy had allowed', () => {
  it('names the limit and not the grant, and advises the operator', () => {
    const outcome = { status: '429', reason: 'limited: limit of write calls, 5/m' };
    expect(decisionLines({ ...refused, outcome }, (at) => at, paint)).toEqual([
      'Way out     Raise limits.effects.write (5/m then), or wait.',
    ]);
    const blocked = { ...refused, outcome: { status: '403', reason: 'blocked' } };
    expect(decisionLines(blocked, (at) => at, paint).at(-1)).toContain('sallyport status');
  });
});

describe('explanationLines', () => {
  it('shows the rules that bear on a call and the smallest change', () => {
    const at = (line: number) => ({ file: 'a.yaml', line, column: 3 });
    const grant = (pattern: string, line: number, isSubtraction = false) => ({
      pattern,
      isSubtraction,
      origin: at(line),
    });
    const reader = {
      name: 'reader',
      tools: [grant('files.*', 4), grant('files.write_*', 5, true)],
      resources: [],
      prompts: [],
      deny: [],
      origin: at(2),
    };
    const { access } = compilePolicy({ deny: [], roles: [reader] });
    const explanation = explainDecision(access(['reader']), 'tools', 'files.write_file');
    const text = explanationLines(explanation, ({ file, line, column }) => `${file}:${line}:${column}`, paint).join(
      '\n',
    );
    expect(text).toContain('✗ not allowed  files.write_file');
    expect(text).toContain('✓  role reader  files.*         a.yaml:4:3');
    expect(text).toContain('✗  role reader  !files.write_*  a.yaml:5:3');
    expect(text).toContain("To allow it remove '!files.write_*' from tools of role reader (a.yaml:5:3)");
  });

  it('shows how each part of a condition came out, on one line each', () => {
    const condition = compileCondition('args.schema in ["public"] &&\n  args.limit <= 100');
    if ('offset' in condition) expect.fail(condition.message);
    const origin = { file: 'a.yaml', line: 4, column: 3 };
    const tools = [{ pattern: 'db.query', isSubtraction: false, condition, origin }];
    const reader = { name: 'reader', tools, resources: [], prompts: [], deny: [], origin };
    const access = compilePolicy({ deny: [], roles: [reader] }).access(['reader']);
    const explanation = explainDecision(access, 'tools', 'db.query', {
      args: { schema: 'hr\u001b', limit: 5 },
      caller: { id: 'test', kind: 'key', roles: ['reader'] },
      target: { server: 'db', name: 'query', key: 'db.query', kind: 'tool' },
    });
    const asked = explanationLines(explainDecision(access, 'tools', 'db.query'), () => 'here', paint);
    expect(asked[0]).toBe('? depends on the arguments  db.query');
    const text = explanationLines(explanation, ({ line }) => `line ${line}`, paint).join('\n');
    expect(text).toContain('✗ not allowed  db.query');
    expect(text).toContain('args.limit <= 100: fails  line 4');
    expect(text).toContain('✗  role reader  db.query  when args.schema in ["public"] && args.limit <= 100: fails');
    expect(text).toContain('✗ args.schema in ["public"]   (args.schema = "hr\\u001b")');
    expect(text).toContain('✓ args.limit <= 100   (args.limit = 5)');
    expect(text).not.toContain('\u001b');
  });
});
