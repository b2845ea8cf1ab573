import { describe, expect, it } from 'vitest';
import { readCompact } from './compact-form.ts';

const part = (text: string): string => Buffer.from(text).toString('base64url');
const header = part('{"alg":"RS256","kid":"a","typ":"at+jwt"}');
const good = `${header}.${part('{}')}.${part('signature')}`;

function withHeader(text: string | Uint8Array): string {
  return `${Buffer.from(text).toString('base64url')}.${part('{}')}.${part('signature')}`;
}

describe('the compact form of a token', () => {
  it('gives header and payload', () => {
    expect(readCompact(good)).toMatchObject({
      kind: 'token',
      text: good,
      header: { alg: 'RS256', kid: 'a', typ: 'at+jwt' },
      payload: Buffer.from('{}'),
    });
  });

  it.each([
    ['nothing', ''],
    ['dots only', '..'],
    ['two parts', `${header}.${part('{}')}`],
    ['four parts', `${good}.x`],
    ['five parts, as of an encrypted token', `${good}.a.b`],
    ['a thousand parts', '.'.repeat(1000)],
    ['no signature', `${header}.${part('{}')}.`],
    ['no header', `.${part('{}')}.${part('s')}`],
    ['padding', `${header}.${part('{}')}=.${part('signature')}`],
    ['letters of plain base64', `${header}.${part('{}')}.+/AA`],
    ['a space', `${header}. ${part('{}')}.${part('signature')}`],
    ['a line break at the end', `${good}\n`],
    ['spare bits in two characters', `${header}.${part('{}')}.AB`],
    ['spare bits in three characters', `${header}.${part('{}')}.AAB`],
    ['a character too many', `${header}.${part('{}')}.AAAAA`],
    ['a header that is not JSON', withHeader('alg')],
    ['a header that is a list', withHeader('["RS256"]')],
    ['a header that is nothing', withHeader('null')],
    ['two members of one name', withHeader('{"alg":"none","alg":"RS256"}')],
    ['two members of one name, one of them escaped', withHeader(String.raw`{"alg":"none","\u0061lg":"RS256"}`)],
    ['bytes that are not UTF-8', withHeader(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d))],
    ['a byte order mark', withHeader('\ufeff{"alg":"RS256"}')],
    ['a header as deep as a well', withHeader(`{"alg":"RS256","x":${'['.repeat(20)}${']'.repeat(20)}}`)],
    ['more than 16 KiB', `${header}.${part('x'.repeat(16_000))}.${part('signature')}`],
  ])('is not what has %s', (_, text) => {
    expect(readCompact(text)).toMatchObject({ kind: 'fault', fault: 'shape' });
  });

  it.each([
    ['no alg', '{"kid":"a"}'],
    ['an alg that is no text', '{"alg":["RS256"]}'],
    ['an alg of nothing', '{"alg":null}'],
    ['an alg that is only inherited', '{"__proto__":{"alg":"RS256"}}'],
    ['a kid that is no text', '{"alg":"RS256","kid":1}'],
    ['a typ that is no text', '{"alg":"RS256","typ":{}}'],
    ['crit', '{"alg":"RS256","crit":["exp"],"exp":1}'],
    ['an empty crit', '{"alg":"RS256","crit":[]}'],
    ['b64', '{"alg":"RS256","b64":false}'],
    ['zip', '{"alg":"RS256","zip":"DEF"}'],
    ['enc', '{"alg":"dir","enc":"A256GCM"}'],
  ])('is refused for a header with %s', (_, text) => {
    expect(readCompact(withHeader(text))).toMatchObject({ kind: 'fault', fault: 'header' });
  });

  it('keeps nothing of what a header offers beside the three', () => {
    const text = '{"alg":"RS256","jku":"https://attacker.example","jwk":{},"x5u":"file:///etc/passwd","x5c":[]}';
    const token = readCompact(withHeader(text));
    expect(token.kind === 'token' && token.header).toEqual({ alg: 'RS256' });
  });
});
