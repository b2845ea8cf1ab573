import { describe, expect, it } from 'vitest';
import { duration, exchangeLine } from './exchange-line.ts';
import { createPaint } from './terminal.ts';

const time = Date.UTC(2026, 7, 1, 12, 4, 9);
const terminal = { paint: createPaint(false), isTerminal: true, utcOffset: 0 };
const refused = {
  time,
  id: 'x7Qe',
  principal: 'key:quickstart',
  method: 'tools/call',
  target: 'files.write_file',
  effect: 'refused',
  text: 'not allowed: role reader',
  ms: 0.4,
} as const;

describe('exchangeLine', () => {
  it('says when, how, who, what, why and under which id', () => {
    const line = exchangeLine(refused, terminal).replace(/ {2,}/g, '  ');
    expect(line).toBe('12:04:09  ✗ quickstart  files.write_file  not allowed: role reader  x7Qe');
  });

  it('lines up what has different outcomes', () => {
    const ok = exchangeLine({ ...refused, effect: 'ok', text: undefined, target: 'everything.echo' }, terminal);
    expect(ok.indexOf('x7Qe')).toBe(exchangeLine(refused, terminal).indexOf('x7Qe'));
    expect(ok).toContain('✓');
    expect(ok).toContain('0.4 ms');
  });

  it('uses words in place of signs where no person looks', () => {
    const line = exchangeLine(refused, { ...terminal, isTerminal: false });
    expect(line).toContain('refused quickstart');
    expect(line).not.toMatch(/[^ -~]/);
  });

  it('shows local time and requests without a caller or a target', () => {
    const line = exchangeLine(
      { ...refused, principal: undefined, method: undefined, target: undefined, effect: 'error' },
      { ...terminal, utcOffset: -120 },
    );
    expect(line).toMatch(/^14:04:09 {2}! nobody +unreadable/);
  });

  it('keeps the end of a long id, where people of one issuer differ', () => {
    const who = (principal: string) =>
      exchangeLine({ ...refused, principal }, terminal)
        .slice(12, 28)
        .trimEnd();
    expect(who('jwt:https://login.example.com|ada')).toBe('jwt:…|ada');
    expect(who('jwt:https://login.example.com|00000000-1111-2222')).toBe('jwt:…0-1111-2222');
    expect(who('cert:spiffe://example.com/agent/one')).toBe('cert:…/agent/one');
    expect(who('key:a-very-long-name-of-a-key')).toBe('a-very-long-nam…');
  });

  it('lets no name from outside act on the terminal', () => {
    const line = exchangeLine({ ...refused, target: 'files.\u001b[2J\u202e' }, terminal);
    expect(line).toContain('files.\\u001b[2J\\u202e');
  });

  it('writes time spans as a person would', () => {
    expect([0.84, 12.3, 999.4, 3400].map(duration)).toEqual(['0.8 ms', '12 ms', '999 ms', '3.4 s']);
  });
});
