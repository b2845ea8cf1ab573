import { describe, expect, it } from 'vitest';
import { entryText, JsonTextError, parseLenientJson, removeEntry, replaceEntryText, setEntry } from './json-edit.ts';

const entry = { command: '/usr/bin/node', args: ['run'] };

const samples: Record<string, string> = {
  'an indented file': '{\n  "mcpServers": {\n    "files": { "command": "npx" }\n  },\n  "theme": "dark"\n}\n',
  'tabs and CRLF': '{\r\n\t"mcpServers": {\r\n\t\t"files": {\r\n\t\t\t"command": "npx"\r\n\t\t}\r\n\t}\r\n}\r\n',
  'one line': '{"mcpServers":{"files":{"command":"npx"}},"theme":"dark"}',
  'comments and trailing commas':
    '// mine\n{\n  "mcpServers": {\n    /* files */ "files": { "url": "http://a//b" }, // keep "this"\n  },\n}\n',
  'a comment behind the last member': '{\n  "mcpServers": {\n    "files": {} // the files\n  }\n}\n',
  'an empty holder': '{\n    "mcpServers": {},\n    "a": [1, {"b": "}"}]\n}',
  'no holder': '{\n  "theme": "dark"\n}\n',
  'an empty object': '{}',
  'a byte order mark': '\ufeff{\n  "mcpServers": {}\n}\n',
  'an inline holder': '{\n  "mcpServers": { "files": {"command":"npx"} }\n}\n',
};

describe('setEntry', () => {
  for (const [title, text] of Object.entries(samples)) {
    it(`adds an entry to ${title} and keeps every other member`, () => {
      const changed = setEntry(text, 'mcpServers', 'sallyport', entry);
      const before = parseLenientJson(text) as Record<string, Record<string, unknown>>;
      expect(parseLenientJson(changed)).toEqual({
        ...before,
        mcpServers: { ...before['mcpServers'], sallyport: entry },
      });
      for (const comment of text.match(/\/\/ \w.*|\/\*.*?\*\//g) ?? []) expect(changed).toContain(comment);
    });

    it(`changes an entry of ${title} in place, so that doing it twice is doing it once`, () => {
      const once = setEntry(text, 'mcpServers', 'sallyport', entry);
      expect(setEntry(once, 'mcpServers', 'sallyport', entry)).toBe(once);
      const other = setEntry(once, 'mcpServers', 'sallyport', { command: 'other' });
      expect(setEntry(other, 'mcpServers', 'sallyport', entry)).toBe(once);
    });

    it(`removes the entry from ${title} again`, () => {
      const changed = removeEntry(setEntry(text, 'mcpServers', 'sallyport', entry), 'mcpServers', 'sallyport');
      const before = parseLenientJson(text) as Record<string, unknown>;
      expect(parseLenientJson(changed)).toEqual({ mcpServers: {}, ...before });
    });
  }

  it('follows the indentation and line ends of the file', () => {
    expect(setEntry(samples['tabs and CRLF'] ?? '', 'mcpServers', 'x', { a: 1 })).toContain(
      '\t\t},\r\n\t\t"x": {\r\n\t\t\t"a": 1\r\n\t\t}\r\n\t}',
    );
    expect(setEntry(samples['one line'] ?? '', 'mcpServers', 'x', { a: 1 })).toBe(
      '{"mcpServers":{"files":{"command":"npx"},"x":{"a":1}},"theme":"dark"}',
    );
  });

  it('makes a file out of nothing', () => {
    expect(setEntry('', 'servers', 'x', { a: 1 })).toBe('{\n  "servers": {\n    "x": {\n      "a": 1\n    }\n  }\n}\n');
  });

  it('refuses what is not JSON, by place and without quoting it', () => {
    const secret = 'not-to-be-shown';
    let caught: unknown;
    try {
      setEntry(`{\n  "key": ${secret}\n}`, 'mcpServers', 'x', {});
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(JsonTextError);
    expect(String(caught)).toContain('not JSON');
    expect(String(caught)).not.toContain(secret);
    expect(() => setEntry('{\n "a" 1}', 'mcpServers', 'x', {})).toThrow('not JSON at line 2, column 6');
    expect(() => setEntry('[]', 'mcpServers', 'x', {})).toThrow(JsonTextError);
    expect(() => setEntry('{"mcpServers": []}', 'mcpServers', 'x', {})).toThrow('not an object');
  });
});

describe('removeEntry', () => {
  it('removes a first, a middle and a last member with one comma each', () => {
    const text = '{\n  "s": {\n    "a": 1,\n    "b": 2,\n    "c": 3\n  }\n}';
    expect(removeEntry(text, 's', 'a')).toBe('{\n  "s": {\n    "b": 2,\n    "c": 3\n  }\n}');
    expect(removeEntry(text, 's', 'b')).toBe('{\n  "s": {\n    "a": 1,\n    "c": 3\n  }\n}');
    expect(removeEntry(text, 's', 'c')).toBe('{\n  "s": {\n    "a": 1,\n    "b": 2\n  }\n}');
  });

  it('leaves a text without the member alone', () => {
    expect(removeEntry('{ "s": {} }', 's', 'x')).toBe('{ "s": {} }');
    expect(removeEntry('', 's', 'x')).toBe('');
  });
});

describe('entryText', () => {
  it('reads and replaces a member as text', () => {
    const text = '{"s": {"x": {"a": "}"}, "y": 1}}';
    expect(entryText(text, 's', 'x')).toBe('{"a": "}"}');
    expect(replaceEntryText(text, 's', 'x', 'null')).toBe('{"s": {"x": null, "y": 1}}');
    expect(entryText(text, 's', 'z')).toBeUndefined();
  });
});
