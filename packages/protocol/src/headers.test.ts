import { describe, expect, it } from 'vitest';
import { CLIENT_CAPABILITIES_KEY, PROTOCOL_VERSION_KEY } from './envelope.ts';
import type { HeaderFields } from './headers.ts';
import { checkHeaders, mirroredTarget } from './headers.ts';
import { messageOf } from './message-of.test-support.ts';

const _meta = { [PROTOCOL_VERSION_KEY]: '2026-07-28', [CLIENT_CAPABILITIES_KEY]: {} };
const call = messageOf({ id: 1, method: 'tools/call', params: { name: 'écho', _meta } });
const good: HeaderFields = {
  'mcp-protocol-version': '2026-07-28',
  'mcp-method': 'tools/call',
  'mcp-name': '=?base64?w6ljaG8=?=',
};

describe('checkHeaders', () => {
  it('takes headers that say what the body says, white space at their ends aside', () => {
    expect(checkHeaders(call, good)).toBeUndefined();
    expect(
      checkHeaders(call, { ...good, 'mcp-method': '\ttools/call ', 'mcp-protocol-version': ' 2026-07-28' }),
    ).toBeUndefined();
  });

  it.each(['mcp-protocol-version', 'mcp-method', 'mcp-name'])('asks for %s', (header) => {
    expect(checkHeaders(call, { ...good, [header]: undefined })).toEqual({
      name: 'header-missing',
      code: -32020,
      header,
    });
  });

  it.each([
    ['mcp-protocol-version', ['2025-11-25', '', '2026-07-28, 2026-07-28', '=?base64?MjAyNi0wNy0yOA==?=']],
    ['mcp-method', ['tools/list', 'Tools/call', '', '=?base64?dG9vbHMvY2FsbA==?=', 'tools%2Fcall']],
    ['mcp-name', ['echo', '=?base64?ZcyBY2hv?=', '']],
  ])('refuses %s that says something else', (header, values) => {
    for (const value of values) {
      expect(checkHeaders(call, { ...good, [header]: value })).toEqual({
        name: 'header-mismatch',
        code: -32020,
        header,
      });
    }
  });

  it('refuses a name in broken base64, and one with bytes that a header may not have', () => {
    for (const name of ['=?base64?!?=', 'écho', 'a\u0000']) {
      expect(checkHeaders(call, { ...good, 'mcp-name': name })).toMatchObject({
        name: 'header-encoding',
        header: 'mcp-name',
      });
    }
  });

  it('refuses any of the protocol’s headers sent twice, and no others', () => {
    for (const header of ['mcp-method', 'mcp-name', 'mcp-protocol-version', 'mcp-param-region', 'mcp-session-id']) {
      expect(checkHeaders(call, good, new Set(['accept', header]))).toMatchObject({ name: 'header-repeated', header });
    }
    expect(checkHeaders(call, good, new Set(['accept', 'cookie']))).toBeUndefined();
  });

  it('refuses a name header where the body names nothing', () => {
    const nameless = messageOf({ id: 1, method: 'tools/call', params: { _meta } });
    expect(checkHeaders(nameless, good)).toMatchObject({ name: 'header-mismatch', header: 'mcp-name' });
    expect(checkHeaders(nameless, { ...good, 'mcp-name': undefined })).toBeUndefined();
  });

  it('mirrors URIs and task ids like names, and nothing for other methods', () => {
    expect(
      ['tools/call', 'prompts/get', 'resources/read', 'tasks/get', 'tasks/update', 'tasks/cancel'].map(mirroredTarget),
    ).toEqual(['name', 'name', 'uri', 'taskId', 'taskId', 'taskId']);
    expect(['tools/list', 'completion/complete', 'ping', '__proto__'].map(mirroredTarget)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    const read = messageOf({ id: 1, method: 'resources/read', params: { uri: 'file:///a', _meta } });
    const headers = { ...good, 'mcp-method': 'resources/read' };
    expect(checkHeaders(read, { ...headers, 'mcp-name': 'file:///a' })).toBeUndefined();
    expect(checkHeaders(read, { ...headers, 'mcp-name': 'file:///b' })).toMatchObject({ name: 'header-mismatch' });
  });

  it('lets a notification come without headers, but not with others than its body', () => {
    const note = messageOf({ method: 'notifications/cancelled', params: { requestId: 1 } });
    expect(checkHeaders(note, {})).toBeUndefined();
    expect(checkHeaders(note, { 'mcp-protocol-version': '2026-07-28' })).toBeUndefined();
    expect(checkHeaders(note, { 'mcp-method': 'tools/call' })).toMatchObject({ name: 'header-mismatch' });
  });
});
