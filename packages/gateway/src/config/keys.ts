/**
 * The keys of `sallyport.yaml` (design §4.1): one table from which the file is read, its errors are made and its JSON
 * Schema is printed.
 */
import { dirname, resolve } from 'node:path';
import type { Denial, EffectLine, Role, ViewModel } from '@sallyport/guard';
import { doorAddress, loopbackAddress, publicUrl, webOrigin } from './address.ts';
import { introspection } from './callers-introspection.ts';
import { jwtIssuer } from './callers-jwt.ts';
import { egress } from './egress.ts';
import { certificateCallers } from './certificates.ts';
import { effects } from './effects.ts';
import { denials, role } from './grants.ts';
import { checkPattern, duration, rate, size } from './grammar.ts';
import { object, record, type NameRule } from './object.ts';
import { choice, integer, lengthOf, list, quoted, text, toggle, wrongType, wrongValue, type Reader } from './reader.ts';
import { isReference, parseReference } from './resolve-secret.ts';
import type { SecretReference } from './secret.ts';
import { nearest } from './nearest.ts';
import { policyTest } from './policy-tests.ts';
import { behindProxy, tls } from './transport.ts';
import type {
  Address,
  AuditConfig,
  BehindProxyConfig,
  CallersConfig,
  DoorsConfig,
  EgressConfig,
  EffectLimits,
  KeptArguments,
  LimitsConfig,
  PolicyTest,
  StoreConfig,
  TlsConfig,
  UpstreamConfig,
} from './types.ts';
import { upstream } from './upstreams.ts';
import { views } from './views.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const DAY = 24 * 3_600_000;

/** A path, made absolute from the folder of the file in which it stands. */
function path(wanted: string, example: string): Reader<string> {
  return text(wanted, example, {}, (found, reading) => {
    if (found.value.includes('\0')) return wrongValue(found, reading, 'a path cannot hold a NUL', `write ${example}`);
    return resolve(dirname(found.node.origin.file), found.value);
  });
}

const version: Reader<1> = {
  schema: { const: 1 },
  read: (node, reading) => {
    if (node.kind === 'scalar' && node.value === 1) return 1;
    const shown = node.kind === 'scalar' ? quoted(node.written) : 'this';
    const message = `${shown} is not a version of this format that we know`;
    reading.log.report(node.origin, { code: 'value', message, suggestion: 'write version: 1', length: lengthOf(node) });
    return undefined;
  },
};

const store: Reader<StoreConfig> = text(
  'a store',
  'sqlite:state/sallyport.db',
  { pattern: '^(?:sqlite|env|file|command):.' },
  (found, reading) => {
    const file = found.value.startsWith('sqlite:') ? found.value.slice('sqlite:'.length) : '';
    if (file !== '' && !file.startsWith('//'))
      return { kind: 'sqlite', path: resolve(dirname(found.node.origin.file), file) };
    const isPostgres = /^postgres(?:ql)?:/.test(found.value);
    const message = isPostgres ? 'postgres is not available in this version' : `${quoted(found.shown)} is not a store`;
    return wrongValue(found, reading, message, 'write sqlite:state/sallyport.db');
  },
);

/** Stays a reference: whoever opens the store follows it, and makes the file when it is absent. */
const master: Reader<SecretReference> = {
  schema: { type: 'string', pattern: '^(?:env:|file:(?!//)|command:)' },
  read: (node, reading) => {
    if (node.kind !== 'scalar' || node.value === null)
      return wrongType(node, reading, 'a reference', 'file:state/master.key');
    if (typeof node.value !== 'string' || !isReference(node.value)) {
      reading.log.hide(node.origin, lengthOf(node));
      const message = 'the master key stands here in clear';
      const suggestion = 'write file:state/master.key (made when absent), env:NAME or command:PROGRAM';
      reading.log.report(node.origin, { code: 'literal-secret', message, suggestion, length: lengthOf(node) });
      return undefined;
    }
    const reference = parseReference(node.value, node.origin);
    if (reference.kind !== 'fault') return reference;
    reading.log.report(node.origin, {
      code: 'value',
      message: reference.message,
      suggestion: reference.suggestion,
      length: lengthOf(node),
    });
    return undefined;
  },
};

const SERVER_NAME: NameRule = {
  pattern: /^[a-z][a-z0-9-]{0,23}$/,
  wanted: 'a name for an upstream: a-z, 0-9 and -, beginning with a letter, at most 24 characters',
  suggest: (name) => `write ${asName(name, 24)}`,
};

const ROLE_NAME: NameRule = {
  pattern: /^[a-z][a-z0-9_-]{0,31}$/,
  wanted: 'a name for a role: a-z, 0-9, - and _, beginning with a letter, at most 32 characters',
  suggest: (name) => `write ${asName(name, 32)}`,
};

function asName(name: string, length: number): string {
  const plain = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '');
  return plain.slice(0, length) || 'my-name';
}

/** The name of a role of this file. */
const roleName: Reader<string> = text('the name of a role', 'reader', {}, (found, reading) => {
  if (reading.roleNames.has(found.value)) return found.value;
  const close = nearest(found.shown, reading.roleNames);
  const known = [...reading.roleNames];
  const help =
    close !== undefined
      ? `did you mean ${close}? Roles here: ${known.join(', ')}`
      : known.length === 0
        ? 'define it under roles'
        : `roles here: ${known.join(', ')}; or define it under roles`;
  reading.log.report(found.node.origin, {
    code: 'reference',
    message: `there is no role ${quoted(found.shown)}`,
    suggestion: help,
    length: lengthOf(found.node),
  });
  return undefined;
});

const argumentName = text('the name of an argument', 'schema', {}, (found) => found.value);
const argumentNames = list(argumentName, 'argument names', '[schema]', true);

const keptArguments: Reader<readonly KeptArguments[]> = {
  schema: { type: 'object', additionalProperties: argumentNames.schema },
  read: (node, reading) => {
    if (node.kind !== 'map') return wrongType(node, reading, 'patterns and argument names', '{ db.query: [schema] }');
    const kept: KeptArguments[] = [];
    let isWhole = true;
    for (const { key, keyOrigin, value } of node.entries) {
      const keyNode = { kind: 'scalar', origin: keyOrigin, value: key, written: key } as const;
      if (!checkPattern({ value: key, shown: key, node: keyNode }, reading, key, 0)) isWhole = false;
      const names = argumentNames.read(value, reading);
      if (names === undefined) isWhole = false;
      else kept.push({ pattern: key, names, origin: keyOrigin });
    }
    return isWhole ? kept : undefined;
  },
};

const effectLimits = object<EffectLimits>(
  {
    read: { reader: rate, description: 'Calls that only read' },
    write: { reader: rate, description: 'Calls that change something' },
    destructive: { reader: rate, description: 'Calls that destroy something' },
  },
  { wanted: 'limits by effect', example: '{ write: 60/m, destructive: 5/m }' },
);

const limits = object<LimitsConfig>(
  {
    body: {
      reader: size({ minimum: KIB, maximum: 256 * MIB, words: 'from 1KiB to 256MiB' }),
      fallback: '1MiB',
      description: 'Largest body of a request',
    },
    message: {
      reader: size({ minimum: KIB, maximum: 256 * MIB, words: 'from 1KiB to 256MiB' }),
      fallback: '4MiB',
      description: 'Largest message of an upstream',
    },
    depth: { reader: integer(4, 512, 64), fallback: 64, description: 'Deepest nesting of JSON' },
    requestTimeout: {
      reader: duration({ minimum: 1000, maximum: 3_600_000, words: 'from 1s to 1h' }),
      fallback: '60s',
      needsRestart: true,
      description: 'How long a caller may take to send a request',
    },
    perAddress: { reader: rate, fallback: '1000/s burst 2000', description: 'Requests of one address' },
    failedLogins: { reader: rate, fallback: '10/m', description: 'Failed logins of one address with one credential' },
    badRequests: {
      reader: rate,
      description:
        'Requests of one address that are broken or show a credential which is none; default: half of perAddress',
    },
    effects: { reader: effectLimits, description: 'Calls of one caller, by the effect that `effects` gives a tool' },
    concurrentPerCaller: {
      reader: integer(1, 100_000, 32),
      fallback: 32,
      description: 'Calls of one caller that may run at once',
    },
    openPerCaller: {
      reader: integer(1, 20_000, 64),
      fallback: 64,
      description: 'WebSockets and SSE connections of one caller; the event streams of its sessions do not count',
    },
    openPerAddress: {
      reader: integer(1, 20_000, 1024),
      fallback: 1024,
      description: 'The same of one address',
    },
  },
  { wanted: 'limits', example: '{ body: 1MiB, perAddress: 1000/s burst 2000 }' },
);

const audit = object<AuditConfig>(
  {
    directory: {
      reader: path('a folder', 'state/audit'),
      fallback: 'state/audit',
      needsRestart: true,
      description: 'Where the records go',
    },
    durability: {
      reader: choice('intent', 'full', 'interval'),
      fallback: 'intent',
      needsRestart: true,
      description: 'When a record counts as written: before the call, also before the answer, or every 50 ms',
    },
    rotate: {
      reader: size({ minimum: 64 * KIB, maximum: 4096 * MIB, words: 'from 64KiB to 4GiB' }),
      fallback: '64MiB',
      needsRestart: true,
      description: 'Size at which the next file begins',
    },
    keep: {
      reader: duration({ minimum: DAY, maximum: 36_500 * DAY, words: 'from 1d to 36500d' }),
      needsRestart: true,
      description: 'How long files stay; without it for ever',
    },
    arguments: {
      reader: keptArguments,
      fallback: {},
      description: 'Argument values that are recorded in clear; all others as a keyed digest',
    },
  },
  { wanted: 'audit', example: '{ directory: state/audit, durability: intent }', later: ['sinks'] },
);

const doors = object<DoorsConfig>(
  {
    websocket: { reader: toggle, fallback: false, description: 'WebSocket at /mcp and /mcp/SERVER' },
    sse: { reader: toggle, fallback: false, description: 'HTTP+SSE of 2024-11-05 at /sse and /sse/SERVER' },
  },
  { wanted: 'doors', example: '{ websocket: on, sse: off }' },
);

const callers = object<CallersConfig>(
  {
    local: { reader: roleName, description: 'The role of the user who starts a stdio door' },
    anonymous: { reader: roleName, description: 'The role of callers without a credential' },
    keys: { reader: toggle, fallback: true, description: 'Whether API keys are accepted' },
    certificates: { reader: certificateCallers(roleName), description: 'Callers that show a client certificate' },
    jwt: {
      reader: list(jwtIssuer(roleName), 'issuers', '[{ issuer: https://login.example.com }]'),
      fallback: [],
      description: 'Issuers whose signed tokens are accepted',
    },
    introspection: {
      reader: introspection(roleName),
      description: 'Who is asked about opaque tokens; without it they are refused',
    },
  },
  {
    wanted: 'callers',
    example: '{ local: admin, keys: on }',
    later: ['oauth'],
  },
);

/** What the keys of the file give. */
export interface FileBody {
  readonly version: 1;
  readonly listen: Address;
  readonly publicUrl: string | undefined;
  readonly tls: TlsConfig | undefined;
  readonly behindProxy: BehindProxyConfig | undefined;
  readonly origins: readonly string[];
  readonly admin: { readonly listen: Address } | false;
  readonly store: StoreConfig;
  readonly master: SecretReference;
  readonly refusals: 'result' | 'status';
  readonly mode: 'enforce' | 'observe';
  readonly include: readonly string[];
  readonly doors: DoorsConfig;
  readonly limits: LimitsConfig;
  readonly audit: AuditConfig;
  readonly egress: EgressConfig;
  readonly callers: CallersConfig;
  readonly deny: readonly Denial[];
  readonly effects: readonly EffectLine[];
  readonly roles: readonly Role[];
  readonly views: readonly ViewModel[];
  readonly upstreams: readonly UpstreamConfig[];
  readonly tests: readonly PolicyTest[];
}

const adminBody = object<{ readonly listen: Address }>(
  {
    listen: {
      reader: loopbackAddress(8849, 'the admin port', '; from another machine use ssh -L 8849:127.0.0.1:8849 HOST'),
      fallback: '127.0.0.1:8849',
      description: 'Address of metrics and health; loopback only',
    },
  },
  { wanted: 'admin', example: '{ listen: 127.0.0.1:8849 }, or off' },
);

const admin: Reader<{ readonly listen: Address } | false> = {
  schema: { anyOf: [adminBody.schema, { enum: [false, 'off'] }] },
  read: (node, reading) => {
    if (node.kind === 'scalar' && (node.value === false || node.value === 'off')) return false;
    return adminBody.read(node, reading);
  },
};

/** Included files are read before the rest, so a path here cannot be a reference. */
const includePath: Reader<string> = {
  schema: { type: 'string', description: 'A file, or a folder with * in the last part' },
  read: (node, reading) => {
    if (node.kind !== 'scalar' || typeof node.value !== 'string' || node.value === '') {
      return wrongType(node, reading, 'a path', 'servers/*.yaml');
    }
    const { value } = node;
    const isDeep = value.includes('**') || dirname(value).includes('*');
    const isOdd = isReference(value) || /[?[\]{}\0]/.test(value);
    if (!isDeep && !isOdd) return resolve(dirname(node.origin.file), value);
    reading.log.report(node.origin, {
      code: 'include',
      message: isDeep
        ? '* can stand in the last part of the path only'
        : `${quoted(value)} is not a path: only * is special`,
      suggestion: 'name one folder a line: servers/*.yaml',
      length: lengthOf(node),
    });
    return undefined;
  },
};

/** Reads `include:`; the paths are absolute and may hold `*` in their last part. */
export const includeList: Reader<readonly string[]> = list(includePath, 'paths', '[servers/*.yaml]', true);

/** Keys that an included file may have. */
export const INCLUDED_KEYS = ['upstreams', 'roles', 'views', 'tests'] as const;

/** The whole file. */
export const file: Reader<FileBody> = object<FileBody>(
  {
    version: { reader: version, isRequired: true, description: 'Version of this format' },
    listen: {
      reader: doorAddress,
      fallback: '127.0.0.1:8848',
      needsRestart: true,
      description: 'Address for callers; loopback only, unless tls or behindProxy is there',
    },
    publicUrl: { reader: publicUrl, description: 'Where callers reach it, when that is not the listen address' },
    tls: { reader: tls, description: 'HTTPS; certificate, key and clientCa are read anew when they change' },
    behindProxy: { reader: behindProxy, description: 'Proxies before the gateway' },
    origins: {
      reader: list(webOrigin, 'origins', '[https://app.example.com]', true),
      fallback: [],
      description: 'Web pages that may call',
    },
    admin: { reader: admin, fallback: {}, needsRestart: true, description: 'Metrics and health; off turns it off' },
    store: {
      reader: store,
      fallback: 'sqlite:state/sallyport.db',
      needsRestart: true,
      description: 'Where keys and blocks are kept',
    },
    master: {
      reader: master,
      fallback: 'file:state/master.key',
      needsRestart: true,
      description: 'The key from which all others are derived; a file is made when absent',
    },
    refusals: {
      reader: choice('result', 'status'),
      fallback: 'result',
      description: 'Whether refusals after parsing set HTTP codes, for plain API clients',
    },
    mode: {
      reader: choice('enforce', 'observe'),
      fallback: 'enforce',
      description: 'Whether policy refuses, or only records what it would refuse; for rolling out, not for keeping',
    },
    include: {
      reader: includeList,
      fallback: [],
      description: 'More files; they may hold upstreams, roles, views and tests',
    },
    doors: { reader: doors, fallback: {}, description: 'Doors besides Streamable HTTP and stdio' },
    limits: { reader: limits, fallback: {}, description: 'Bounds on what callers send' },
    audit: { reader: audit, fallback: {}, description: 'The audit trail' },
    egress: { reader: egress, fallback: {}, description: 'What requests of our own may reach' },
    callers: { reader: callers, fallback: {}, description: 'Who may call' },
    deny: { reader: denials, fallback: [], description: 'Patterns that win over every role' },
    effects: {
      reader: effects,
      fallback: {},
      description: 'What tools do (`read`, `write`, `destructive`) by pattern; the first that matches counts',
    },
    roles: {
      reader: record(ROLE_NAME, role, 'names and roles', "{ reader: { tools: ['files.read_*'] } }"),
      fallback: {},
      description: 'What callers may reach',
    },
    views: {
      reader: views(roleName),
      fallback: {},
      description: 'Parts of what all servers offer, each at `/mcp/NAME`',
    },
    upstreams: {
      reader: record(SERVER_NAME, upstream, 'names and upstreams', '{ files: { command: [PROGRAM, ARGUMENT] } }'),
      fallback: {},
      description: 'The servers behind the door',
    },
    tests: {
      reader: list(policyTest(roleName), 'tests', '[{ as: reader, call: files.write_file, expect: unknown }]'),
      fallback: [],
      description: 'Run by `sallyport check`',
    },
  },
  {
    wanted: 'sallyport.yaml',
    example: 'version: 1',
    later: ['shared'],
    hints: {
      mcpServers: 'write upstreams:, or run `sallyport init --from FILE` to take over the servers of a client',
      servers: 'write upstreams:',
      port: 'write listen: 127.0.0.1:PORT',
      host: 'write listen: 127.0.0.1:8848',
      permissions: 'write roles:',
      '<<': 'YAML merge keys are not read: write the keys out',
    },
  },
);
