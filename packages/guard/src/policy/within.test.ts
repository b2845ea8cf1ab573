import { describe, expect, it } from 'vitest';
import { findRootFault, isWithin } from './within.ts';

describe('within', () => {
  it.each([
    ['/srv/data', '/srv/data'],
    ['/srv/data/', '/srv/data'],
    ['/srv/data/a/b.txt', '/srv/data'],
    ['/srv/data/a', '/srv/data/'],
    ['/srv/data/..a/...b', '/srv/data'],
    ['/srv/data/mit Leerzeichen/é', '/srv/data'],
    ['/etc', '/'],
    ['data/a.txt', 'data'],
    ['a.txt', '.'],
    ['data/a', '.'],
    ['file:///srv/data/a%20b.txt', 'file:///srv/data'],
    ['file:///srv/data/a.txt', '/srv/data'],
    ['/srv/data/a.txt', 'file:///srv/data/'],
    ['https://docs.example.com/team/a', 'https://docs.example.com/team'],
  ])('%s lies in %s', (path, root) => {
    expect(isWithin(path, root)).toBe(true);
  });

  it.each([
    ['/srv', '/srv/data', 'a folder above'],
    ['/srv/database', '/srv/data', 'a name that only begins like it'],
    ['/srv/DATA/a', '/srv/data', 'another case'],
    ['srv/data/a', '/srv/data', 'a relative path in an absolute folder'],
    ['/data/a', 'data', 'an absolute path in a relative folder'],
    ['/srv/data/../etc', '/srv/data', 'a way up'],
    ['/srv/data/a/../b', '/srv/data', 'a way up that stays inside'],
    ['/srv/data/./a', '/srv/data', 'a dot segment'],
    ['./data/a', 'data', 'a dot segment at the start'],
    ['/srv/data/..', '/srv/data', 'a way up at the end'],
    ['/srv/data/.. /x', '/srv/data', 'a way up with a space that some systems drop'],
    ['/srv/data/...', '/srv/data', 'dots that some systems drop'],
    ['/srv//data/a', '/srv/data', 'a doubled slash'],
    ['//srv/data/a', '/srv/data', 'a share of a host'],
    ['/srv/data//', '/srv/data', 'two slashes at the end'],
    ['/srv/data\\..\\..\\etc', '/srv/data', 'backslashes'],
    ['/srv/data/a\\b', '/srv/data', 'a backslash'],
    ['/srv/data/%2e%2e/etc', '/srv/data', 'an encoded way up'],
    ['/srv/data/%252e%252e/etc', '/srv/data', 'a way up encoded twice'],
    ['/srv/data/a%2fb', '/srv/data', 'an encoded slash'],
    ['/srv/data/a\0.txt', '/srv/data', 'a NUL'],
    ['/srv/data/a\nb', '/srv/data', 'a line break'],
    ['/srv/data/\uff0e\uff0e/etc', '/srv/data', 'dots that become dots when normalised'],
    ['/srv/data/\u2025/etc', '/srv/data', 'a mark that becomes two dots'],
    ['/srv/data/a\uff0f..\uff0fb', '/srv/data', 'slashes that become slashes'],
    ['/srv/data/..\u00a0', '/srv/data', 'a way up with a space that trimming drops'],
    ['/srv/data/..\u3000/x', '/srv/data', 'a way up with a wide space'],
    ['/srv/data/\u200b../x', '/srv/data', 'a way up beside a character that nobody sees'],
    ['/srv/data/..\u0085/x', '/srv/data', 'a way up with a control character'],
    ['\u00a0/etc', '.', 'an absolute path after a space that trimming drops'],
    ['\ufeff/etc', '.', 'an absolute path after a byte order mark'],
    ['/srv/data/..;/x', '/srv/data', 'a way up with a parameter'],
    ['/srv/data/..\u2215x', '/srv/data', 'a mark that some systems take for a slash'],
    ['~/a', '.', 'a home folder'],
    [' ~/a', '.', 'a home folder after a space'],
    ['\u00a0~/a', '.', 'a home folder after a space that trimming drops'],
    ['~root/.ssh', '.', "another user's home folder"],
    ['C:/Windows', '.', 'a drive'],
    ['', '/srv/data', 'nothing'],
    ['/srv/data/a', '', 'nothing as a root'],
    ['file:///srv/data/%2e%2e/etc', 'file:///srv/data', 'an encoded way up in a URI'],
    ['file:///srv/data/%2E./etc', 'file:///srv/data', 'half an encoded way up'],
    ['file:///srv/data/a%2Fb', 'file:///srv/data', 'an encoded slash in a URI'],
    ['file:///srv/data/a%5Cb', 'file:///srv/data', 'an encoded backslash in a URI'],
    ['file:///srv/data/%25%32%65', 'file:///srv/data', 'what is encoded twice in a URI'],
    ['file:///srv/data/%00', 'file:///srv/data', 'an encoded NUL'],
    ['file:///srv/data/%c0%ae%c0%ae/', 'file:///srv/data', 'dots in overlong UTF-8'],
    ['file:///srv/data/a?b', 'file:///srv/data', 'a query'],
    ['file:///srv/data/a#b', 'file:///srv/data', 'a fragment'],
    ['file://host/srv/data/a', 'file:///srv/data', 'another host'],
    ['file:/srv/data/a', 'file:///srv/data', 'one slash for three'],
    ['https://evil.example/team/a', 'https://docs.example.com/team', 'another host of a URI'],
    ['https://docs.example.com@evil.example/team', 'https://docs.example.com/team', 'a host before an @'],
    ['http://docs.example.com/team', 'https://docs.example.com/team', 'another scheme'],
    ['https://docs.example.com/team/..;/x', 'https://docs.example.com/team', 'a way up with a parameter in a URI'],
    ['https://docs.example.com/team/%2e.%3b/x', 'https://docs.example.com/team', 'the same, encoded'],
  ])('%j does not lie in %j: %s', (path, root) => {
    expect(isWithin(path, root)).toBe(false);
  });

  it('has no place for what is longer than any path', () => {
    expect(isWithin(`/srv/${'a/'.repeat(4000)}`, '/srv')).toBe(false);
  });

  it('tells a root that nothing lies in', () => {
    expect(findRootFault('/srv/data')).toBeUndefined();
    expect(findRootFault('/srv/../etc')).toContain('nothing lies');
    expect(findRootFault('C:\\data')).toContain('nothing lies');
  });
});
