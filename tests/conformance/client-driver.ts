/**
 * The gateway as the client under test. The suite starts this program with the URL of a scenario's server: it puts a
 * gateway in front of that server and drives it through the gateway's own door. `--caller legacy|modern` says in which
 * era; the server is spoken to in whatever era it has.
 */

import process from 'node:process';
import { parseArgs } from 'node:util';
import { startGateway } from '@sallyport/testkit';
import { openCaller, type Caller, type Params } from './client-caller.ts';

type Steps = (caller: Caller) => Promise<void>;

interface Listed {
  readonly name: string;
  readonly uri?: string;
  readonly inputSchema?: unknown;
}

/** Context that the suite hands to a scenario's client. */
interface ScenarioContext {
  readonly toolCalls?: readonly Params[];
}

async function list(caller: Caller, what: 'tools' | 'resources' | 'prompts'): Promise<readonly Listed[]> {
  const answer = await caller.request(`${what}/list`, {});
  return (answer?.result?.[what] ?? []) as readonly Listed[];
}

const callTool = (caller: Caller, name: string, args: Params = {}) =>
  caller.request('tools/call', { name, arguments: args });

async function listTools(caller: Caller): Promise<void> {
  await list(caller, 'tools');
}

const steps: Readonly<Record<string, Steps>> = {
  initialize: listTools,
  'request-metadata': listTools,
  'json-schema-ref-no-deref': listTools,
  async tools_call(caller) {
    await list(caller, 'tools');
    await callTool(caller, 'add_numbers', { a: 5, b: 3 });
  },
  async 'elicitation-sep1034-client-defaults'(caller) {
    for (const { name } of await list(caller, 'tools')) await callTool(caller, name);
  },
  async 'sse-retry'(caller) {
    await list(caller, 'tools');
    const answer = await callTool(caller, 'test_reconnection');
    if (!JSON.stringify(answer?.result).includes('completed successfully'))
      throw new Error('the answer did not arrive');
  },
  async 'sep-2322-client-request-state'(caller) {
    await list(caller, 'tools');
    const paused = callTool(caller, 'test_mrtr_echo_state');
    await callTool(caller, 'test_mrtr_unrelated');
    await paused;
    await callTool(caller, 'test_mrtr_no_state');
    await callTool(caller, 'test_mrtr_unrelated');
    await callTool(caller, 'test_mrtr_no_result_type');
  },
  async 'http-standard-headers'(caller) {
    for (const { name } of await list(caller, 'tools')) await callTool(caller, name);
    for (const { uri } of await list(caller, 'resources')) await caller.request('resources/read', { uri });
    for (const { name } of await list(caller, 'prompts')) await caller.request('prompts/get', { name });
  },
  async 'http-custom-headers'(caller) {
    const context = JSON.parse(process.env['MCP_CONFORMANCE_CONTEXT'] ?? '{}') as ScenarioContext;
    await list(caller, 'tools');
    // A null where the schema has none is refused at the gateway; left out, the call goes up.
    for (const call of context.toolCalls ?? []) await caller.request('tools/call', call);
    for (const call of context.toolCalls ?? []) await caller.request('tools/call', withoutNulls(call));
  },
  async 'http-invalid-tool-headers'(caller) {
    const listed = new Set((await list(caller, 'tools')).map(({ name }) => name));
    for (const name of listed) await callTool(caller, name, { region: 'here' });
    // Who knows the names of the others from elsewhere gets no further.
    for (const name of invalidTools) if (!listed.has(name)) await callTool(caller, name, { value: 'x', data: {} });
  },
  async 'json-schema-2020-12-preservation'(caller) {
    const tools = await list(caller, 'tools');
    const focal = tools.find(({ name }) => name === 'json_schema_2020_12_tool');
    await callTool(caller, 'json_schema_echo', { schema: focal?.inputSchema });
  },
};

function withoutNulls(call: Params): Params {
  const given = Object.entries((call['arguments'] ?? {}) as Params).filter(([, value]) => value !== null);
  return { ...call, arguments: Object.fromEntries(given) };
}

/** Tools of the scenario that clients have to leave out. */
const invalidTools = [
  'invalid_empty_header',
  'invalid_object_header',
  'invalid_array_header',
  'invalid_null_header',
  'invalid_number_header',
  'invalid_duplicate_same_case',
  'invalid_duplicate_diff_case',
  'invalid_space_in_name',
  'invalid_colon_in_name',
  'invalid_non_ascii_name',
  'invalid_control_char_name',
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { caller: { type: 'string', default: 'modern' } },
});
const scenario = process.env['MCP_CONFORMANCE_SCENARIO'] ?? '';
const run = steps[scenario];
const url = positionals[0];
if (run === undefined || url === undefined) {
  process.stderr.write(`no steps for the scenario '${scenario}'\n`);
  process.exit(2);
}
const gateway = await startGateway({
  config: {
    admin: false,
    callers: { anonymous: 'everyone' },
    roles: { everyone: { tools: ['*'], resources: ['*'], prompts: ['*'] } },
    upstreams: { scenario: { url, ask: ['elicitation', 'sampling', 'roots'] } },
  },
});
try {
  const caller = await openCaller(`${gateway.url}/scenario`, values.caller === 'legacy' ? 'legacy' : 'modern');
  await run(caller);
  await caller.close();
} finally {
  await gateway.stop();
}
// Kept-alive connections of the caller are of no more use.
process.exit();
