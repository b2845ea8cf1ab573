import { describe, expect, it } from 'vitest';
import { refusalExchange, resultLines } from './call-result.ts';

describe('resultLines', () => {
  it('shows text as it is and names the rest', () => {
    const content = [
      { type: 'text', text: 'one\ntwo' },
      { type: 'image', mimeType: 'image/png', data: 'AAAA' },
      { type: 'resource_link', uri: 'file:///a', name: 'a' },
      { type: 'resource', resource: { uri: 'file:///b', text: 'inside' } },
    ];
    expect(resultLines({ content })).toEqual([
      'one',
      'two',
      '[image image/png, 3 bytes]',
      '[resource file:///a a]',
      '[resource file:///b]',
      'inside',
    ]);
  });

  it('falls back on structured content', () => {
    expect(resultLines({ structuredContent: { sum: 3 } })).toEqual(['{', '  "sum": 3', '}']);
    expect(resultLines({ content: [null, 1] })).toEqual([]);
  });

  it('finds the exchange of a refusal', () => {
    expect(refusalExchange({ reason: 'denied', exchange: 'x7Qe' })).toBe('x7Qe');
    expect(refusalExchange(undefined)).toBeUndefined();
  });
});
