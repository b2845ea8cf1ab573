import { describe, expect, it } from 'vitest';
import { isHopError, toLegacyError, toModernError } from './errors.ts';

const legacy = (method: string, error: string): string =>
  Buffer.from(toLegacyError(method, Buffer.from(error))).toString();
const modern = (method: string, error: string, uri?: string): string =>
  Buffer.from(toModernError(method, Buffer.from(error), uri)).toString();

describe('error codecs', () => {
  it('turns a missing resource into the code of the other era', () => {
    expect(legacy('resources/read', '{"code": -32602,"message":"no","data":{"uri":"u"}}')).toBe(
      '{"code": -32002,"message":"no","data":{"uri":"u"}}',
    );
    expect(modern('resources/read', '{"code":-32002,"message":"no","data":{"uri":"x"}}', 'u')).toBe(
      '{"code":-32602,"message":"no","data":{"uri":"x"}}',
    );
  });

  it('fills in the URI that a legacy server left out', () => {
    for (const data of ['', ',"data":null', ',"data":{}']) {
      const error = JSON.parse(modern('resources/read', `{"code":-32002,"message":"no"${data}}`, 'file:///a'));
      expect(error).toEqual({ code: -32602, message: 'no', data: { uri: 'file:///a' } });
    }
  });

  it('leaves other wrong parameters and other codes alone', () => {
    const wrong = '{"code":-32602,"message":"no cursor"}';
    expect(legacy('resources/read', wrong)).toBe(wrong);
    expect(legacy('tools/call', '{"code":-32602,"message":"","data":{"uri":"u"}}')).toContain('-32602');
    expect(modern('tools/call', '{"code":-32000,"message":""}')).toBe('{"code":-32000,"message":""}');
  });

  it('lets no code reach modern callers that their revision forbids', () => {
    expect(modern('resources/subscribe', '{"code":-32002,"message":""}')).toBe('{"code":-32602,"message":""}');
    expect(modern('tools/call', '{"code":-32042,"message":"visit"}')).toBe('{"code":-32603,"message":"visit"}');
  });

  it('knows the errors that are about the hop to an upstream', () => {
    expect([-32020, -32021, -32022, -32602, -32002].map(isHopError)).toEqual([true, true, true, false, false]);
  });
});
