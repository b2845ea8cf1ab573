// One way out: only packages/guard/src/egress opens connections to other machines. Elsewhere nothing is imported that
// could, and no global of the runtime that does is called; what connects within this machine stands in a table.
import { listFiles, readText } from './tree.ts';

/** The place that opens connections. */
const wayOut = 'packages/guard/src/egress/';

/** Files that connect to programs of the same user on the same machine, and to what. */
const local: Readonly<Record<string, string>> = {
  'packages/sallyport/src/control.ts': 'the control socket of a running gateway',
  'packages/gateway/src/control.ts': 'looks whether a gateway answers at its control socket',
};

/** What of a module opens connections; `all` stands for every value of it. */
const openers: Readonly<Record<string, readonly string[] | 'all'>> = {
  undici: 'all',
  ws: ['default', 'WebSocket'],
  'node:http': ['default', 'request', 'get', 'Agent', 'globalAgent', 'ClientRequest'],
  'node:https': ['default', 'request', 'get', 'Agent', 'globalAgent'],
  'node:http2': ['default', 'connect'],
  'node:net': ['default', 'connect', 'createConnection', 'Socket', 'Stream'],
  'node:tls': ['default', 'connect', 'TLSSocket'],
  'node:dgram': 'all',
  'node:dns': 'all',
  'node:dns/promises': 'all',
  jose: ['createRemoteJWKSet'],
};

const globals = /(?<![.\w#])(?:fetch|new (?:WebSocket|EventSource|XMLHttpRequest))\(/;
/** A parameter or a local of that name hides the global. */
const ownFetch = /[({,]\s*(?:readonly )?fetch\s*[,:)}]|(?:const|let|function) fetch\b/;
const statement = /^import\s+(?!type\b)([^'"]*?)\s*from\s*'([^']+)'/gms;
const dynamic = /\bimport\(\s*'([^']+)'/g;

/** The values that an import takes from a module: `default`, `*` and names; types leave nothing at run time. */
function valuesIn(clause: string): readonly string[] {
  const [, names = ''] = /\{([^}]*)\}/.exec(clause) ?? [];
  const rest = clause
    .replace(/\{[^}]*\}/, '')
    .replace(/,/g, ' ')
    .trim();
  const named = names
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && !name.startsWith('type '))
    .map((name) => name.split(/\s+as\s+/)[0] ?? '');
  return [...(rest === '' ? [] : [rest.startsWith('*') ? '*' : 'default']), ...named];
}

function opensWith(module: string, values: readonly string[]): readonly string[] {
  const opening = openers[module] ?? openers[`node:${module}`];
  if (opening === undefined) return [];
  return opening === 'all' ? values : values.filter((value) => value === '*' || opening.includes(value));
}

/**
 * Says which lines of a file could open a connection.
 *
 * @param text - the file's source
 * @returns one line per offence, `line: what is wrong`
 */
export function findOutbound(text: string): string[] {
  const problems: string[] = [];
  const lineOf = (index: number): number => text.slice(0, index).split('\n').length;
  for (const match of text.matchAll(statement)) {
    const [, clause = '', module = ''] = match;
    const found = opensWith(module, valuesIn(clause));
    if (found.length > 0) problems.push(`${lineOf(match.index)}: takes ${found.join(', ')} from ${module}`);
  }
  for (const match of text.matchAll(dynamic)) {
    const module = match[1] ?? '';
    if (opensWith(module, ['*']).length > 0) problems.push(`${lineOf(match.index)}: loads ${module}`);
  }
  for (const [index, line] of text.split('\n').entries()) {
    if (/^\s*(?:\/\/|\/?\*)/.test(line)) continue;
    const found = globals.exec(line);
    if (found?.[0] === 'fetch(' && ownFetch.test(text)) continue;
    if (found !== null) problems.push(`${index + 1}: calls ${found[0].slice(0, -1)}`);
  }
  // It asks over the global fetch, unless it is given another: here, by whoever made the options of a token party.
  if (/from 'oauth4webapi'/.test(text) && /\b\w+Request\(/.test(text) && !/customFetch|token-party\.ts/.test(text)) {
    problems.push('1: uses oauth4webapi without customFetch');
  }
  return problems;
}

/**
 * Checks that product code opens connections in one place only.
 * @returns one line per offence, `file:line: what is wrong`.
 */
export function checkOutbound(): string[] {
  const sources = listFiles('packages', (path) => {
    const isProduct = /^packages\/[^/]+\/src\/.*\.tsx?$/.test(path) && !path.startsWith('packages/testkit/');
    return isProduct && !/\.(?:test|fixture)\.tsx?$/.test(path) && !path.startsWith(wayOut);
  });
  const unused = new Set(Object.keys(local));
  const problems: string[] = [];
  for (const path of sources) {
    const found = findOutbound(readText(path) ?? '');
    if (local[path] !== undefined) {
      if (found.length > 0) unused.delete(path);
      continue;
    }
    problems.push(...found.map((problem) => `${path}:${problem}; requests leave through ${wayOut} only`));
  }
  return [...problems, ...[...unused].map((path) => `${path}: connects to nothing any more (scripts/outbound.ts)`)];
}
