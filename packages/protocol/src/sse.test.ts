import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SseItem, SseLimits } from './sse.ts';
import { encodeSseEvent, SseParser } from './sse.ts';

const limits: SseLimits = { maxLineBytes: 1000, maxEventBytes: 1000 };

const show = (items: readonly SseItem[]): unknown[] =>
  items.map((item) =>
    item.kind === 'fault'
      ? item.name
      : [item.event, Buffer.from(item.data).toString(), ...(item.id === '' ? [] : [item.id])],
  );

function parse(text: string, cut = Number.MAX_SAFE_INTEGER, parser = new SseParser(limits)): unknown[] {
  const bytes = Buffer.from(text);
  const items: SseItem[] = [];
  for (let at = 0; at < bytes.length; at += cut) items.push(...parser.push(bytes.subarray(at, at + cut)));
  return show(items);
}

describe('SseParser', () => {
  it('reads data, type and id, and knows all three line ends wherever the stream is cut', () => {
    const text = ':hi\ndata: one\r\n\r\nevent: ping\rid: 7\rdata:two\rdata\rdata:  three\r\rdata: four\n\ndata: lost\n';
    const wanted = [
      ['message', 'one'],
      ['ping', 'two\n\n three', '7'],
      ['message', 'four', '7'],
    ];
    for (const cut of [1, 2, 3, 5, 7, 1000]) expect(parse(text, cut)).toEqual(wanted);
  });

  it('takes a carriage return and line feed for one end, even with the stream cut between them', () => {
    const parser = new SseParser(limits);
    expect(show(parser.push(Buffer.from('data: a\r')))).toEqual([]);
    expect(show(parser.push(Buffer.from('\ndata: b\r\n\r')))).toEqual([['message', 'a\nb']]);
    expect(show(parser.push(Buffer.from('\ndata: c\n\n')))).toEqual([['message', 'c']]);
  });

  it('tells an event with empty data from one without data, and remembers the id of either', () => {
    const parser = new SseParser(limits);
    expect(parse('id: 1\n\n', 99, parser)).toEqual([]);
    expect(parser.lastEventId).toBe('1');
    expect(parse('id: 2\ndata:\n\n', 99, parser)).toEqual([['message', '', '2']]);
    expect(parse('event: x\n\ndata: y\n\n', 99, parser)).toEqual([['message', 'y', '2']]);
    expect(parse('id\ndata: z\n\n', 99, parser)).toEqual([['message', 'z']]);
    expect(parse('id: a\0b\ndata: z\n\n', 99, parser)).toEqual([['message', 'z']]);
  });

  it('reads the reconnection time, and no other number for it', () => {
    const parser = new SseParser(limits);
    parse('retry: soon\nretry: -1\nretry: 1e3\nretry:\n', 99, parser);
    expect(parser.retryMs).toBeUndefined();
    parse('retry: 2500\n', 99, parser);
    expect(parser.retryMs).toBe(2500);
  });

  it('passes over comments, unknown fields and a byte order mark at the start', () => {
    expect(parse('\ufeffdata: a\n:\nfoo: bar\nDATA: x\n data: x\n\n')).toEqual([['message', 'a']]);
    expect(parse('data: a\n\n\ufeffdata: b\n\n')).toEqual([['message', 'a']]);
  });

  it('closes at a line or an event over its cap, before the line has ended', () => {
    const parser = new SseParser({ maxLineBytes: 12, maxEventBytes: 10 });
    expect(parse('data: 123456\n\ndata: 1234567', 4, parser)).toEqual([['message', '123456'], 'line-too-long']);
    expect(parse('\n\ndata: a\n\n', 99, parser)).toEqual([]);
    const other = new SseParser({ maxLineBytes: 12, maxEventBytes: 10 });
    expect(parse('data: 12345\ndata: 1234\n\ndata: 12345\ndata: 12345\n\n', 5, other)).toEqual([
      ['message', '12345\n1234'],
      'event-too-large',
    ]);
    const comments = new SseParser({ maxLineBytes: 12, maxEventBytes: 10 });
    expect(parse(':keep-alive\n'.repeat(1000), 100, comments)).toEqual([]);
    const bare = new SseParser({ maxLineBytes: 12, maxEventBytes: 10 });
    expect(parse('data\n'.repeat(12), 100, bare)).toEqual(['event-too-large']);
  });
});

describe('encodeSseEvent', () => {
  const encode = (data: string, id?: string, event?: string): string =>
    Buffer.from(encodeSseEvent(Buffer.from(data), id, event)).toString();

  it('writes one event', () => {
    expect(encode('{"a":1}')).toBe('data: {"a":1}\n\n');
    expect(encode('/messages', '7', 'endpoint')).toBe('event: endpoint\nid: 7\ndata: /messages\n\n');
    expect(encode('')).toBe('data: \n\n');
  });

  it('lets no data end its event early or forge a field', () => {
    expect(encode('{"a":\n\nid: 9\rdata: x\r\n1}')).toBe(
      'data: {"a":\ndata: \ndata: id: 9\ndata: data: x\ndata: 1}\n\n',
    );
  });

  it('throws at ids and types that would forge fields', () => {
    for (const bad of ['a\nb', 'a\rb', 'a\0b']) {
      expect(() => encode('x', bad)).toThrow(RangeError);
      expect(() => encode('x', '1', bad)).toThrow(RangeError);
    }
  });

  it('is read back by the parser, line ends made equal', () => {
    const text = fc.array(fc.constantFrom('a', ' ', ':', '\n', '\r', 'é', 'data: ')).map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 9 }), (data, cut) => {
        expect(parse(encode(data, '1'), cut)).toEqual([['message', data.replaceAll(/\r\n?/g, '\n'), '1']]);
      }),
      { seed: 20261120, numRuns: 1000 },
    );
  });
});
