/** Programs of the official SDKs at views, listed and searched, over HTTP and stdio; and how well search finds. */
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import {
  baseEnvironment,
  createKey,
  postModern,
  sallyportBin,
  startGateway,
  waitFor,
  type Gateway,
} from '@sallyport/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Answer, Caller, Json, Partner, Reach } from './partners/caller.ts';
import { sdkV1 } from './partners/sdk-v1.ts';
import { sdkV2 } from './partners/sdk-v2.ts';

const moduleFile = (path: string): string => fileURLToPath(new URL(`../../node_modules/${path}`, import.meta.url));

let folder: string;
let gateway: Gateway;
let key: string;

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'sallyport-views-')));
  const shared = join(folder, 'shared');
  await mkdir(shared);
  await writeFile(join(shared, 'note.txt'), 'behind the gate');
  const node = process.execPath;
  const files = moduleFile('@modelcontextprotocol/server-filesystem/dist/index.js');
  const everything = moduleFile('@modelcontextprotocol/server-everything/dist/index.js');
  gateway = await startGateway({
    dir: folder,
    config: {
      callers: { keys: true, local: 'reader' },
      effects: { 'files.write_*': 'destructive', 'files.*': 'read' },
      roles: {
        reader: {
          tools: ['files.*', '!files.write_file', 'everything.*', '!everything.get-env'],
          resources: ['*'],
          prompts: ['*'],
        },
      },
      views: {
        docs: { tools: ['files.read_*', 'everything.echo'], prompts: ['everything.simple-prompt'] },
        find: { tools: ['*'], mode: 'search', for: ['reader'] },
      },
      upstreams: { files: { command: [node, files, shared] }, everything: { command: [node, everything] } },
    },
  });
  key = await createKey(folder, { name: 'partner', role: 'reader' });
  await waitFor(async () => (await postModern(gateway.url, { method: 'tools/list', key })).status === 200, {
    what: 'the key to work',
  });
}, 60_000);

afterAll(async () => {
  await gateway?.stop();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
}, 60_000);

function reachOf(kind: 'http' | 'stdio', view: string): Reach {
  if (kind === 'http') return { kind, url: `${gateway.url}/${view}`, key };
  const args = ['run', '--stdio', '--at', view, '-c', gateway.configPath];
  return { kind, command: sallyportBin, args, env: { ...baseEnvironment(folder) } };
}

function resultOf(answer: Answer): Json {
  if (answer.kind === 'error') throw new Error(`${answer.code}: ${answer.message}`);
  return answer.result;
}

async function namesAt(caller: Caller): Promise<string[]> {
  const { tools } = resultOf(await caller.request('tools/list')) as unknown as { tools: { name: string }[] };
  return tools.map(({ name }) => name);
}

async function textOf(caller: Caller, name: string, args: Json): Promise<string> {
  const { content } = resultOf(await caller.request('tools/call', { name, arguments: args })) as unknown as {
    content: { text: string }[];
  };
  return content[0]?.text ?? '';
}

const partners: readonly Partner[] = [sdkV1, sdkV2('legacy'), sdkV2('modern')];
const ways = partners.flatMap((partner) =>
  (['http', 'stdio'] as const).map((kind) => ({ partner, kind, name: partner.name })),
);

describe.each(ways)('$name over $kind', ({ partner, kind }) => {
  it('[views] sees a part of all servers and calls it', async () => {
    const caller = await partner.connect(reachOf(kind, 'docs'));
    try {
      expect(await namesAt(caller)).toEqual([
        ...['read_file', 'read_text_file', 'read_media_file', 'read_multiple_files'].map((name) => `files__${name}`),
        'everything__echo',
      ]);
      const path = join(folder, 'shared', 'note.txt');
      expect(await textOf(caller, 'files__read_text_file', { path })).toBe('behind the gate');
      expect(await caller.request('tools/call', { name: 'files__list_directory', arguments: { path } })).toMatchObject({
        kind: 'error',
        code: -32602,
      });
      const { prompts } = resultOf(await caller.request('prompts/list')) as unknown as { prompts: object[] };
      expect(prompts).toHaveLength(1);
    } finally {
      await caller.close();
    }
  });

  it('[views-search] finds a tool, reads how it is called, and calls it', async () => {
    const caller = await partner.connect(reachOf(kind, 'find'));
    try {
      expect(await namesAt(caller)).toEqual(['search_tools', 'describe_tool', 'call_tool']);
      const found = await textOf(caller, 'search_tools', { query: 'show me what is in a text file' });
      expect(JSON.parse(found)).toMatchObject({
        tools: expect.arrayContaining([expect.objectContaining({ name: 'files__read_text_file', effect: 'read' })]),
      });
      const described = await textOf(caller, 'describe_tool', { name: 'files__read_text_file' });
      expect(JSON.parse(described)).toMatchObject({
        inputSchema: { required: ['path'] },
        annotations: { readOnlyHint: true, destructiveHint: false },
      });
      const path = join(folder, 'shared', 'note.txt');
      const args = { name: 'files__read_text_file', arguments: { path } };
      expect(await textOf(caller, 'call_tool', args)).toBe('behind the gate');
      // A tool that is not listed is called by its own name as well, and one that is hidden is not.
      expect(await textOf(caller, 'files__read_text_file', { path })).toBe('behind the gate');
      const hidden = { name: 'files__write_file', arguments: { path, content: '' } };
      expect(await caller.request('tools/call', { name: 'call_tool', arguments: hidden })).toMatchObject({
        kind: 'error',
        code: -32602,
      });
    } finally {
      await caller.close();
    }
  });
});

/** What people ask for, and the tool that does it. */
const questions: readonly (readonly [question: string, name: string])[] = [
  ['read a file', 'files__read_text_file'],
  ['look at the contents of a document', 'files__read_text_file'],
  ['open several files at once', 'files__read_multiple_files'],
  ['load a picture', 'files__read_media_file'],
  ['play audio', 'files__read_media_file'],
  ['change a line in a file', 'files__edit_file'],
  ['modify text', 'files__edit_file'],
  ['make a folder', 'files__create_directory'],
  ['new directory', 'files__create_directory'],
  ['what is in this folder', 'files__list_directory'],
  ['folder sizes', 'files__list_directory_with_sizes'],
  ['tree of the project', 'files__directory_tree'],
  ['rename a file', 'files__move_file'],
  ['find files by pattern', 'files__search_files'],
  ['when was the file last modified', 'files__get_file_info'],
  ['file permissions and size', 'files__get_file_info'],
  ['which folders may I use', 'files__list_allowed_directories'],
  ['add two numbers', 'everything__get-sum'],
  ['calculate the total of a and b', 'everything__get-sum'],
  ['repeat what I say', 'everything__echo'],
  ['weather in Chicago', 'everything__get-structured-content'],
  ['zip a file', 'everything__gzip-file-as-resource'],
  ['compress', 'everything__gzip-file-as-resource'],
  ['show the logo', 'everything__get-tiny-image'],
  ['long task with progress', 'everything__trigger-long-running-operation'],
  ['switch logging on', 'everything__toggle-simulated-logging'],
  ['resource links', 'everything__get-resource-links'],
  ['getFileInfo', 'files__get_file_info'],
  ['files__move_file', 'files__move_file'],
  ['deep research on a topic', 'everything__simulate-research-query'],
];

describe('a search', () => {
  it('[views-search] has the tool that was meant among its first five', async () => {
    const places = await Promise.all(
      questions.map(async ([query, name]) => {
        const params = { name: 'search_tools', arguments: { query, limit: 5 } };
        const { response } = await postModern(`${gateway.url}/find`, { method: 'tools/call', params, key });
        const [content] = (response?.result?.['content'] ?? []) as { text: string }[];
        const { tools } = JSON.parse(content?.text ?? '{}') as { tools: { name: string }[] };
        return { query, name, place: tools.findIndex((tool) => tool.name === name) + 1 };
      }),
    );
    const missed = places.filter(({ place }) => place === 0);
    const first = places.filter(({ place }) => place === 1);
    expect(questions).toHaveLength(30);
    expect(missed.length, JSON.stringify(missed)).toBeLessThanOrEqual(1);
    expect(first.length, JSON.stringify(places)).toBeGreaterThanOrEqual(20);
  });

  it('[views-search] costs a model less than the list that it stands for', async () => {
    const sizes = await Promise.all(
      ['', '/find'].map(
        async (path) => (await postModern(`${gateway.url}${path}`, { method: 'tools/list', key })).text.length,
      ),
    );
    const [all = 0, own = 0] = sizes;
    expect(own).toBeLessThan(6 * 1024);
    expect(own).toBeLessThan(all / 3);
  });
});
