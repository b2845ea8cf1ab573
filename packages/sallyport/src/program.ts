/** The command line: every command with its words, options and examples. What a command does is loaded when it runs. */
import { Command, Option } from 'commander';
import { withFiles, type CommonOptions, type Context } from './context.ts';
import { Failure } from './failure.ts';

/** Loads a command and runs it. Gives the exit code. */
type Run = (args: readonly string[], options: CommonOptions) => Promise<number>;

interface CommandRow {
  /** Name and arguments, as commander reads them. */
  readonly usage: string;
  readonly summary: string;
  readonly examples: readonly (readonly [command: string, meaning: string])[];
  readonly options?: readonly Option[];
  readonly run: Run;
}

/**
 * Builds the program.
 *
 * @param finish takes the exit code of the command that ran
 */
export function createProgram(version: string, context: Context, finish: (exitCode: number) => void): Command {
  const program = new Command('sallyport')
    .description('The secure way in and out for MCP: who calls, what they may do, and a record of all of it.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'say how it is used')
    .helpCommand('help [command]', 'say how a command is used')
    .enablePositionalOptions()
    .showHelpAfterError(false)
    .addOption(configOption())
    .addOption(jsonOption());
  const rows = commandRows(context);
  for (const row of rows) addCommand(program, row, finish);
  for (const [name, summary, group] of commandGroups(context)) {
    const parent = program.command(name).summary(summary).description(sentence(summary));
    for (const row of group) addCommand(parent, row, finish);
  }
  program.addHelpText(
    'after',
    [
      '',
      'Start here:',
      '  sallyport init                  write a configuration to begin with',
      '  sallyport run                   guard what it lists',
      '  sallyport help run              how a command is used, with examples',
      '',
      'Exit codes: 0 fine, 1 refused or found something, 2 used wrongly.',
    ].join('\n'),
  );
  return program;
}

function addCommand(parent: Command, row: CommandRow, finish: (exitCode: number) => void): void {
  const command = parent.command(row.usage).summary(row.summary).description(sentence(row.summary));
  for (const option of row.options ?? []) command.addOption(option);
  command.addOption(configOption()).addOption(jsonOption());
  const width = Math.max(...row.examples.map(([example]) => example.length)) + 2;
  const examples = row.examples.map(([example, meaning]) => `  ${example.padEnd(width)}${meaning}`.trimEnd());
  command.addHelpText('after', ['', 'Examples:', ...examples].join('\n'));
  command.action(async (...given: unknown[]) => {
    const words = given
      .slice(0, -2)
      .flat()
      .filter((word) => typeof word === 'string');
    // An option may stand before or behind the command's name.
    const outer = command.parent?.parent?.opts<Partial<CommonOptions>>() ?? {};
    const group = command.parent?.opts<Partial<CommonOptions>>() ?? {};
    const own = { ...switchesOff(command), ...command.opts<CommonOptions>() };
    const config = [...(outer.config ?? []), ...(group.config ?? []), ...own.config];
    const json = outer.json === true || group.json === true || own.json;
    try {
      finish(await row.run(words, { ...own, config, json }));
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      throw error.withWay(withFiles(error.way, config));
    }
  });
}

/** Every switch that a command knows, off. */
function switchesOff(command: Command): Record<string, boolean> {
  return Object.fromEntries(
    command.options.filter((one) => one.isBoolean()).map((one) => [one.attributeName(), false]),
  );
}

function sentence(summary: string): string {
  return `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`;
}

const collect = (value: string, earlier: readonly string[] = []): string[] => [...earlier, value];

function configOption(): Option {
  return new Option('-c, --config <file>', 'configuration; give it again to merge more')
    .argParser(collect)
    .default([], './sallyport.yaml');
}

function jsonOption(): Option {
  return new Option('--json', 'print JSON');
}

const option = (flags: string, description: string): Option => new Option(flags, description);

// Commander has read the options by the table below; each command states the type it reads them as.
const as = <T extends CommonOptions>(options: CommonOptions): T => options as T;

function commandRows(context: Context): CommandRow[] {
  return [
    {
      usage: 'init',
      summary: 'write a configuration: a fresh one, or with the servers of another program',
      options: [
        option('--from <source>', 'claude, cursor, vscode, or a file with "mcpServers" or "servers"'),
        option('--force', 'replace a configuration that is there'),
      ],
      examples: [
        ['sallyport init', 'a configuration to begin with'],
        ['sallyport init --from claude', 'with the servers of Claude Desktop and Claude Code'],
        ['sallyport init --from .vscode/mcp.json', 'with the servers of a file'],
      ],
      run: async (_, options) => (await import('./commands/init.ts')).init(as(options), context),
    },
    {
      usage: 'run',
      summary: 'open the gate: guard the servers of the configuration until stopped',
      options: [
        option('--stdio', 'serve one client program on stdin and stdout; joins a running gateway or starts one'),
        option('--at <name>', 'with --stdio: one server or view instead of all servers'),
        option('--try <role>', 'make a key with this role, show it, and show calls to try with it'),
        option('--verbose', 'show what the servers write to stderr, and more'),
      ],
      examples: [
        ['sallyport run', 'guard what ./sallyport.yaml lists'],
        ['sallyport run -c base.yaml -c team.yaml', 'two files, the second on top'],
        ['sallyport run --try reader', 'with a key and calls to try'],
        ['sallyport run --stdio', 'what a client program starts'],
        ['sallyport run --stdio --at frontend', 'the same for one view'],
      ],
      run: async (_, options) => (await import('./commands/run.ts')).run(as(options), context),
    },
    {
      usage: 'wrap <command...>',
      summary: 'guard one server without a configuration, on stdin and stdout',
      options: [
        option('--name <name>', 'what the server is called in the audit trail; default: after the package or script'),
        option('-e, --env <name>', 'pass a variable of the environment; give it again for more')
          .argParser(collect)
          .default([], 'PATH and HOME'),
      ],
      examples: [
        ['sallyport wrap -- npx -y @modelcontextprotocol/server-everything', ''],
        ['sallyport wrap --name git -e GITHUB_TOKEN -- github-mcp-server stdio', 'with one variable'],
      ],
      run: async (command, options) => (await import('./commands/wrap.ts')).wrap(command, as(options), context),
    },
    {
      usage: 'connect <client>',
      summary: 'let claude, cursor or vscode start Sallyport',
      options: [option('--file <file>', "the program's configuration, where it is not in its usual place")],
      examples: [
        ['sallyport connect claude', 'Claude Desktop and Claude Code'],
        ['sallyport connect vscode --file .vscode/mcp.json', 'one project only'],
      ],
      run: async ([client = ''], options) =>
        (await import('./commands/connect.ts')).connect(client, as(options), context),
    },
    {
      usage: 'disconnect <client>',
      summary: 'undo connect',
      options: [option('--file <file>', "the program's configuration, where it is not in its usual place")],
      examples: [
        ['sallyport disconnect claude', 'as if it had never been connected'],
        ['sallyport disconnect vscode --file .vscode/mcp.json', ''],
      ],
      run: async ([client = ''], options) =>
        (await import('./commands/connect.ts')).disconnect(client, as(options), context),
    },
    {
      usage: 'check',
      summary: 'look for mistakes in the configuration and run its tests',
      options: [option('--print', 'print the merged configuration and where each value comes from')],
      examples: [
        ['sallyport check', 'is ./sallyport.yaml right?'],
        ['sallyport check -c base.yaml -c team.yaml --print', 'what do two files come to?'],
      ],
      run: async (_, options) => (await import('./commands/check.ts')).check(as(options), context),
    },
    {
      usage: 'schema',
      summary: 'print the JSON Schema of the configuration',
      examples: [
        [
          'sallyport schema > sallyport.schema.json',
          'for an editor: # yaml-language-server: $schema=./sallyport.schema.json',
        ],
      ],
      run: async () => (await import('./commands/schema.ts')).schema(context),
    },
    {
      usage: 'status',
      summary: 'how the running gateway and its servers are',
      examples: [
        ['sallyport status', ''],
        ['sallyport status --json', 'for a program'],
      ],
      run: async (_, options) => (await import('./commands/status.ts')).status(options, context),
    },
    {
      usage: 'call <tool> [arguments]',
      summary: 'call a tool through the gate, as you or as a role',
      options: [option('--as <role>', 'call with this role only')],
      examples: [
        [`sallyport call files.read_text_file '{"path": "welcome.txt"}'`, ''],
        [`sallyport call files.write_file '{"path": "x", "content": ""}' --as reader`, 'is it refused?'],
        ['sallyport call github.list_issues @arguments.json', 'arguments from a file; - reads stdin'],
      ],
      run: async (words, options) => (await import('./commands/call.ts')).call(words, as(options), context),
    },
    {
      usage: 'explain <question> [arguments]',
      summary: 'why a call was allowed or refused, or whether one would be',
      options: [
        option('--as <role>', 'ask for this role'),
        option('--key <name>', 'ask for this key'),
        option('--caller <json>', 'what else is known of the caller: id, kind, agent, scopes, claims'),
      ],
      examples: [
        ['sallyport explain x7Qe', 'what happened to this exchange, stage by stage'],
        ['sallyport explain --as reader files.write_file', 'may a reader do this, and which line says so?'],
        ['sallyport explain --key ci db.query', 'may the key "ci"?'],
        [`sallyport explain --as analyst db.query '{"schema":"hr"}'`, 'may it with these arguments?'],
      ],
      run: async (words, options) => (await import('./commands/explain.ts')).explain(words, as(options), context),
    },
    {
      usage: 'block <target>',
      summary: 'stop a caller, tools or a server at once',
      options: [option('--for <duration>', 'how long, like 30m, 1h, 7d; default: until unblocked')],
      examples: [
        ['sallyport block key:ci --for 1h', 'a caller'],
        ['sallyport block files.write_file', 'a tool'],
        [`sallyport block '*.delete_*'`, 'every tool that matches'],
        ['sallyport block github', 'a server'],
      ],
      run: async ([target = ''], options) => (await import('./commands/block.ts')).block(target, as(options), context),
    },
    {
      usage: 'unblock <target>',
      summary: 'undo block',
      examples: [
        ['sallyport unblock key:ci', ''],
        ['sallyport unblock files.write_file', ''],
      ],
      run: async ([target = ''], options) => (await import('./commands/block.ts')).unblock(target, options, context),
    },
    {
      usage: 'doctor',
      summary: 'look for what keeps Sallyport from working here, and say the way out',
      examples: [
        ['sallyport doctor', ''],
        ['sallyport doctor -c team.yaml --json', ''],
      ],
      run: async (_, options) => (await import('./commands/doctor.ts')).doctor(options, context),
    },
  ];
}

function commandGroups(context: Context): [string, string, CommandRow[]][] {
  return [
    [
      'keys',
      'make, list, rotate and revoke API keys',
      [
        {
          usage: 'create',
          summary: 'make a key and show it once',
          options: [
            option('--name <name>', 'what the key is for; callers with it are key:<name>').makeOptionMandatory(),
            option('--role <role>', 'a role of the configuration; give it again for more')
              .argParser(collect)
              .makeOptionMandatory(),
            option('--expires <duration>', 'how long it is good for, like 90d; default: for ever'),
            option('--from <network>', 'where it may be used from, like 10.0.0.0/8; give it again for more').argParser(
              collect,
            ),
          ],
          examples: [
            ['sallyport keys create --name ci --role reader', ''],
            ['sallyport keys create --name ci --role reader --expires 90d --json', 'one object; the key is in "key"'],
            ['sallyport keys create --name ci --role reader --from 10.0.0.0/8', 'refused from elsewhere'],
          ],
          run: async (_, options) => (await import('./commands/keys.ts')).createKey(as(options), context),
        },
        {
          usage: 'list',
          summary: 'show all keys, without their secret part',
          examples: [['sallyport keys list', '']],
          run: async (_, options) => (await import('./commands/keys.ts')).listKeys(options, context),
        },
        {
          usage: 'rotate <name>',
          summary: 'replace a key by a new one of the same name, roles and networks',
          options: [option('--overlap <duration>', 'how long the old key still works, like 24h; default: not at all')],
          examples: [
            ['sallyport keys rotate ci', 'the old key ends at once'],
            ['sallyport keys rotate ci --overlap 24h', 'time to change it everywhere'],
          ],
          run: async ([name = ''], options) =>
            (await import('./commands/keys.ts')).rotateKey(name, as(options), context),
        },
        {
          usage: 'revoke <name>',
          summary: 'end all keys of a name, or one key by its id, at once',
          examples: [
            ['sallyport keys revoke ci', 'all keys called ci'],
            ['sallyport keys revoke sp_k3v9q0x1m2n4_', 'this one, and the others go on'],
          ],
          run: async ([name = ''], options) => (await import('./commands/keys.ts')).revokeKey(name, options, context),
        },
      ],
    ],
    [
      'connections',
      'list, open and revoke accounts that people connect at servers',
      [
        {
          usage: 'list',
          summary: 'show who has connected an account where, without any token',
          examples: [['sallyport connections list', '']],
          run: async (_, options) => (await import('./commands/connections.ts')).listConnections(options, context),
        },
        {
          usage: 'open <server>',
          summary: 'print a link with which a person connects an account, for callers that cannot show one',
          options: [option('--caller <id>', 'for whom, like key:ci or local:ada')],
          examples: [['sallyport connections open github --caller key:ci', 'good once, for ten minutes']],
          run: async ([server = ''], options) =>
            (await import('./commands/connections.ts')).openConnection(server, as(options), context),
        },
        {
          usage: 'revoke <server>',
          summary: 'take back accounts at a server at once, here and at their authorization server',
          options: [option('--caller <id>', "this caller's only; default: everybody's")],
          examples: [
            ['sallyport connections revoke github --caller key:ada', ''],
            ['sallyport connections revoke github', "everybody's"],
          ],
          run: async ([server = ''], options) =>
            (await import('./commands/connections.ts')).revokeConnections(server, as(options), context),
        },
      ],
    ],
    [
      'audit',
      'read and verify the audit trail',
      [
        {
          usage: 'tail',
          summary: 'show the last records',
          options: [
            option('-n, --lines <count>', 'how many').default('20'),
            option('-f, --follow', 'go on as records come in'),
          ],
          examples: [
            ['sallyport audit tail', ''],
            ['sallyport audit tail -n 100 --follow', ''],
            ['sallyport audit tail --json', 'the records as they are'],
          ],
          run: async (_, options) => (await import('./commands/audit.ts')).tail(as(options), context),
        },
        {
          usage: 'search',
          summary: 'find records',
          options: [
            option('--exchange <id>', 'all records of one exchange'),
            option('--principal <id>', 'a caller, like key:ci'),
            option('--target <pattern>', 'server.tool; * stands for anything'),
            option('--reason <reason>', 'why it was refused: a name of docs/refusals.md, like forbidden'),
            option('--since <time>', 'a time, or a duration back from now, like 2h'),
            option('--until <time>', 'the same, for the end'),
            option('--would-refuse', 'what passed under mode: observe although policy would have refused it'),
            option('--count', 'how often, by role, target and reason, instead of the records'),
          ],
          examples: [
            ['sallyport audit search --principal key:ci --since 2h', ''],
            [`sallyport audit search --target 'files.*' --reason forbidden`, ''],
            ['sallyport audit search --would-refuse --count --since 7d', 'what enforcing would break'],
          ],
          run: async (_, options) => (await import('./commands/audit.ts')).search(as(options), context),
        },
        {
          usage: 'verify [directory]',
          summary: 'prove that no record was changed, removed or added',
          options: [
            option('--head <hash>', 'the hash of the last record, kept elsewhere: proves that nothing was cut off'),
          ],
          examples: [
            ['sallyport audit verify', "the configuration's trail"],
            ['sallyport audit verify /backup/audit --head 3f9a…', 'another folder, up to a known end'],
          ],
          run: async ([directory], options) =>
            (await import('./commands/audit.ts')).verify(directory, as(options), context),
        },
      ],
    ],
  ];
}
