import { describe, expect, it } from 'vitest';
import { heldBack, serverName } from './wrap.ts';

describe('serverName', () => {
  it('names a wrapped server after its package or script', () => {
    const commands: [string, string[]][] = [
      ['server-everything', ['npx', '-y', '@modelcontextprotocol/server-everything@2026.8.31', 'stdio']],
      ['mcp-server-git', ['uvx', 'mcp-server-git', '--repository', '.']],
      ['index', ['/usr/bin/node', '/srv/index.js']],
      ['server', ['python3', './server.py']],
      ['github-mcp-server', ['github-mcp-server', 'stdio']],
      ['tool', ['C:\\tools\\tool.exe']],
      ['npx', ['npx']],
    ];
    for (const [name, command] of commands) expect(serverName(command, undefined)).toBe(name);
  });

  it('takes a given name only when it is legal', () => {
    expect(serverName(['x'], 'git')).toBe('git');
    expect(() => serverName(['x'], 'My Git')).toThrow('is no name');
  });
});

describe('heldBack', () => {
  it('lists what is not passed, likely secrets first, and no more than a line', () => {
    const env = { PATH: '/bin', HOME: '/h', B: '1', A: '1', GITHUB_TOKEN: 't', PASSED: 'x' };
    expect(heldBack(['PASSED'], env)).toBe('GITHUB_TOKEN, A, B');
    expect(heldBack([], { PATH: '' })).toBeUndefined();
    const many = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`V${index}`, '1']));
    expect(heldBack([], many)).toMatch(/ and 8 more variables$/);
  });
});
