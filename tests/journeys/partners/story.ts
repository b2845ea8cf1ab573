/** What every partner does at every door, and what it has to see. Each step says in a sentence what it shows. */

import { isDeepStrictEqual } from 'node:util';
import { join } from 'node:path';
import type { Answer, Caller, Json, Method } from './caller.ts';
import { sharedText } from './doors.ts';
import type { Door, Doors } from './doors.ts';

/** One step: what holds, the requests that it needs, and how it is seen. */
export interface Step {
  readonly title: string;
  readonly needs: readonly Method[];
  /** True when the partner has to follow a call while it runs. */
  readonly needsFollow?: true;
  /** True for what is shown where time is short: it lists, and it calls. */
  readonly isEssential?: true;
  /** Only at doors where this is so. */
  readonly isOnly?: 'aggregated' | 'restricted';
  /** @throws with what was seen instead. */
  check(caller: Caller, door: Door, doors: Doors): Promise<void>;
}

const document = 'demo://resource/static/document/features.md';

const tool = (door: Door, server: string, name: string): string => (door.isAggregated ? `${server}__${name}` : name);
const uri = (door: Door, server: string, original: string): string =>
  door.isAggregated ? `mcp+${server}:${original}` : original;

/** The whole story. */
export const steps: readonly Step[] = [
  {
    title: 'lists the tools that it may call, and no others',
    needs: ['tools/list'],
    isEssential: true,
    async check(caller, door) {
      const names = namesOf(await resultOf(caller, 'tools/list'), 'tools', 'name');
      for (const [server, name] of wantedTools(door)) expect(names.includes(tool(door, server, name)), true, names);
      expect(names.includes(tool(door, 'everything', 'get-env')), !door.isRestricted, names);
      expect(
        names.some((name) => name.endsWith('write_file')),
        false,
        names,
      );
    },
  },
  {
    title: 'calls a tool and gets its text',
    needs: ['tools/call'],
    isEssential: true,
    async check(caller, door) {
      const result = await call(caller, tool(door, 'everything', 'echo'), { message: 'ahoy "ünïcode" \n 🏰' });
      expect(textOf(result), 'Echo: ahoy "ünïcode" \n 🏰', result);
    },
  },
  {
    title: 'gets structured content beside the text',
    needs: ['tools/call'],
    async check(caller, door) {
      const result = await call(caller, tool(door, 'everything', 'get-structured-content'), { location: 'New York' });
      expect(result['structuredContent'], JSON.parse(textOf(result) ?? 'null'), result);
    },
  },
  {
    title: 'gets an image as it is',
    needs: ['tools/call'],
    async check(caller, door) {
      const result = await call(caller, tool(door, 'everything', 'get-tiny-image'), {});
      const image = contentOf(result).find(({ type }) => type === 'image');
      expect(String(image?.['data']).startsWith('iVBORw0KGgo'), true, image);
    },
  },
  {
    title: 'reads a file, and reaches modern servers over stdio and HTTP, through the same door',
    needs: ['tools/call'],
    isOnly: 'aggregated',
    async check(caller, _door, { shared }) {
      const path = join(shared, 'note.txt');
      expect(textOf(await call(caller, 'files__read_text_file', { path })), sharedText, path);
      expect(textOf(await call(caller, 'modern__echo', { text: 'still here' })), 'still here', 'modern');
      const answer = await call(caller, 'fixture__test_simple_text', {});
      expect(textOf(answer), 'This is a simple text response for testing.', answer);
    },
  },
  {
    title: 'lists resources and templates and reads one',
    needs: ['resources/list', 'resources/templates/list', 'resources/read'],
    async check(caller, door) {
      const wanted = uri(door, 'everything', document);
      const uris = namesOf(await resultOf(caller, 'resources/list'), 'resources', 'uri');
      expect(uris.includes(wanted), true, uris);
      const templates = namesOf(await resultOf(caller, 'resources/templates/list'), 'resourceTemplates', 'uriTemplate');
      expect(templates.includes(uri(door, 'everything', 'demo://resource/dynamic/text/{resourceId}')), true, templates);
      const [static_] = listOf(await resultOf(caller, 'resources/read', { uri: wanted }), 'contents');
      expect(static_?.['uri'], wanted, static_);
      expect(/Everything/.test(String(static_?.['text'])), true, static_);
      const dynamic = uri(door, 'everything', 'demo://resource/dynamic/text/7');
      const [made] = listOf(await resultOf(caller, 'resources/read', { uri: dynamic }), 'contents');
      expect(String(made?.['text']).startsWith('Resource 7:'), true, made);
    },
  },
  {
    title: 'lists prompts and gets one with its argument filled in',
    needs: ['prompts/list', 'prompts/get'],
    async check(caller, door) {
      const name = tool(door, 'everything', 'args-prompt');
      const names = namesOf(await resultOf(caller, 'prompts/list'), 'prompts', 'name');
      expect(names.includes(name), true, names);
      const prompt = await resultOf(caller, 'prompts/get', { name, arguments: { city: 'Oslo' } });
      expect(JSON.stringify(listOf(prompt, 'messages')).includes('Oslo'), true, prompt);
    },
  },
  {
    title: 'completes an argument of a prompt',
    needs: ['completion/complete'],
    async check(caller, door) {
      const ref = { type: 'ref/prompt', name: tool(door, 'everything', 'completable-prompt') };
      const result = await resultOf(caller, 'completion/complete', {
        ref,
        argument: { name: 'department', value: 'E' },
      });
      expect((result['completion'] as Json | undefined)?.['values'], ['Engineering'], result);
    },
  },
  {
    title: 'follows the progress of a call',
    needs: ['tools/call'],
    needsFollow: true,
    async check(caller, door) {
      const seen: number[] = [];
      const answer = await caller.follow?.(longTool(door), { duration: 0.3, steps: 3 }, (progress) => {
        seen.push(progress);
        return 'go on';
      });
      // The SDKs drop what arrives in one chunk with the answer, so the last one is theirs to lose.
      expect(seen.length >= 2 && seen.every((progress, index) => progress === index + 1), true, seen);
      expect(typeof answer === 'object' && answer.kind, 'result', answer);
    },
  },
  {
    title: 'cancels a call that runs, and goes on',
    needs: ['tools/call'],
    needsFollow: true,
    async check(caller, door) {
      const answer = await caller.follow?.(longTool(door), { duration: 60, steps: 600 }, () => 'cancel');
      expect(answer, 'cancelled', answer);
      expect(textOf(await call(caller, tool(door, 'everything', 'echo'), { message: 'next' })), 'Echo: next', answer);
    },
  },
  {
    title: 'gets one and the same answer for a tool that is not there and one that is not allowed',
    needs: ['tools/call'],
    isOnly: 'restricted',
    async check(caller, door) {
      const [absent, forbidden] = ['no-such-tool', 'get-env'].map((name) => tool(door, 'everything', name));
      const answers = [absent, forbidden].map(async (name = '') => {
        const answer = await caller.request('tools/call', { name, arguments: {} });
        return answer.kind === 'error' ? { ...answer, message: answer.message.replaceAll(name, 'NAME') } : answer;
      });
      const [first, second] = await Promise.all(answers);
      expect(first?.kind, 'error', first);
      expect(second, first, second);
    },
  },
  {
    title: 'is told what is wrong with its arguments',
    needs: ['tools/call'],
    isEssential: true,
    async check(caller, door) {
      const answer = await caller.request('tools/call', {
        name: tool(door, 'everything', 'get-sum'),
        arguments: { a: 1, b: 'two' },
      });
      // The Inspector makes an error of its own out of a result that is marked as one.
      if (answer.kind === 'error') {
        expect(answer.code, 'tool_is_error', answer);
        return;
      }
      const meta = answer.result['_meta'] as Json | undefined;
      expect((meta?.['io.sallyport/refusal'] as Json | undefined)?.['reason'], 'bad-arguments', answer);
      expect(/\bb\b/.test(textOf(answer.result) ?? ''), true, answer);
    },
  },
];

const longTool = (door: Door): string => tool(door, 'everything', 'trigger-long-running-operation');

function wantedTools(door: Door): [server: string, name: string][] {
  const own: [string, string][] = [
    ['everything', 'echo'],
    ['everything', 'get-sum'],
  ];
  if (!door.isAggregated) return own;
  return [...own, ['files', 'read_text_file'], ['modern', 'echo'], ['fixture', 'test_simple_text']];
}

function call(caller: Caller, name: string, args: Json): Promise<Json> {
  return resultOf(caller, 'tools/call', { name, arguments: args });
}

async function resultOf(caller: Caller, method: Method, params?: Json): Promise<Json> {
  const answer: Answer = await caller.request(method, params);
  if (answer.kind === 'result') return answer.result;
  throw new Error(`${method} was answered with the error ${answer.code}: ${answer.message}`);
}

function listOf(result: Json, member: string): readonly Json[] {
  const list = result[member];
  return Array.isArray(list) ? list : [];
}

const namesOf = (result: Json, list: string, member: string): string[] =>
  listOf(result, list).map((entry) => String(entry[member]));
const contentOf = (result: Json): readonly Json[] => listOf(result, 'content');

function textOf(result: Json): string | undefined {
  const text = contentOf(result).find(({ type }) => type === 'text')?.['text'];
  return typeof text === 'string' ? text : undefined;
}

function expect(seen: unknown, wanted: unknown, context: unknown): void {
  if (isDeepStrictEqual(seen, wanted)) return;
  throw new Error(`saw ${show(seen)} in place of ${show(wanted)}, in ${show(context)}`);
}

const show = (value: unknown): string => (JSON.stringify(value) ?? String(value)).slice(0, 1500);
