/** Reads the servers out of a client program's configuration. What the file holds is outside input: any shape may come. */
import { parseLenientJson } from '../json-edit.ts';

/** One server as a client's file describes it. */
export interface ClientServer {
  readonly name: string;
  readonly transport: 'stdio' | 'url';
  readonly isDisabled: boolean;
  readonly command?: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly envFile?: string;
  readonly cwd?: string;
  readonly url?: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What a file held: servers, and entries that are no servers, each with the reason. */
export interface ReadServers {
  readonly servers: readonly ClientServer[];
  readonly unreadable: readonly { readonly name: string; readonly reason: string }[];
}

/**
 * Reads the servers out of the text of a client's configuration: `mcpServers`, or `servers` as VS Code calls them,
 * also under `mcp`, and those of the project `workspace` in a file that lists projects.
 *
 * @returns servers and what could not be read; throws a JsonTextError when the text is not JSON
 */
export function readClientServers(text: string, workspace: string): ReadServers {
  const root = parseLenientJson(text);
  const project = member(member(root, 'projects'), workspace);
  const holders = [
    member(root, 'mcpServers'),
    member(project, 'mcpServers'),
    member(root, 'servers'),
    member(member(root, 'mcp'), 'servers'),
  ];
  const servers: ClientServer[] = [];
  const unreadable: { name: string; reason: string }[] = [];
  for (const holder of holders) {
    if (!isRecord(holder)) continue;
    for (const [name, entry] of Object.entries(holder)) {
      const server = readServer(name, entry);
      if (typeof server === 'string') unreadable.push({ name, reason: server });
      else servers.push(server);
    }
  }
  return { servers, unreadable };
}

/** Tells whether the text has a place for servers, whatever is in it. */
export function holderOf(text: string): 'mcpServers' | 'servers' | undefined {
  const root = parseLenientJson(text);
  if (isRecord(member(root, 'mcpServers'))) return 'mcpServers';
  return isRecord(member(root, 'servers')) ? 'servers' : undefined;
}

function readServer(name: string, entry: unknown): ClientServer | string {
  if (!isRecord(entry)) return 'not an object';
  const { command, url } = entry;
  const common = {
    name,
    isDisabled: entry['disabled'] === true || entry['enabled'] === false,
    args: strings(entry['args']),
    env: textRecord(entry['env']),
    headers: textRecord(entry['headers'] ?? member(entry['requestInit'], 'headers')),
    ...(typeof entry['envFile'] === 'string' && { envFile: entry['envFile'] }),
    ...(typeof entry['cwd'] === 'string' && { cwd: entry['cwd'] }),
  };
  if (typeof command === 'string' && command !== '') return { ...common, transport: 'stdio', command };
  // Some programs take the command as one list.
  const [program, ...rest] = strings(command);
  if (program !== undefined)
    return { ...common, transport: 'stdio', command: program, args: [...rest, ...common.args] };
  const address = typeof url === 'string' ? url : entry['serverUrl'];
  if (typeof address === 'string' && address !== '') {
    return { ...common, transport: 'url', url: address };
  }
  return 'neither a command nor a url';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function member(value: unknown, name: string): unknown {
  return isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function strings(value: unknown): string[] {
  return Array.isArray(value)
    ? value.filter((item) => typeof item === 'string' || typeof item === 'number').map(String)
    : [];
}

function textRecord(value: unknown): Record<string, string> {
  if (!isRecord(value)) return {};
  const entries = Object.entries(value).filter(([, item]) => ['string', 'number', 'boolean'].includes(typeof item));
  return Object.fromEntries(entries.map(([key, item]) => [key, String(item)]));
}
