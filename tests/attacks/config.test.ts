/** Every wrong configuration of config.cases.ts is refused with file, line, column and a way out, and shows no secret. */
import { withVirtualFiles, formatProblem, loadConfig, type ConfigPorts, type VirtualFile } from '@sallyport/gateway';
import { describe, expect, it } from 'vitest';
import { wrongIssuers } from './config-issuers.cases.ts';
import { wrongLimits } from './config-limits.cases.ts';
import * as cases from './config.cases.ts';
import * as policyCases from './config-policy.cases.ts';
import type { WrongConfig } from './config.cases.ts';
import { wrongEgress } from './config-egress.cases.ts';
import { wrongViews } from './config-views.cases.ts';
import { wrongIntrospection } from './config-introspection.cases.ts';

const FOLDER = '/etc/sallyport';
const MAIN = `${FOLDER}/sallyport.yaml`;
const MARK = '▸';

/** Groups of the table with their number of rows, so that a shrinking table fails. */
const groups: readonly [string, readonly WrongConfig[], number][] = [
  ['a key that nothing reads', cases.wrongKeys, 24],
  ['a key of a later version', cases.laterKeys, 5],
  ['a value of the wrong type', cases.wrongTypes, 37],
  ['a value that means nothing or something unsafe', cases.wrongValues, 59],
  ['a reference to what is not there', cases.wrongReferences, 9],
  ['a pattern', cases.wrongPatterns, 12],
  ['a rate, duration or size', cases.wrongQuantities, 24],
  ['a limit', wrongLimits, 5],
  ['YAML that would mean something else', cases.yamlTraps, 24],
  ['a secret', cases.wrongSecrets, 25],
  ['an issuer of tokens', wrongIssuers, 39],
  ['a file that is not safe', cases.unsafeFiles, 6],
  ['an included file', cases.wrongIncludes, 14],
  ['a condition', policyCases.wrongConditions, 43],
  ['scopes and tests', policyCases.wrongScopesAndTests, 13],
  ['requests of our own', wrongEgress, 29],
  ['opaque tokens', wrongIntrospection, 16],
  ['a door to other machines', cases.wrongDoors, 30],
  ['a view, an effect or a mode', wrongViews, 22],
];

/** An empty machine: no file, four variables, one program. */
const machine: ConfigPorts = {
  env: { HOME: '/home/me', TOKEN: ['s', '3', 'cret-value'].join(''), EMPTY: '' },
  identity: { uid: 1000, groups: new Set([1000]) },
  nodePath: '/usr/bin/node',
  workingFolder: FOLDER,
  facts: async () => 'absent',
  read: async () => 'absent',
  list: async () => 'absent',
  run: async () => ({ ok: false, reason: 'exit code 1' }),
};

function build(wrong: WrongConfig): {
  files: Map<string, VirtualFile>;
  expected: { file: string; line: number; column: number } | undefined;
} {
  const main = /^▸?(?:version|%|$|- |hello)/.test(wrong.yaml) ? wrong.yaml : `version: 1\n${wrong.yaml}`;
  const texts: [string, string, { mode?: number; gid?: number }][] = [
    [
      MAIN,
      main,
      {
        ...(wrong.mode === undefined ? {} : { mode: wrong.mode }),
        ...(wrong.gid === undefined ? {} : { gid: wrong.gid }),
      },
    ],
    ...Object.entries(wrong.files ?? {}).map(
      ([path, { content, ...rights }]): [string, string, { mode?: number; gid?: number }] => [
        `${FOLDER}/${path}`,
        content,
        rights,
      ],
    ),
  ];
  const marked = texts.find(([, text]) => text.includes(MARK));
  const before = marked?.[1].slice(0, marked[1].indexOf(MARK)).split('\n') ?? [];
  const expected = marked && { file: marked[0], line: before.length, column: (before.at(-1) ?? '').length + 1 };
  return {
    files: new Map(texts.map(([path, text, rights]) => [path, { content: text.replace(MARK, ''), ...rights }])),
    expected,
  };
}

describe.each(groups)('%s', (_name, rows, count) => {
  it(`has ${count} rows`, () => {
    expect(rows).toHaveLength(count);
    expect(new Set(rows.map((row) => row.yaml + JSON.stringify(row.files) + row.mode)).size).toBe(rows.length);
  });

  it.each(rows.map((row): [string, WrongConfig] => [row.what, row]))(
    '[config-errors] is refused where it stands: %s',
    async (_what, wrong) => {
      const { files, expected } = build(wrong);
      const loaded = await loadConfig([MAIN], withVirtualFiles(machine, files));
      if (loaded.ok) return expect.fail('it was accepted');
      const shown = loaded.problems.map((problem) => formatProblem(problem)).join('\n');
      const problem = loaded.problems.find(
        ({ message, suggestion }) => message.includes(wrong.says) && suggestion?.includes(wrong.helps),
      );
      if (problem === undefined)
        return expect.fail(`no problem says "${wrong.says}" and helps with "${wrong.helps}":\n${shown}`);
      expect({ file: problem.file, line: problem.line, column: problem.column }, shown).toEqual(
        expected ?? { file: MAIN, line: problem.line, column: problem.column },
      );
      expect(loaded.problems, shown).toHaveLength(1 + (wrong.others ?? 0));
      for (const one of loaded.problems) expect(one.suggestion, one.message).toMatch(/\S/);
    },
  );
});

describe('what is shown of a wrong configuration', () => {
  it('holds no value that stands where a secret belongs', async () => {
    const value = ['horse', 'battery', 'staple'].join('-');
    const yaml = `version: 1
master: ${value}
upstreams:
  a: { command: [x], env: { API_KEY: ${value}, LOG: [${1}] }, pasword: ${value}, client_secret: "${value}" }
  b: { url: https://me:${value}@b.example, auth: { bearer: '${value}', header: { X-Key: ${value} } } }
  c: { url: https://c.example, auth: { token: ${value} }, authToken: ${value} }
`;
    const loaded = await loadConfig([MAIN], withVirtualFiles(machine, new Map([[MAIN, { content: yaml }]])));
    const shown = loaded.ok
      ? expect.fail('it was accepted')
      : loaded.problems.map((problem) => formatProblem(problem)).join('\n');
    // `pasword` is a slip that no rule knows: the line is shown, with every other value blotted out.
    expect(shown.replaceAll(`pasword: ${value}`, '')).not.toContain(value);
    expect(shown).toContain('API_KEY looks like a secret');
  });

  it('holds no value that a reference leads to', async () => {
    const value = machine.env['TOKEN'] ?? '';
    const rows = ['listen', 'publicUrl', 'refusals', 'store'].map((key) => `${key}: env:TOKEN\n`).join('');
    const yaml = `version: 1
${rows}origins: [env:TOKEN, env:PAGE]
roles: { r: {} }
tests: [{ as: r, call: env:CALL, expect: unknown }, { as: r, call: env:TOKEN, expect: unknown }]
limits: { depth: env:TOKEN, body: env:TOKEN, perAddress: env:TOKEN }
callers: { local: env:TOKEN, keys: env:TOKEN }
deny: [env:TOKEN]
upstreams: { a: { url: env:TOKEN, timeout: env:TOKEN }, b: { url: env:PAGE } }
`;
    const env = { TOKEN: value, PAGE: `https://${value}.example/${value}#${value}`, CALL: `${value}.${value}` };
    const ports = withVirtualFiles({ ...machine, env }, new Map([[MAIN, { content: yaml }]]));
    const loaded = await loadConfig([MAIN], ports);
    if (loaded.ok) return expect.fail('it was accepted');
    expect(loaded.problems).toHaveLength(17);
    expect(JSON.stringify(loaded)).not.toContain(value);
  });
});
