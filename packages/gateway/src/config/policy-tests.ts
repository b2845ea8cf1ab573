/** Reads `tests:`: what a role may call, stated beside the rules that should make it so. */
import { entryOf, type ConfigNode } from './node.ts';
import { nearest } from './nearest.ts';
import { object } from './object.ts';
import { choice, lengthOf, list, quoted, text, wrongType, wrongValue, type Reader, type Reading } from './reader.ts';
import type { PolicyTest, TestCaller } from './types.ts';

/** A value of JSON, as YAML writes it. Nothing in it is a reference. */
const json: Reader<{ readonly value: unknown }> = {
  schema: {},
  read: (node) => ({ value: plain(node) }),
};

function plain(node: ConfigNode): unknown {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return node.items.map(plain);
  return Object.fromEntries(node.entries.map(({ key, value }) => [key, plain(value)]));
}

/** Arguments of a call: names and values. */
const jsonObject: Reader<Readonly<Record<string, unknown>>> = {
  schema: { type: 'object' },
  read: (node, reading) => {
    if (node.kind !== 'map') return wrongType(node, reading, 'names and values', '{ schema: public }');
    return Object.fromEntries(node.entries.map(({ key, value }) => [key, json.read(value, reading)?.value]));
  },
};

/** What is called: `upstream.name`. */
function target(wanted: string, example: string): Reader<string> {
  return text(wanted, `files.${example}`, {}, (found, reading) => {
    const dot = found.value.indexOf('.');
    const server = dot < 0 ? found.value : found.value.slice(0, dot);
    const name = dot < 0 ? '' : found.value.slice(dot + 1);
    const [first = 'files'] = reading.upstreamNames;
    if (name === '' || server === '') {
      const suggestion = `write ${first}.${dot < 0 ? server : example}`;
      return wrongValue(found, reading, `${quoted(found.shown)} is not upstream.${wordOf(wanted)}`, suggestion);
    }
    if (reading.upstreamNames.has(server)) return found.value;
    if (found.secret !== undefined) return wrongValue(found, reading, `${quoted(found.shown)} names no upstream`, '');
    const close = nearest(server, reading.upstreamNames);
    const known = [...reading.upstreamNames].join(', ');
    reading.log.report(found.node.origin, {
      code: 'reference',
      message: `there is no upstream ${quoted(server)}`,
      suggestion:
        close === undefined
          ? `upstreams here: ${known || 'none; add it under upstreams'}`
          : `did you mean ${close}.${name}?`,
      length: server.length,
    });
    return undefined;
  });
}

function wordOf(wanted: string): string {
  return wanted.split(' ').at(-1) ?? 'tool';
}

const caller = object<TestCaller>(
  {
    id: {
      reader: text('a caller', 'jwt:https://login.example.com|ada', {}, ({ value }) => value),
      description: 'Its id',
    },
    kind: {
      reader: choice('key', 'jwt', 'cert', 'local', 'account', 'anonymous'),
      description: 'How it proves who it is; jwt where scopes, claims or an agent are given, else key',
    },
    agent: {
      reader: text('a program', 'agent-7', {}, ({ value }) => value),
      description: 'The program that acts for the person',
    },
    scopes: {
      reader: list(
        text('a scope', 'mcp:read', {}, ({ value }) => value),
        'scopes',
        '[mcp:read]',
        true,
      ),
      description: 'What its token carries; without this no scopes are asked for',
    },
    claims: { reader: jsonObject, description: 'The claims of its token' },
  },
  { wanted: 'a caller', example: '{ scopes: [mcp:read], agent: agent-7 }', hints: { roles: 'write as: ROLE' } },
);

interface TestBody {
  readonly as: string;
  readonly call: string | undefined;
  readonly read: string | undefined;
  readonly prompt: string | undefined;
  readonly args: Readonly<Record<string, unknown>> | undefined;
  readonly caller: TestCaller | undefined;
  readonly expect: PolicyTest['expect'];
}

/**
 * Makes the reader of one test.
 *
 * @param roleName - reads the name of a role of the file
 */
export function policyTest(roleName: Reader<string>): Reader<PolicyTest> {
  const body = object<TestBody>(
    {
      as: { reader: roleName, isRequired: true, description: 'The role that calls' },
      call: { reader: target('a tool', 'read_text_file'), description: 'upstream.tool' },
      read: { reader: target('a resource', 'file:///srv/a.txt'), description: 'upstream.URI of a resource' },
      prompt: { reader: target('a prompt', 'summarise'), description: 'upstream.prompt' },
      args: { reader: jsonObject, description: 'The arguments; none when absent' },
      caller: { reader: caller, description: 'What else is known of the caller' },
      expect: {
        reader: choice('allowed', 'denied', 'unknown', 'step-up'),
        isRequired: true,
        description: 'What must come out',
      },
    },
    {
      wanted: 'a test',
      example: '{ as: reader, call: files.write_file, expect: unknown }',
      hints: {
        role: 'write as: ROLE',
        tool: 'write call: UPSTREAM.TOOL',
        resource: 'write read: UPSTREAM.URI',
        arguments: 'write args: { … }',
        scopes: 'write caller: { scopes: [ … ] }',
      },
    },
  );
  return {
    schema: { ...body.schema, oneOf: kinds.map(({ key }) => ({ required: [key] })) },
    read: (node, reading) => {
      const found = body.read(node, reading);
      return found === undefined ? undefined : toTest(found, node, reading);
    },
  };
}

const kinds = [
  { key: 'call', kind: 'tools' },
  { key: 'read', kind: 'resources' },
  { key: 'prompt', kind: 'prompts' },
] as const;

function toTest(body: TestBody, node: ConfigNode, reading: Reading): PolicyTest | undefined {
  const given = kinds.filter(({ key }) => body[key] !== undefined);
  const [only, second] = given;
  const call = only && body[only.key];
  if (only === undefined || call === undefined || second !== undefined) {
    const message =
      second === undefined ? 'this test calls nothing' : `\`${only?.key}\` and \`${second.key}\` exclude each other`;
    const suggestion = 'write one of call: UPSTREAM.TOOL, read: UPSTREAM.URI and prompt: UPSTREAM.PROMPT';
    reading.log.report(node.origin, { code: 'value', message, suggestion, length: lengthOf(node) });
    return undefined;
  }
  if (only.kind === 'resources' && body.args !== undefined && node.kind === 'map') {
    const at = entryOf(node, 'args')?.keyOrigin ?? node.origin;
    const suggestion = 'remove it: the URI is args.uri';
    reading.log.report(at, { code: 'value', message: 'a resource has no arguments', suggestion, length: 4 });
    return undefined;
  }
  return {
    as: body.as,
    call,
    kind: only.kind,
    args: body.args ?? {},
    caller: body.caller ?? {},
    expect: body.expect,
    origin: node.origin,
  };
}
