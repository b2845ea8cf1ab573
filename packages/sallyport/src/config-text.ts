/** Writes a first `sallyport.yaml`: one that runs as it is, and whose comments teach what to change. */
import { parse } from 'yaml';
import { plain } from './terminal.ts';
import type { Imported, ImportedUpstream } from './clients/import-servers.ts';

/** Where the JSON Schema of the file lies, below the file's folder. */
export const schemaFile = 'state/sallyport.schema.json';

/** The folder that a fresh configuration shares through its file server. */
export const sharedFolder = 'files';

const head = `# yaml-language-server: $schema=./${schemaFile}
#
# What Sallyport guards, and who may do what. Changes take effect within a second; a mistake keeps the old rules and
# says where it is. Look at it with:  sallyport check

version: 1
listen: 127.0.0.1:8848
`;

const callers = (localRole: string) => `
# Who may call. Nobody gets in without one of these.
callers:
  local: ${localRole.padEnd(22)} # you, from a client program on this machine (sallyport connect, run --stdio)
  keys: true                    # programs with a key: sallyport keys create --name ci --role reader
`;

const adminRole = `  admin:                        # everything that no deny forbids
    tools: ['*']
    resources: ['*']
    prompts: ['*']
`;

/** Returns a configuration for somebody who has no servers yet: one folder of files behind the gate. */
export function starterConfig(): string {
  return `${head}${callers('admin')}
# What each role may reach. A pattern matches server.tool; * stands for anything, ! takes away, and what no line
# lists is refused as if it did not exist.
roles:
  reader:
    tools:
      - files.read_*
      - files.list_*
      - files.search_files
      - '!files.read_media_file'
    limit: 20/s burst 40
${adminRole}
# The servers behind the gate: a command to start, or the url of one that runs elsewhere. A command sees PATH
# and what is listed here, nothing else of your environment.
upstreams:
  files:
    command: [npx, -y, '@modelcontextprotocol/server-filesystem@2026.8.31', ./${sharedFolder}]
    env: { HOME: inherit }
  # github:
  #   url: https://api.githubcopilot.com/mcp/
  #   auth: { bearer: env:GITHUB_TOKEN }

# What you expect of the rules above. sallyport check asks each question.
tests:
  - { as: reader, call: files.read_text_file, expect: allowed }
  - { as: reader, call: files.write_file, expect: unknown }
`;
}

/** Returns a configuration for servers that came from client programs. */
export function importedConfig(imported: Imported): string {
  const { upstreams } = imported;
  const list = upstreams.length === 0 ? ' {}\n' : `\n${upstreams.map(upstreamText).join('\n')}`;
  return `${head}${callers('admin')}
# What each role may reach. A pattern matches server.tool; * stands for anything, ! takes away, and what no line
# lists is refused as if it did not exist.
roles:
  reader:                       # a start for programs that only look: tools whose names say so
    tools: ['*.read_*', '*.get_*', '*.list_*', '*.search_*']
    resources: ['*']
    limit: 20/s burst 40
${adminRole}
# deny: ['*.delete_*']           # wins over every role

# The servers behind the gate. A command sees PATH and what is listed here; secrets are files that only you can
# read, or variables of the environment (env:NAME).
upstreams:${list}`;
}

function upstreamText(upstream: ImportedUpstream): string {
  const lines = [`  ${upstream.name}:`.padEnd(30) + `# ${plain(upstream.from)}`];
  if (upstream.kind === 'http') {
    lines.push(`    url: ${scalar(upstream.url)}`);
    const auth: string[] = [];
    if (upstream.bearer !== undefined) auth.push(`bearer: ${scalar(upstream.bearer)}`);
    if (upstream.headers.length > 0) auth.push(`header: ${flowMap(upstream.headers)}`);
    if (auth.length > 0) lines.push(`    auth: { ${auth.join(', ')} }`);
  } else {
    lines.push(`    command: [${upstream.command.map(scalar).join(', ')}]`);
    if (upstream.cwd !== undefined) lines.push(`    cwd: ${scalar(upstream.cwd)}`);
    lines.push(`    env: ${flowMap(upstream.env)}`);
  }
  return `${lines.join('\n')}\n`;
}

function flowMap(entries: readonly (readonly [string, string])[]): string {
  return `{ ${entries.map(([key, value]) => `${scalar(key)}: ${scalar(value)}`).join(', ')} }`;
}

/** Writes text so that YAML reads the same text, with quotes only where they are needed. */
export function scalar(text: string): string {
  const isSimple = /^[A-Za-z_./][A-Za-z0-9_./@+%:~=-]*$/.test(text) && !text.endsWith(':') && parse(text) === text;
  if (isSimple) return text;
  return /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff]/.test(text)
    ? JSON.stringify(text)
    : `'${text.replaceAll("'", "''")}'`;
}
