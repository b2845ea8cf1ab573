import { compilePolicy } from '@sallyport/guard';
import { describe, expect, it } from 'vitest';
import { loadConfig } from './load.ts';
import { toPolicyModel } from './policy-model.ts';
import type { ConfigPorts } from './ports.ts';
import { formatProblem } from './problem.ts';
import { runPolicyTests, toProblem, type TestOutcome } from './run-tests.ts';
import { withVirtualFiles } from './virtual-files.ts';

const machine: ConfigPorts = {
  env: {},
  identity: { uid: 1000, groups: new Set([1000]) },
  nodePath: '/opt/node',
  workingFolder: '/etc/sp',
  facts: async () => 'absent',
  read: async () => 'absent',
  list: async () => 'absent',
  run: async () => ({ ok: false, reason: 'not expected' }),
};

const head = `version: 1
upstreams: { db: { command: [/bin/db] }, files: { command: [/bin/files] } }
deny: ['*.drop']
roles:
  analyst:
    tools: [db.list, { tool: db.query, when: 'args.schema in ["public", "reports"]' }]
    resources: [{ resource: 'files.*', when: 'within(args.uri, "file:///srv")' }]
    prompts: [{ prompt: 'db.*', when: 'caller.agent == "notebook"' }]
  writer:
    scopes: [db:read, db:write]
    tools: ['db.*']
tests:
`;

async function run(...tests: readonly string[]): Promise<readonly TestOutcome[]> {
  const content = head + tests.map((test) => `  - { ${test} }\n`).join('');
  const files = new Map([['/etc/sp/a.yaml', { content }]]);
  const loaded = await loadConfig(['a.yaml'], withVirtualFiles(machine, files));
  if (!loaded.ok) return expect.fail(loaded.problems.map((problem) => formatProblem(problem)).join('\n'));
  return runPolicyTests(loaded.config.tests, compilePolicy(toPolicyModel(loaded.config)));
}

describe('tests of a file', () => {
  it.each([
    ['as: analyst, call: db.list, expect: allowed'],
    ['as: analyst, call: db.query, args: { schema: public }, expect: allowed'],
    ['as: analyst, call: db.query, args: { schema: hr }, expect: denied'],
    ['as: analyst, call: db.query, expect: denied'],
    ['as: analyst, call: db.drop, expect: unknown'],
    ['as: analyst, call: db.write, expect: unknown'],
    ['as: analyst, read: "files.file:///srv/a.txt", expect: allowed'],
    ['as: analyst, read: "files.file:///etc/passwd", expect: unknown'],
    ['as: analyst, prompt: db.ask, caller: { agent: notebook }, expect: allowed'],
    ['as: analyst, prompt: db.ask, caller: { agent: other }, expect: unknown'],
    ['as: writer, call: db.query, expect: allowed'],
    ['as: writer, call: db.query, caller: { scopes: [db:read] }, expect: step-up'],
    ['as: writer, call: db.query, caller: { scopes: [db:read, db:write] }, expect: allowed'],
    ['as: writer, call: db.drop, caller: { scopes: [] }, expect: unknown'],
  ])('are answered by the rules: %s', async (test) => {
    const [outcome] = await run(test);
    expect(outcome).toMatchObject({ passed: true });
  });

  it('[policy-tests] say where they stand, what decided and how to see why when they fail', async () => {
    const outcomes = await run(
      'as: analyst, call: db.query, args: { schema: hr }, expect: allowed',
      'as: writer, call: db.query, caller: { scopes: [db:read] }, expect: allowed',
    );
    expect(outcomes.map((outcome) => formatProblem(toProblem(outcome)))).toEqual([
      `/etc/sp/a.yaml:13:5: error: test failed: db.query as analyst is denied by 'db.query' (/etc/sp/a.yaml:6), expected allowed
  help: see why: sallyport explain --as analyst db.query '{"schema":"hr"}'`,
      `/etc/sp/a.yaml:14:5: error: test failed: db.query as writer is step-up by 'db.*' (/etc/sp/a.yaml:11), needing db:read db:write, expected allowed
  help: see why: sallyport explain --as writer --caller '{"scopes":["db:read"]}' db.query`,
    ]);
  });
});
