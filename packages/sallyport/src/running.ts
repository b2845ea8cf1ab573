/** What the gateway that runs knows: how its servers stand, what they list, and what is in force. */
import { controlPath, nearest, type ConfigOutline, type GatewayStatus, type ServerStatus } from '@sallyport/gateway';
import { askGateway } from './control.ts';
import { isRecord } from './mcp-caller.ts';
import { clip, plain } from './terminal.ts';
import { withoutName } from './banner.ts';

/** Says whether a gateway's answer is a status that this version can read. */
export function isStatus(answer: unknown): answer is GatewayStatus {
  return (
    isRecord(answer) &&
    typeof answer['pid'] === 'number' &&
    Array.isArray(answer['servers']) &&
    isRecord(answer['audit'])
  );
}

/** Says whether a gateway's answer is a configuration. */
function isOutline(answer: unknown): answer is ConfigOutline {
  return (
    isRecord(answer) &&
    ['files', 'roles', 'upstreams', 'views', 'deny'].every((name) => Array.isArray(answer[name])) &&
    ['store', 'master', 'audit', 'callers'].every((name) => isRecord(answer[name]))
  );
}

/** The configuration that a running gateway has in force; nothing when none runs. */
export async function runningOutline(files: readonly string[]): Promise<ConfigOutline | undefined> {
  const answer = await askGateway(controlPath({ files }), 'configuration');
  return isOutline(answer) ? answer : undefined;
}

/** How a server stands at the running gateway, and the tools that it lists, where they are known. */
export interface KnownServer {
  readonly status: Pick<ServerStatus, 'name' | 'state' | 'lastError' | 'stderr'>;
  readonly tools?: readonly string[];
}

/** Asks the running gateway about a server; nothing when none runs, or it has no such server. */
export async function askServer(files: readonly string[], name: string): Promise<KnownServer | undefined> {
  const path = controlPath({ files });
  const answer = await askGateway(path, 'status');
  const status = isStatus(answer) ? answer.servers.find((server) => server.name === name) : undefined;
  if (status === undefined) return undefined;
  const listed = await askGateway(path, 'tools');
  const tools = isRecord(listed) ? listed[name] : undefined;
  const names = Array.isArray(tools) ? tools.filter((tool) => typeof tool === 'string') : undefined;
  return { status, ...(names !== undefined && { tools: names }) };
}

/**
 * Why a tool cannot be called whatever the rules say: its server is not there, or does not list it.
 *
 * @returns one sentence without a full stop; nothing when the tool is there, or that is not known
 */
export function whyAbsent({ status, tools }: KnownServer, tool: string): string | undefined {
  const { name, state, lastError, stderr } = status;
  if (state !== 'ready') {
    const why =
      lastError === undefined ? '' : `: ${withoutName(name, lastError).replace(new RegExp(`^${state}:? `), '')}`;
    const last = stderr.at(-1);
    const said = last === undefined || state === 'starting' ? '' : `; it last said: ${last}`;
    return clip(plain(`${name} is ${state}${why}${said}`), 300);
  }
  if (tools === undefined || tools.includes(tool)) return undefined;
  const close = nearest(tool, tools);
  const hint = close === undefined ? '' : `; did you mean ${close}?`;
  return plain(`${name} lists no tool ${tool}${hint}`);
}
