import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { longestText, stemOf, wordsOf } from './words.ts';

describe('words', () => {
  it.each([
    ['read_text_file', ['read', 'text', 'file']],
    ['get-file-info', ['get', 'file', 'info']],
    ['getFileInfo', ['get', 'file', 'info', 'getfileinfo']],
    ['HTTPServer', ['http', 'server', 'httpserver']],
    ['base64', ['base', '64', 'base64']],
    ['Löschen größer', ['löschen', 'größer']],
    ['ＦＵＬＬ width', ['full', 'width']],
    ['文件搜索', ['文件', '件搜', '搜索']],
    ['读', ['读']],
    ['ファイルを開く', ['ファ', 'ァイ', 'イル', 'ルを', 'を開', '開く']],
    ['open 文件 now', ['open', '文件', 'now']],
    ['ลบไฟล์', ['ลบ', 'บไ', 'ไฟ', 'ฟล', 'ล์']],
    ['!?-_', []],
  ])('of %s', (text, expected) => {
    expect(wordsOf(text)).toEqual(expected);
  });

  it('leave out what says nothing in a question, unless there is nothing else', () => {
    expect(wordsOf('I want to delete a file', true)).toEqual(['delet', 'file']);
    expect(wordsOf('how to', true)).toEqual(['how', 'to']);
  });

  it.each([
    ['deletes', 'deleted'],
    ['deleting', 'delete'],
    ['directories', 'directory'],
    ['searches', 'search'],
    ['stopped', 'stops'],
    ['issues', 'issue'],
    ['creating', 'creates'],
  ])('%s and %s are one', (one, other) => {
    expect(stemOf(one)).toBe(stemOf(other));
  });

  it('are bounded and always the same, whatever text comes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        const words = wordsOf(text);
        expect(wordsOf(text)).toEqual(words);
        expect(words.every((word) => word.length > 0 && word.length <= 1200)).toBe(true);
      }),
      { numRuns: 500, seed: 3 },
    );
    expect(wordsOf('ab '.repeat(longestText)).length).toBe(512);
    expect(wordsOf('\ud800 x \udc00')).toEqual(['x']);
  });
});
