/** Readers of `upstreams`: servers that the gateway starts, and servers that it reaches by URL. */
import { dirname, resolve } from 'node:path';
import type { Origin, Rate } from '@sallyport/guard';
import { bareHost, isLoopback, upstreamUrl } from './address.ts';
import { duration, rate } from './grammar.ts';
import { entryOf, type ConfigNode, type MapNode } from './node.ts';
import type { AuthConfig } from './credential-types.ts';
import { auth } from './credentials.ts';
import { resourceLimits, sandbox, type SandboxSetting } from './custody.ts';
import { env, refuseToken } from './environment.ts';
import { findUnpinned } from './unpinned.ts';
import { nearest } from './nearest.ts';
import { object, type Keys, type ObjectOptions } from './object.ts';
import {
  choice,
  integer,
  lengthOf,
  list,
  readText,
  text,
  wrongType,
  wrongValue,
  type Reader,
  type Reading,
} from './reader.ts';
import type { Secret } from './secret.ts';
import type { Ask, ResourceLimitsConfig, Share, StdioUpstreamConfig, UpstreamConfig } from './types.ts';

const COMMAND_EXAMPLE = "[npx, -y, '@modelcontextprotocol/server-filesystem', ./data]";

/** One word of a command; may be empty after the first. */
const word: Reader<string> = {
  schema: { type: 'string' },
  read: (node, reading) => {
    if (
      node.kind === 'scalar' &&
      (node.value === '' || typeof node.value === 'number' || typeof node.value === 'boolean')
    ) {
      return node.value === '' ? '' : node.written;
    }
    const found = readText(node, reading, 'a word of a command', 'each argument as one item');
    if (found === undefined) return undefined;
    if (found.value.includes('\0')) return wrongValue(found, reading, 'an argument cannot hold a NUL', 'remove it');
    if (found.secret !== undefined) return found.value;
    const wayOut = 'pass it in the environment: env: { NAME: env:NAME }, or write env:NAME in its place';
    return refuseToken(found.value, found.node, reading, wayOut) ? undefined : found.value;
  },
};

const words = list(word, 'program and arguments', COMMAND_EXAMPLE);

const command: Reader<readonly [string, ...string[]]> = {
  schema: { ...words.schema, minItems: 1 },
  read: (node, reading) => {
    if (node.kind === 'scalar' && typeof node.value === 'string' && node.value !== '') {
      reading.log.report(node.origin, {
        code: 'type',
        message: 'expected a list of program and arguments, found text: there is no shell that would split it',
        suggestion: `write [${node.value.trim().split(/\s+/).slice(0, 12).map(inFlow).join(', ')}]`,
        length: lengthOf(node),
      });
      return undefined;
    }
    const argv = words.read(node, reading);
    if (argv === undefined) return undefined;
    const [program, ...rest] = argv;
    if (program === undefined || program === '')
      return wrongType(node, reading, 'a program and its arguments', COMMAND_EXAMPLE);
    return [program === 'node' ? reading.nodePath : program, ...rest];
  },
};

/** A word as it can stand in a YAML list in brackets. */
function inFlow(value: string): string {
  return /^[A-Za-z0-9_./-][A-Za-z0-9_./=-]*$/.test(value) ? value : `'${value.replaceAll("'", "''")}'`;
}

const folder: Reader<string> = text('a folder', './data', {}, (found) =>
  resolve(dirname(found.node.origin.file), found.value),
);

interface CommonBody {
  readonly share: Share;
  readonly timeout: number;
  readonly maxTime: number;
  readonly limit: Rate | undefined;
  readonly concurrent: number | undefined;
  readonly ask: readonly Ask[];
}

const TIMES = { minimum: 100, maximum: 24 * 3_600_000, words: 'from 100ms to 24h' };

function commonKeys(share: Share): Keys<CommonBody> {
  return {
    share: {
      reader: choice('all', 'caller', 'session'),
      fallback: share,
      description: 'Whether callers share one connection',
    },
    timeout: {
      reader: duration(TIMES),
      fallback: '60s',
      description: 'How long a request may go without a sign of life',
    },
    maxTime: { reader: duration(TIMES), fallback: '10m', description: 'How long a request may take in all' },
    limit: { reader: rate, description: 'How often all callers together may call' },
    concurrent: { reader: integer(1, 100_000, 16), description: 'Calls of all callers that may run at once' },
    ask: {
      reader: list(choice('elicitation', 'sampling', 'roots'), 'requests', '[elicitation]', true),
      fallback: [],
      description: 'Requests that the server may send to the caller',
    },
  };
}

type StdioBody = CommonBody & {
  command: readonly [string, ...string[]];
  env: ReadonlyMap<string, Secret>;
  cwd: string;
  limits: ResourceLimitsConfig | undefined;
  sandbox: SandboxSetting;
};
type UrlBody = CommonBody & { url: string; auth: AuthConfig | undefined };

const stdioKeys: Keys<StdioBody> = {
  command: {
    reader: command,
    isRequired: true,
    description: 'Program and arguments; `node` means the Node that runs Sallyport',
  },
  env: { reader: env, fallback: {}, description: 'The whole environment of the server: inherit, a reference, or text' },
  cwd: { reader: folder, fallback: '.', description: 'The folder in which it starts, relative to this file' },
  limits: { reader: resourceLimits, description: 'What it may use of the machine' },
  sandbox: {
    reader: sandbox(folder),
    fallback: false,
    description: 'Whether it runs behind walls (bubblewrap); what they let through',
  },
  ...commonKeys('all'),
};

const urlKeys: Keys<UrlBody> = {
  url: {
    reader: upstreamUrl,
    isRequired: true,
    description: 'Its MCP endpoint: http(s):// in any way that it speaks, or ws(s)://',
  },
  auth: { reader: auth, description: 'The credential of the gateway, never of a caller' },
  ...commonKeys('caller'),
};

const LATER = ['openapi', 'server', 'tools', 'mode'];

const OPTIONS: Omit<ObjectOptions, 'wanted'> = {
  example: `{ command: ${COMMAND_EXAMPLE} }`,
  later: LATER,
  hints: {
    args: `write program and arguments as one list: command: ${COMMAND_EXAMPLE}`,
    type: 'remove it: `command` starts a program, `url` reaches a server',
    transport: 'remove it: `command` starts a program, `url` reaches a server',
    headers: 'write auth: { header: { NAME: env:NAME } }',
    bearer: 'write auth: { bearer: env:NAME }',
    memory: 'write limits: { memory: 512MiB }',
    processes: 'write limits: { processes: 64 }',
    network: 'write sandbox: { network: off }',
    disabled: 'remove the upstream, or put # before its lines',
  },
};

const stdio = object<StdioBody>(stdioKeys, { ...OPTIONS, wanted: 'an upstream with `command`' });
const byUrl = object<UrlBody>(urlKeys, { ...OPTIONS, wanted: 'an upstream with `url`' });

/** What stands under an upstream's name. */
export function upstream(name: string, origin: Origin): Reader<UpstreamConfig> {
  return {
    schema: { anyOf: [stdio.schema, byUrl.schema] },
    read: (node, reading) => {
      if (node.kind !== 'map') {
        return wrongType(
          node,
          reading,
          'an upstream',
          `{ command: ${COMMAND_EXAMPLE} } or { url: https://api.example.com/mcp }`,
        );
      }
      const startsProgram = entryOf(node, 'command');
      const reachesUrl = entryOf(node, 'url');
      if (startsProgram !== undefined && reachesUrl !== undefined) {
        const message = 'an upstream has either `command` or `url`';
        reading.log.report(reachesUrl.keyOrigin, {
          code: 'conflict',
          message,
          suggestion: 'remove one of them',
          length: 3,
        });
        return undefined;
      }
      if (startsProgram === undefined && reachesUrl === undefined) {
        reportKindless(name, node, origin, reading);
        return undefined;
      }
      return startsProgram === undefined
        ? readUrl(name, origin, node, reading)
        : readStdio(name, origin, node, reading);
    },
  };
}

function reportKindless(name: string, node: MapNode, origin: Origin, reading: Reading): void {
  const later = node.entries.find((entry) => entry.key === 'openapi');
  const suggestion = 'write command: [PROGRAM, ARGUMENT] or url: https://…';
  const misspelt = node.entries.find((entry) => nearest(entry.key, ['command', 'url']) !== undefined);
  if (later === undefined && misspelt !== undefined) {
    const { key, keyOrigin } = misspelt;
    reading.log.report(keyOrigin, {
      code: 'unknown-key',
      message: `\`${key}\` is not a key of an upstream`,
      suggestion: `did you mean \`${nearest(key, ['command', 'url']) ?? ''}\`?`,
      length: key.length,
    });
    return;
  }
  if (later === undefined) {
    const message = `upstream \`${name}\` has neither \`command\` nor \`url\``;
    reading.log.report(origin, { code: 'missing', message, suggestion, length: name.length });
    return;
  }
  const message = '`openapi` is not available in this version';
  reading.log.report(later.keyOrigin, { code: 'not-available', message, suggestion, length: later.key.length });
}

function readStdio(name: string, origin: Origin, node: MapNode, reading: Reading): StdioUpstreamConfig | undefined {
  const found = stdio.read(node, reading);
  if (found === undefined || !checkCommon(found, node, reading)) return undefined;
  warnOfUnpinned(entryOf(node, 'command')?.value, reading);
  const { sandbox: walls, ...rest } = found;
  const secretArguments = secretsAmong(entryOf(node, 'command')?.value, reading);
  return { kind: 'stdio', name, origin, ...rest, sandbox: walls === 'off' ? undefined : walls, secretArguments };
}

/** The words of a command that came from references. */
function secretsAmong(node: ConfigNode | undefined, reading: Reading): readonly Secret[] {
  if (node?.kind !== 'list') return [];
  return node.items.flatMap((item) => {
    const resolution = item.kind === 'scalar' ? reading.resolutions.get(item) : undefined;
    return resolution?.ok === true ? [resolution.secret] : [];
  });
}

/** Whatever is newest when the server starts is what then runs here, also what somebody else put there. */
function warnOfUnpinned(node: ConfigNode | undefined, reading: Reading): void {
  // Said where servers are started, and by check.
  if (node?.kind !== 'list' || !reading.needsServerSecrets) return;
  const words = node.items.map((item) => (item.kind === 'scalar' && item.value !== null ? String(item.value) : ''));
  const found = findUnpinned(words);
  const at = found === undefined ? undefined : node.items[found.index];
  if (found === undefined || at === undefined) return;
  reading.log.warn(at.origin, {
    code: 'unpinned',
    message: found.message,
    suggestion: found.suggestion,
    length: lengthOf(at),
  });
}

function readUrl(name: string, origin: Origin, node: MapNode, reading: Reading): UpstreamConfig | undefined {
  const found = byUrl.read(node, reading);
  if (found === undefined || !checkCommon(found, node, reading)) return undefined;
  const { auth: given, ...rest } = found;
  const { credentials, certificate, tokens } = given ?? { credentials: [], certificate: undefined, tokens: undefined };
  const url = new URL(found.url);
  const at = entryOf(node, 'url');
  const isSocket = url.protocol === 'ws:' || url.protocol === 'wss:';
  const isClear = url.protocol === 'http:' || url.protocol === 'ws:';
  if (certificate !== undefined && isClear && at !== undefined) {
    reading.log.report(at.value.origin, {
      code: 'conflict',
      message: 'a certificate is shown over TLS only',
      suggestion: `write ${isSocket ? 'wss' : 'https'}://, or remove mtls`,
      length: lengthOf(at.value),
    });
    return undefined;
  }
  const share = entryOf(node, 'share');
  if (tokens !== undefined && tokens.kind !== 'client-credentials' && found.share === 'all') {
    reading.log.report(share?.keyOrigin ?? node.origin, {
      code: 'conflict',
      message: 'each caller has a credential of its own here, so callers cannot share a connection',
      suggestion: 'write share: caller, or remove share',
      length: 5,
    });
    return undefined;
  }
  if ((credentials.length > 0 || tokens !== undefined) && isClear && !isLoopback(bareHost(url)) && at !== undefined) {
    const message = 'the credential travels to this server without encryption';
    reading.log.warn(at.value.origin, {
      code: 'conflict',
      message,
      suggestion: `use ${isSocket ? 'wss' : 'https'}:// if the server knows it`,
      length: lengthOf(at.value),
    });
  }
  return { kind: isSocket ? 'websocket' : 'http', name, origin, credentials, certificate, tokens, ...rest };
}

/** Rules over two keys. Returns false after reporting. */
function checkCommon(found: CommonBody, node: MapNode, reading: Reading): boolean {
  const ask = entryOf(node, 'ask');
  if (ask !== undefined && found.ask.length > 0 && found.share === 'all') {
    reading.log.report(ask.keyOrigin, {
      code: 'conflict',
      message: 'a server that all callers share cannot ask one of them',
      suggestion: 'write share: caller beside it, or remove ask',
      length: 3,
    });
    return false;
  }
  if (found.maxTime >= found.timeout) return true;
  const at = entryOf(node, 'maxTime') ?? entryOf(node, 'timeout');
  reading.log.report(at?.value.origin ?? node.origin, {
    code: 'conflict',
    message: 'maxTime is shorter than timeout, so timeout would never be reached',
    suggestion: 'make maxTime at least as long as timeout',
    length: at === undefined ? 1 : lengthOf(at.value),
  });
  return false;
}
