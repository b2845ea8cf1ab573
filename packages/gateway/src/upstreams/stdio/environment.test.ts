import { describe, expect, it } from 'vitest';
import { childEnvironment } from './environment.ts';

const own = { PATH: '/usr/bin', HOME: '/root', API_TOKEN: 'x'.repeat(12), SystemRoot: 'C:\\Windows' };

describe("a child's environment", () => {
  it('is what is listed, and PATH', () => {
    expect(childEnvironment({ LOG: 'info' }, own, 'linux')).toEqual({ PATH: '/usr/bin', LOG: 'info' });
    expect(childEnvironment({}, own, 'darwin')).toEqual({ PATH: '/usr/bin' });
  });

  it('has the listed PATH where one is listed', () => {
    expect(childEnvironment({ PATH: '/opt/bin' }, own, 'linux')).toEqual({ PATH: '/opt/bin' });
  });

  it('has on Windows what programs need to start', () => {
    expect(childEnvironment({}, own, 'win32')).toEqual({ PATH: '/usr/bin', SystemRoot: 'C:\\Windows' });
  });
});
