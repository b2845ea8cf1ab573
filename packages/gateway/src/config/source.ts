/**
 * Turns the text of one YAML file into nodes with places. Everything that YAML would let pass in silence (tags, unknown
 * aliases, duplicate keys, directives, more documents) is a problem here, because in a policy it would silently vanish.
 */
import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml';
import type { Origin } from '@sallyport/guard';
import { findExcess, MAX_DEPTH } from './bounds.ts';
import type { ConfigNode, Entry, MapNode } from './node.ts';
import type { ProblemLog } from './problem.ts';

/** Most values in one file after aliases are expanded. */
const MAX_NODES = 100_000;
interface YamlAdvice {
  readonly message: string;
  readonly suggestion: string;
}

const QUOTE = 'put the value in quotes';

/** What to say for each error code of the parser: its own words are about YAML, ours about this file. */
const ADVICE: Readonly<Record<string, YamlAdvice>> = {
  ALIAS_PROPS: { message: 'an alias cannot carry a tag or an anchor', suggestion: QUOTE },
  BAD_ALIAS: {
    message: 'a value that begins with * is a YAML alias unless it is quoted',
    suggestion: "put patterns in quotes: '*'",
  },
  BAD_DIRECTIVE: {
    message: 'YAML directives (lines that begin with %) are not allowed',
    suggestion: 'remove the line',
  },
  BAD_DQ_ESCAPE: {
    message: 'this escape is not known in double quotes',
    suggestion: 'use single quotes, in which a backslash is just a backslash',
  },
  BAD_INDENT: {
    message: 'the indentation does not fit',
    suggestion: 'indent with two spaces under the key this belongs to',
  },
  BAD_PROP_ORDER: { message: 'anchor and tag are in the wrong place', suggestion: 'write the value without them' },
  BAD_SCALAR_START: { message: 'a value cannot begin with this character', suggestion: QUOTE },
  BLOCK_AS_IMPLICIT_KEY: {
    message: 'two colons on one line: YAML cannot tell key from value',
    suggestion: 'put a value that contains ": " in quotes, or begin a new line',
  },
  BLOCK_IN_FLOW: {
    message: 'a block cannot stand inside [ ] or { }',
    suggestion: 'write all of it in brackets or none',
  },
  DUPLICATE_KEY: { message: 'this key stands twice', suggestion: 'keep one of them' },
  KEY_OVER_1024_CHARS: { message: 'this key is too long', suggestion: 'shorten it' },
  MISSING_CHAR: { message: 'something is missing here', suggestion: 'close the quote or bracket, or add the colon' },
  MULTILINE_IMPLICIT_KEY: { message: 'a key must stand on one line', suggestion: 'add the colon after the key' },
  MULTIPLE_ANCHORS: { message: 'a value can have one anchor only', suggestion: 'remove the others' },
  MULTIPLE_DOCS: {
    message: 'a second document begins here',
    suggestion: 'remove the line ---; several files are given with several -c',
  },
  MULTIPLE_TAGS: { message: 'a value that begins with ! is a YAML tag unless it is quoted', suggestion: QUOTE },
  RESOURCE_EXHAUSTION: { message: 'the file is nested too deep', suggestion: `use at most ${MAX_DEPTH} levels` },
  TAB_AS_INDENT: { message: 'tabs cannot indent YAML', suggestion: 'indent with two spaces' },
  UNEXPECTED_TOKEN: { message: 'this does not belong here', suggestion: 'check quotes, brackets and colons before it' },
};

const FALLBACK: YamlAdvice = {
  message: 'this is not valid YAML',
  suggestion: 'check quotes, brackets and indentation',
};

/**
 * Reads `text` of `file` into nodes. Returns `undefined` when the text is no YAML mapping; problems that leave the
 * meaning clear (a tag, a duplicate key) are reported and reading goes on with what was meant.
 */
export function parseSource(file: string, text: string, log: ProblemLog): MapNode | undefined {
  const lines = new LineCounter();
  const originAt = (offset: number): Origin => {
    const place = lines.linePos(Math.min(offset, text.length));
    return { file, line: Math.max(1, place.line), column: Math.max(1, place.col) };
  };

  const excess = findExcess(text);
  if (excess !== undefined) {
    // Nothing has been parsed, so the line is counted here.
    const before = text.slice(0, excess.offset).split(/\r\n|\n|\r/);
    const place = { file, line: before.length, column: (before.at(-1) ?? '').length + 1 };
    log.report(place, { code: 'yaml', message: excess.message, suggestion: excess.suggestion });
    return undefined;
  }
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
    logLevel: 'error',
  });
  const exhausted = document.errors.find((error) => error.code === 'RESOURCE_EXHAUSTION');
  const fatal = exhausted === undefined ? document.errors : [exhausted];
  const reported = new Set<string>();
  for (const error of fatal.slice(0, 20)) {
    const opener = /closing|end with a/.test(error.message) ? findOpener(document, text, error.pos[0]) : undefined;
    const advice = ADVICE[error.code] ?? FALLBACK;
    const at = originAt(opener ?? error.pos[0]);
    const complaint =
      opener === undefined
        ? advice
        : { message: `this ${text.charAt(opener)} is never closed`, suggestion: 'close it on the same level' };
    const key = JSON.stringify([at, complaint.message]);
    if (!reported.has(key)) log.report(at, { code: 'yaml', ...complaint });
    reported.add(key);
  }
  if (fatal.length > 0) return undefined;
  for (const warning of document.warnings) {
    if (warning.code === 'TAG_RESOLVE_FAILED') continue;
    const advice = ADVICE[warning.code] ?? FALLBACK;
    log.report(originAt(warning.pos[0]), {
      code: 'yaml',
      message: advice.message,
      suggestion: advice.suggestion,
      length: warning.pos[1] - warning.pos[0],
    });
  }

  const walker = createWalker(document, text, originAt, log);
  const root = walker.walk(document.contents, 0, 0);
  if (walker.isExhausted()) return undefined;
  if (root.kind === 'map') return root;
  const isEmpty = root.kind === 'scalar' && root.value === null;
  log.report(root.origin, {
    code: 'type',
    message: isEmpty ? 'the file is empty' : 'a configuration is a mapping of keys to values',
    suggestion: isEmpty
      ? 'begin with `version: 1`, or run `sallyport init`'
      : 'write `key: value` lines; begin with `version: 1`',
  });
  return undefined;
}

/** Returns where the quote or bracket opens that is still open at `offset`. */
function findOpener(document: ReturnType<typeof parseDocument>, text: string, offset: number): number | undefined {
  let opener: number | undefined;
  visit(document, {
    Node: (_key, node) => {
      const range = node.range;
      if (!range || range[0] > offset || range[1] < Math.min(offset, text.trimEnd().length)) return;
      const first = text.charAt(range[0]);
      const last = text.charAt(range[1] - 1);
      const closing = { '[': ']', '{': '}', "'": "'", '"': '"' }[first];
      if (closing !== undefined && (closing !== last || range[1] - range[0] === 1)) opener = range[0];
    },
  });
  return opener;
}

interface Walker {
  walk(node: unknown, depth: number, fallback: number): ConfigNode;
  isExhausted(): boolean;
}

function createWalker(
  document: ReturnType<typeof parseDocument>,
  text: string,
  originAt: (offset: number) => Origin,
  log: ProblemLog,
): Walker {
  let count = 0;
  let exhausted = false;

  const nothing = (origin: Origin): ConfigNode => ({ kind: 'scalar', origin, value: null, written: '' });

  const exhaust = (origin: Origin, message: string, suggestion: string): ConfigNode => {
    if (!exhausted) log.report(origin, { code: 'yaml', message, suggestion });
    exhausted = true;
    return nothing(origin);
  };

  /** An explicit tag: `!x` is most often a pattern without quotes, so go on as if it had them. */
  const reportTag = (offset: number): { origin: Origin; tag: string } => {
    const start = text.lastIndexOf('!', Math.max(0, offset - 1));
    const begin = start > 0 && text[start - 1] === '!' ? start - 1 : Math.max(0, start);
    const tag = /^![^\s,[\]{}]*/.exec(text.slice(begin, begin + 512))?.[0] ?? '!';
    const origin = originAt(begin);
    log.report(origin, {
      code: 'yaml',
      message: `${tag} is a YAML tag because it is not quoted, so it would silently vanish`,
      suggestion: tag.startsWith('!!') ? `remove the tag ${tag}` : `put it in quotes: '${tag}'`,
      length: tag.length,
    });
    return { origin, tag };
  };

  const walk = (node: unknown, depth: number, fallback: number): ConfigNode => {
    count += 1;
    if (exhausted) return nothing(originAt(fallback));
    if (count > MAX_NODES) {
      return exhaust(
        originAt(fallback),
        'the file holds too many values once its aliases are expanded',
        'write the values out',
      );
    }
    if (depth > MAX_DEPTH) {
      return exhaust(originAt(fallback), 'the file is nested too deep', `use at most ${MAX_DEPTH} levels`);
    }
    if (isAlias(node)) {
      const origin = originAt(node.range?.[0] ?? fallback);
      const target = node.resolve(document);
      if (target !== undefined) return walk(target, depth + 1, node.range?.[0] ?? fallback);
      const written = `*${node.source}`;
      log.report(origin, {
        code: 'yaml',
        message: `${written} is a YAML alias because it is not quoted, and no such anchor stands before it`,
        suggestion: `put it in quotes: '${written}'`,
        length: written.length,
      });
      return { kind: 'scalar', origin, value: written, written };
    }
    if (isScalar(node)) {
      const start = node.range?.[0] ?? fallback;
      const end = node.range?.[1] ?? start;
      const written = text.slice(start, end);
      if (node.tag !== undefined) {
        const { origin, tag } = reportTag(start);
        return { kind: 'scalar', origin, value: written === '' ? tag : String(node.value), written };
      }
      return { kind: 'scalar', origin: originAt(start), value: toPlain(node.value), written };
    }
    if (isSeq(node)) {
      const start = node.range?.[0] ?? fallback;
      if (node.tag !== undefined) reportTag(start);
      return { kind: 'list', origin: originAt(start), items: node.items.map((item) => walk(item, depth + 1, start)) };
    }
    if (isMap(node)) {
      const start = node.range?.[0] ?? fallback;
      if (node.tag !== undefined) reportTag(start);
      return { kind: 'map', origin: originAt(start), entries: walkEntries(node.items, depth, start) };
    }
    return nothing(originAt(fallback));
  };

  const walkEntries = (pairs: readonly { key: unknown; value: unknown }[], depth: number, start: number): Entry[] => {
    const entries: Entry[] = [];
    const seen = new Map<string, Origin>();
    for (const pair of pairs) {
      const keyNode = pair.key;
      const keyStart = isNode(keyNode) ? (keyNode.range?.[0] ?? start) : start;
      const keyEnd = isNode(keyNode) ? (keyNode.range?.[1] ?? keyStart) : keyStart;
      const keyOrigin = originAt(keyStart);
      if (!isScalar(keyNode) || typeof keyNode.value === 'object') {
        log.report(keyOrigin, {
          code: 'yaml',
          message: 'a key must be a word',
          suggestion: 'write `key: value`, and put a key with special characters in quotes',
        });
        continue;
      }
      if (keyNode.tag !== undefined) reportTag(keyStart);
      const key = typeof keyNode.value === 'string' ? keyNode.value : text.slice(keyStart, keyEnd);
      const earlier = seen.get(key);
      if (earlier !== undefined) {
        log.report(keyOrigin, {
          code: 'duplicate',
          message: `\`${key}\` stands twice: first at line ${earlier.line}`,
          suggestion: 'keep one of them',
          length: keyEnd - keyStart,
        });
        continue;
      }
      seen.set(key, keyOrigin);
      entries.push({ key, keyOrigin, value: walk(pair.value, depth + 1, keyStart) });
    }
    return entries;
  };

  return { walk, isExhausted: () => exhausted };
}

function toPlain(value: unknown): string | number | boolean | null {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null;
}
