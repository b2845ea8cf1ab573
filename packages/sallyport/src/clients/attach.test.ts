import { describe, expect, it } from 'vitest';
import { attach, detach, isAttached } from './attach.ts';
import { parseLenientJson } from '../json-edit.ts';

const entry = { command: '/opt/node', args: ['/opt/sallyport/main.ts', 'run', '--stdio', '-c', '/etc/s.yaml'] };
const original = '{\n\t"mcpServers": {\n\t\t"files": { "command": "npx" }, // mine\n\t},\n\t"other": 1\n}\n';

describe('attach and detach', () => {
  it('restores an unchanged file byte for byte', () => {
    const attached = attach(original, 'mcpServers', entry);
    expect(isAttached(attached, 'mcpServers')).toBe(true);
    expect(isAttached(original, 'mcpServers')).toBe(false);
    expect(detach(attached, original, 'mcpServers')).toEqual({ kind: 'restore' });
  });

  it('restores a file that was connected twice with different entries', () => {
    const twice = attach(attach(original, 'mcpServers', { command: 'old', args: [] }), 'mcpServers', entry);
    expect(detach(twice, original, 'mcpServers')).toEqual({ kind: 'restore' });
  });

  it('deletes a file that only we made', () => {
    expect(detach(attach(undefined, 'servers', entry), undefined, 'servers')).toEqual({ kind: 'delete' });
  });

  it('takes only our entry out of a file that others changed since', () => {
    const changed = attach(original, 'mcpServers', entry).replace('"other": 1', '"other": 2');
    const detached = detach(changed, original, 'mcpServers');
    expect(detached.kind).toBe('write');
    const text = detached.kind === 'write' ? detached.text : '';
    expect(parseLenientJson(text)).toEqual({ mcpServers: { files: { command: 'npx' } }, other: 2 });
    expect(text).toContain('// mine');
  });

  it('gives back an entry of the same name that was there before', () => {
    const own = '{"mcpServers":{"sallyport":{"command":"mine"}},"a":1}';
    const changed = attach(own, 'mcpServers', entry).replace('"a":1', '"a":2');
    expect(detach(changed, own, 'mcpServers')).toEqual({
      kind: 'write',
      text: '{"mcpServers":{"sallyport":{"command":"mine"}},"a":2}',
    });
  });

  it('finds nothing to do where nothing of ours is', () => {
    expect(detach(original, undefined, 'mcpServers')).toEqual({ kind: 'absent' });
  });
});
