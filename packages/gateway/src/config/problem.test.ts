import { describe, expect, it } from 'vitest';
import { createProblemLog, formatProblem } from './problem.ts';

const file = '/etc/sp/main.yaml';

function formatted(text: string, line: number, column: number, length: number, hide?: [number, number]): string {
  const log = createProblemLog();
  log.addText(file, text);
  log.report({ file, line, column }, { code: 'value', message: 'wrong', suggestion: 'write right', length });
  if (hide !== undefined) log.hide({ file, line, column: hide[0] }, hide[1]);
  const [problem] = log.sorted().problems;
  return problem === undefined ? '' : formatProblem(problem);
}

describe('formatProblem', () => {
  it('prints place, line, caret and suggestion', () => {
    expect(formatted('version: 1\nlisten: 7\n', 2, 9, 1)).toBe(
      [`${file}:2:9: error: wrong`, '  2 | listen: 7', '    |         ^', '  help: write right'].join('\n'),
    );
  });

  it('keeps the caret under its character behind tabs', () => {
    expect(formatted('\t\tx: y', 1, 3, 1)).toContain('  1 |   x: y\n    |   ^');
  });

  it('does not let a file control the terminal', () => {
    const text = formatted('a: \u001b[31mred\u202e', 1, 1, 1);
    expect(text).not.toContain('\u001b');
    expect(text).not.toContain('\u202e');
  });

  it('blots out hidden ranges and whatever a secret name is given', () => {
    const value = ['hun', 'ter2'].join('');
    expect(formatted(`a: ${value}`, 1, 1, 1, [4, value.length])).toContain('a: •••••••');
    for (const line of [
      `x: { password: ${value} }`,
      `apiKey: "${value}"`,
      `'access-token': ${value} # c`,
      `  bearer: ${value}`,
    ]) {
      expect(formatted(line, 1, 1, 1)).not.toContain(value);
    }
    expect(formatted('token: env:GITHUB', 1, 1, 1)).toContain('env:GITHUB');
  });

  it('colours only when asked', () => {
    const problem = { code: 'value', file, line: 1, column: 1, length: 1, message: 'm' } as const;
    expect(formatProblem(problem)).toBe(`${file}:1:1: error: m`);
    expect(formatProblem(problem, { color: true, isWarning: true })).toContain('\u001b[33mwarning');
  });
});
