/** The journey of twelve steps that each caller makes to each server. A step throws what was wrong. */

import assert from 'node:assert/strict';
import { waitFor } from '@sallyport/testkit';
import type { WireMessage } from '@sallyport/testkit';
import type { Caller } from './caller.ts';
import { bigSize, toolNames } from './servers.ts';
import type { MatrixServer } from './servers.ts';

type Json = Readonly<Record<string, unknown>>;
type Step = (caller: Caller, server: MatrixServer, mark: string) => Promise<void>;

const resultOf = ({ result, error }: WireMessage): Json => {
  assert.ok(result !== undefined, JSON.stringify(error));
  return result;
};
const textOf = (message: WireMessage): string => {
  const [first] = resultOf(message)['content'] as readonly { readonly text?: string }[];
  return first?.text ?? '';
};
const call = (caller: Caller, name: string, mark: string, hear?: (message: WireMessage) => void) =>
  caller.ask('tools/call', { name: caller.tool(name), arguments: { mark }, _meta: { progressToken: mark } }, hear);

/** Has a tool ask, and gives the question and how the tool ended. */
const beAsked = async (caller: Caller, name: string, mark: string): Promise<readonly [WireMessage, string]> => {
  const before = caller.questions.length;
  const ending = textOf(await call(caller, name, mark));
  assert.equal(caller.questions.length, before + 1);
  const [question] = caller.questions.slice(before);
  assert.ok(question !== undefined);
  return [question, ending];
};

/** Every step, in order. */
export const journey = {
  async list(caller) {
    const listed = async (method: string, member: string, key: string): Promise<unknown[]> => {
      const items = resultOf(await caller.ask(method, {}))[member] as readonly Json[];
      return items.map((item) => item[key]);
    };
    const tools = await listed('tools/list', 'tools', 'name');
    for (const name of toolNames) assert.ok(tools.includes(caller.tool(name)), `${name} is not listed`);
    const resources = await listed('resources/list', 'resources', 'uri');
    assert.ok(resources.includes(caller.uri('test://one')), 'the resource is not listed');
    const prompts = await listed('prompts/list', 'prompts', 'name');
    assert.ok(prompts.includes(caller.tool('greet')), 'the prompt is not listed');
  },
  async call(caller, _server, mark) {
    const said = JSON.parse(textOf(await call(caller, 'echo', mark))) as Json;
    assert.deepEqual(said, { name: 'echo', arguments: { mark } });
  },
  async progress(caller, _server, mark) {
    const heard: unknown[] = [];
    const answer = await call(caller, 'count', mark, ({ method, params }) => {
      const { progressToken, progress } = (params ?? {}) as Json;
      if (method === 'notifications/progress' && progressToken === mark) heard.push(progress);
    });
    assert.equal(textOf(answer), mark);
    assert.deepEqual(heard, [1, 2, 3]);
  },
  async cancel(caller, server, mark) {
    const params = { name: caller.tool('wait'), arguments: { mark } };
    await caller.askInVain('tools/call', params, () => server.begun.has(mark));
    await waitFor(() => server.cancelled.has(mark), { what: 'the server to hear of it', everyMs: 5 });
    assert.ok(textOf(await call(caller, 'echo', mark)).includes(mark), 'the next call is not answered');
  },
  async resource(caller) {
    const uri = caller.uri('test://one');
    const [contents] = resultOf(await caller.ask('resources/read', { uri }))['contents'] as readonly Json[];
    assert.deepEqual(contents, { uri, mimeType: 'text/plain', text: 'contents of test://one' });
  },
  async subscribe(caller, server, mark) {
    const uri = `test://${mark}`;
    const subscription = await caller.subscribe(caller.uri(uri));
    assert.deepEqual(subscription.updates(), []);
    server.touch('test://other');
    server.touch(uri);
    await waitFor(() => subscription.updates().length > 0, { what: 'the update', everyMs: 5 });
    await subscription.end();
    // Over one connection the answer says that the end was heard; what is said from then on is not for this caller.
    await call(caller, 'echo', mark);
    server.touch(uri);
    await call(caller, 'echo', mark);
    assert.deepEqual(subscription.updates(), [caller.uri(uri)]);
  },
  async prompt(caller, _server, mark) {
    const params = { name: caller.tool('greet'), arguments: { who: mark } };
    const [message] = resultOf(await caller.ask('prompts/get', params))['messages'] as readonly Json[];
    assert.ok(JSON.stringify(message).includes(mark));
  },
  async completion(caller, _server, mark) {
    const ref = { type: 'ref/prompt', name: caller.tool('greet') };
    const response = await caller.ask('completion/complete', { ref, argument: { name: 'who', value: mark } });
    assert.deepEqual((resultOf(response)['completion'] as Json)['values'], ['one', 'two']);
  },
  async elicitation(caller, _server, mark) {
    const [question, ending] = await beAsked(caller, 'ask', mark);
    assert.equal(question.method, 'elicitation/create');
    assert.deepEqual(JSON.parse(ending), { action: 'accept', content: { name: `Who is ${mark}?` } });
  },
  async sampling(caller, _server, mark) {
    const [question, ending] = await beAsked(caller, 'think', mark);
    assert.equal(question.method, 'sampling/createMessage');
    const { content, role } = JSON.parse(ending) as {
      readonly content: { readonly text: string };
      readonly role: string;
    };
    assert.equal(role, 'assistant');
    assert.ok(content.text.includes(`What of ${mark}?`));
  },
  async error(caller, _server, mark) {
    const failed = await call(caller, 'fail', mark);
    assert.deepEqual([resultOf(failed)['isError'], textOf(failed)], [true, `${mark} cannot be done`]);
    const uri = caller.uri('test://absent');
    const { error } = await caller.ask('resources/read', { uri });
    assert.equal(error?.code, caller.era === 'modern' ? -32_602 : -32_002);
    assert.equal((error?.data as Json | undefined)?.['uri'], uri);
    const unknown = await caller.askForNothing('tools/call', { name: caller.tool('absent'), arguments: {} });
    assert.equal(unknown.error?.code, -32_602);
  },
  async 'big result'(caller, _server, mark) {
    const text = textOf(await call(caller, 'big', mark));
    assert.equal(text.length, mark.length + bigSize);
    assert.ok(text.startsWith(mark));
  },
} as const satisfies Readonly<Record<string, Step>>;

/** A step's name. */
export type StepName = keyof typeof journey;
