// The parts of the documents that come from the code: tables of refusals, keys and answers, and each command's own help.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { bridgings, configJsonSchema } from '@sallyport/gateway';
import { quirks, refusals, stageNames, type RefusalName, type RefusalRow } from '@sallyport/guard';
import { openAnswers } from '../tests/attacks/json-doors.policy.ts';
import { tokenDecisions } from '../tests/attacks/jwt.policy.ts';
import { openMessageAnswers } from '../tests/attacks/messages.policy.ts';
import { rawAnswers } from '../tests/attacks/raw-http.policy.ts';
import { crossEraBaseline } from '../tests/conformance/cross-era.baseline.ts';
import { root } from './tree.ts';

/** Makes one block; `rest` is what stands behind the block's name in its marker. */
type Block = (rest: string) => string | Promise<string>;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Text as inline code of a table cell. */
function code(text: string): string {
  return `\`${text.replaceAll('\u0000', '\\0').replaceAll('|', '\\|')}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
}

const rows = Object.entries(refusals) as [RefusalName, RefusalRow][];

const views: Readonly<Record<RefusalRow['shows'], string>> = {
  door: 'at the door',
  call: 'in-band',
  unknown: 'as unknown',
};

function refusalTable(stage: string): string {
  const found = rows.filter(([, row]) => row.stage === stage);
  if (found.length === 0) return 'None.';
  return table(
    ['reason', 'shows', 'status', 'JSON-RPC code', 'what the caller reads', 'what to do'],
    found.map(([name, row]) => [
      code(name),
      views[row.shows],
      String(row.status),
      String(row.code ?? row.status),
      cell(row.text),
      cell(row.advice.replace(/\{allowed\}/, '')),
    ]),
  );
}

function stageTable(): string {
  return table(
    ['', 'stage', 'refuses with'],
    stageNames.map((stage, index) => {
      const names = rows.filter(([, row]) => row.stage === stage).map(([name]) => code(name));
      return [String(index + 1), `[${stage}](stages/${stage}.md)`, names.join(' ') || '–'];
    }),
  );
}

interface SchemaNode {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
  readonly required?: readonly string[];
}

/** Every key below a schema as one row: path, kind, default, meaning. */
function keyRows(node: SchemaNode, path: string): string[][] {
  const found: string[][] = [];
  for (const variant of node.anyOf ?? []) found.push(...keyRows(variant, path));
  for (const [name, child] of Object.entries(node.properties ?? {})) {
    const full = path === '' ? name : `${path}.${name}`;
    const isRequired = node.required?.includes(name) === true;
    found.push([code(full), kindOf(child), defaultOf(child, isRequired), cell(child.description ?? '')]);
    found.push(...keyRows(child, full));
  }
  if (typeof node.additionalProperties === 'object') found.push(...keyRows(node.additionalProperties, `${path}.NAME`));
  if (node.items !== undefined) found.push(...keyRows(node.items, `${path}[]`));
  return found;
}

function kindOf(node: SchemaNode): string {
  if (node.const !== undefined) return code(JSON.stringify(node.const));
  if (node.enum !== undefined) return node.enum.map((value) => code(String(value))).join(' ');
  if (node.anyOf !== undefined) return [...new Set(node.anyOf.map(kindOf))].join(' or ');
  if (node.type === 'array') return 'list';
  if (node.type === 'object') return 'mapping';
  if (node.type === 'string') return 'text';
  return Array.isArray(node.type) ? node.type.join(' or ') : String(node.type ?? 'text');
}

function defaultOf(node: SchemaNode, isRequired: boolean): string {
  if (isRequired) return 'required';
  const { default: fallback } = node;
  if (typeof fallback === 'string') return code(fallback);
  const text = JSON.stringify(fallback) ?? '{}';
  return text === '{}' || text === '[]' ? '–' : code(text);
}

function keyTable(): string {
  const all = keyRows(configJsonSchema(), '');
  const known = new Set<string>();
  const once = all.filter((row) => {
    const name = row.join();
    if (known.has(name)) return false;
    known.add(name);
    return true;
  });
  return table(['key', 'what it takes', 'default', 'meaning'], once);
}

/** A case of the raw corpus as a person would write it: headers on top of a plain request, or a request line. */
function rawCase(name: string): [string, string] {
  const text = name
    .replace(/^(?:host\/headers|header|request-line|chunk) /, '')
    .replaceAll('\\\\', '\\')
    .replace(/^"/, '')
    .replace(/"$/, '')
    .replace(/^Host: gw\\r\\n/, '')
    .replace(/(?:\\r\\n)+$/, '')
    .replaceAll('\\r\\n', ' ⏎ ');
  const kind = /^(host\/headers|header|request-line|chunk)/.exec(name)?.[1] ?? 'request';
  return [kind === 'host/headers' ? 'header' : kind, text === '' ? '(no Host)' : text];
}

function rawTable(): string {
  return table(
    ['about', 'the request begins or holds', 'answer', 'why'],
    Object.entries(rawAnswers).map(([name, { statuses, reason }]) => {
      const [kind, text] = rawCase(name);
      return [kind, code(text), statuses.join(', then '), cell(reason)];
    }),
  );
}

function jsonTable(): string {
  return table(
    ['case', 'answer'],
    Object.entries(openAnswers).map(([name, answer]) => [code(name.replace(/^i_|\.json$/g, '')), String(answer)]),
  );
}

function messageTable(): string {
  return table(
    ['case', 'answer'],
    Object.entries(openMessageAnswers).map(([name, answer]) => [code(name), String(answer)]),
  );
}

function tokenTable(): string {
  return table(
    ['token', 'answer', 'why'],
    Object.entries(tokenDecisions).map(([name, { status, reason }]) => [code(name), String(status), cell(reason)]),
  );
}

function quirkTable(): string {
  return table(
    ['quirk', 'who', 'what', 'how it is borne'],
    Object.entries(quirks).map(([name, { who, what, borne }]) => [code(name), cell(who), cell(what), cell(borne)]),
  );
}

/** What crosses between the eras for callers of one of them. */
function bridgingTable(from: string): string {
  return table(
    ['what', 'fate', 'how', 'the caller reads'],
    bridgings
      .filter((row) => row.from === from)
      .map(({ what, fate, how, refusal }) => [
        cell(what),
        fate,
        cell(how),
        refusal === undefined ? '–' : `[${code(refusal)}](refusals.md)`,
      ]),
  );
}

function baselineTable(): string {
  return table(
    ['callers of', 'server over', 'scenario: check', 'why it cannot pass'],
    crossEraBaseline.map(({ revision, ways, check, reason }) => [revision, ways.join(', '), code(check), cell(reason)]),
  );
}

/** What the command line prints about itself, at the width that it has without a terminal. */
export function help(words: readonly string[]): Promise<string> {
  const main = join(root, 'packages', 'sallyport', 'src', 'main.ts');
  const args = ['--disable-warning=ExperimentalWarning', main, ...words, '--help'];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    child.on('error', reject);
    child.on('close', () => resolve(text.trimEnd()));
  });
}

/** Names of all commands, as the program's own help lists them. */
export async function commandNames(): Promise<string[]> {
  const [, listed = ''] = (await help([])).split('\nCommands:\n');
  return [...listed.matchAll(/^ {2}([a-z]+)\b/gm)]
    .map(([, name = '']) => name)
    .filter((name) => !/^(help|sallyport)$/.test(name));
}

/** Every block by the name in its marker. */
export const blocks: Readonly<Record<string, Block>> = {
  refusals: refusalTable,
  stages: stageTable,
  keys: keyTable,
  'raw-http': rawTable,
  json: jsonTable,
  messages: messageTable,
  quirks: quirkTable,
  'token-cases': tokenTable,
  bridging: bridgingTable,
  'cross-era': baselineTable,
  usage: async (rest) => `\`\`\`text\n${await help(rest.split(' '))}\n\`\`\``,
};
