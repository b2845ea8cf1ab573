import { describe, expect, it } from 'vitest';
import { banner, serverLines, type ShownServer } from './banner.ts';
import { createPaint } from './terminal.ts';

const style = { paint: createPaint(false), isTerminal: true };
const files: ShownServer = {
  name: 'files',
  state: 'ready',
  transport: 'stdio',
  era: 'legacy',
  revision: '2025-11-25',
  tools: 14,
  quarantined: [],
  lastError: undefined,
};

const held = { list: 'tools', name: 'x', reason: 'y' };

describe('banner', () => {
  it('shows the address that callers are told before the one that it listens on', () => {
    const facts = { version: '1', servers: [files], isObserving: false, audit: 'state/audit', tries: [] };
    const endpoint = 'https://0.0.0.0:8443/mcp';
    const lines = banner({ ...facts, endpoint, publicEndpoint: 'https://mcp.example.com/mcp' }, style);
    expect(lines.slice(4, 6)).toEqual([
      '  Endpoint  https://mcp.example.com/mcp',
      '  Listens   https://0.0.0.0:8443/mcp',
    ]);
  });

  it('shows servers, places, the key and what to try', () => {
    const lines = banner(
      {
        version: '0.1.0',
        servers: [files, { ...files, name: 'everything', tools: 1, quarantined: [held, held] }],
        endpoint: 'http://127.0.0.1:8848/mcp',
        admin: 'http://127.0.0.1:8849',
        isObserving: false,
        audit: 'state/audit',
        key: { text: 'the-key', role: 'reader' },
        tries: [{ about: 'A call:', command: 'curl x \\\n  -d y' }],
      },
      style,
    );
    expect(lines).toEqual([
      'Sallyport 0.1.0',
      '',
      '  ✓  files       14 tools             stdio  legacy 2025-11-25',
      '  ✓  everything  1 tool, 2 held back  stdio  legacy 2025-11-25',
      '',
      '  Endpoint  http://127.0.0.1:8848/mcp',
      '  Key       the-key  role reader, shown once',
      '  Metrics   http://127.0.0.1:8849/metrics',
      '  Audit     state/audit',
      '',
      '  A call:',
      '  curl x \\',
      '    -d y',
      '',
      'Calls appear below; Ctrl-C stops.',
      '',
    ]);
  });

  it('says that calls to try follow when there is nothing to call yet', () => {
    const key = { text: 'the-key', role: 'reader' };
    const facts = { version: '0.1.0', servers: [files], endpoint: 'x', isObserving: false, audit: 'y', tries: [] };
    expect(banner({ ...facts, key }, style)).toContain('  calls to try follow when a server is ready');
    expect(banner(facts, style)).not.toContain('  calls to try follow when a server is ready');
  });

  it('says loudly that a gateway only observes', () => {
    const facts = { version: '0.1.0', servers: [files], endpoint: 'x', audit: 'y', tries: [] };
    expect(banner({ ...facts, isObserving: true }, style).join('\n')).toMatch(/OBSERVING {2}policy refuses nothing/);
    expect(banner({ ...facts, isObserving: false }, style).join('\n')).not.toContain('OBSERVING');
  });

  it('names a sick server and why, without letting it act on the terminal', () => {
    const [line] = serverLines([{ ...files, state: 'sick', lastError: 'exit 1: \u001b[31mno' }], {
      ...style,
      isTerminal: false,
    });
    expect(line).toBe('  sick  files  exit 1: \\u001b[31mno');
  });

  it('keeps the columns of the others together, however much there is to say of one', () => {
    const [, line] = serverLines([{ ...files, state: 'sick', lastError: 'x'.repeat(80) }, files], style);
    expect(line).toBe('  ✓  files  14 tools  stdio  legacy 2025-11-25');
  });

  it('says the name of a server once', () => {
    const [line] = serverLines([{ ...files, state: 'sick', lastError: 'files stopped. (exit code 1)' }], style);
    expect(line).toBe('  ✗  files  sick: stopped. (exit code 1)');
  });
});
