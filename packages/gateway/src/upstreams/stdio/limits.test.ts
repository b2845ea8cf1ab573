import { describe, expect, it } from 'vitest';
import { cpuVerdict, limitedCommand } from './limits.ts';

describe('the command of a server with limits', () => {
  it('is its own where the kernel has nothing to bound', () => {
    expect(limitedCommand(['server', 'x'], undefined)).toEqual(['server', 'x']);
    expect(limitedCommand(['server', 'x'], { processes: 4 })).toEqual(['server', 'x']);
  });

  it('sets each bound or ends, and hands the words over without reading them', () => {
    const command = limitedCommand(['server', '$(id)', ''], { memory: 512 * 1024 * 1024, files: 256, cpu: 1500 });
    expect(command.slice(0, 2)).toEqual(['/bin/sh', '-c']);
    expect(command[2]).toBe(
      'ulimit -d 1572864 || exit 125; ulimit -n 256 || exit 125; ulimit -S -t 2 || exit 125; ' +
        'ulimit -H -t 7 || exit 125; exec "$@"',
    );
    expect(command.slice(3)).toEqual(['limits', 'server', '$(id)', '']);
  });
});

describe('the end of a server that used up its processor time', () => {
  it('is told by its signal, also through a sandbox, and only where there is a limit', () => {
    const text = 'it used up its 2 s of processor time (limits.cpu)';
    expect(cpuVerdict({ cpu: 2000 }, { code: null, signal: 'SIGXCPU' })).toBe(text);
    expect(cpuVerdict({ cpu: 2000 }, { code: 152, signal: null })).toBe(text);
    expect(cpuVerdict({ cpu: 2000 }, { code: 1, signal: null })).toBeUndefined();
    expect(cpuVerdict({}, { code: null, signal: 'SIGXCPU' })).toBeUndefined();
  });
});
