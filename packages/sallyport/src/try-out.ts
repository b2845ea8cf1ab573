/** Picks calls for a newcomer to try (one that is allowed and one that is not) and writes them as curl. Pure. */
import { callerRevision, isRecord } from './mcp-caller.ts';
import { shellQuote } from './shell.ts';

/** A tool as a list shows it on `/mcp`. */
export interface ListedTool {
  /** `server__tool` */
  readonly name: string;
  readonly inputSchema: unknown;
  readonly annotations: unknown;
}

/** A call worth trying. */
export interface TryCall {
  /** The name on the wire. */
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** Returns the tools of a `tools/list` result that can be read. */
export function listedTools(result: Readonly<Record<string, unknown>>): ListedTool[] {
  const tools = Array.isArray(result['tools']) ? result['tools'] : [];
  return tools.flatMap((tool: unknown) => {
    if (!isRecord(tool) || typeof tool['name'] !== 'string') return [];
    return [{ name: tool['name'], inputSchema: tool['inputSchema'], annotations: tool['annotations'] }];
  });
}

/** `server.tool` for a name on the wire; names that were cut have none. */
export function keyOfWireName(name: string): string | undefined {
  const at = name.indexOf('__');
  return at <= 0 || name.length >= 64 ? undefined : `${name.slice(0, at)}.${name.slice(at + 2)}`;
}

/**
 * Returns the key of a tool that somebody names: as it stands in the file, or as callers read it in a list.
 *
 * @param servers names of the servers behind the gate; a name that begins with none of them stays as it is
 */
export function keyOfSpoken(name: string, servers: readonly string[]): string {
  const key = keyOfWireName(name);
  return key !== undefined && servers.includes(name.slice(0, name.indexOf('__'))) ? key : name;
}

/** Picks a call that is allowed: one that says something back, else one that needs nothing, else any. */
export function pickAllowed(tools: readonly ListedTool[], isAllowed: (key: string) => boolean): TryCall | undefined {
  const allowed = tools.filter((tool) => isAllowed(keyOfWireName(tool.name) ?? ''));
  const speaks = allowed.find((tool) => {
    const names = requiredNames(tool);
    return names.length === 1 && /^(?:message|text|query|input|prompt)$/.test(names[0] ?? '');
  });
  return toCall(speaks ?? allowed.find((tool) => requiredNames(tool).length === 0) ?? allowed[0]);
}

/** Picks a call that is refused: one that would change something, else any. */
export function pickRefused(tools: readonly ListedTool[], isAllowed: (key: string) => boolean): TryCall | undefined {
  const refused = tools.filter((tool) => {
    const key = keyOfWireName(tool.name);
    return key !== undefined && !isAllowed(key);
  });
  const changes = refused.find((tool) => /(?:^|_)(?:write|delete|create|update|edit|move|remove)/.test(tool.name));
  return toCall(changes ?? refused[0]);
}

function requiredNames(tool: ListedTool): string[] {
  const required = isRecord(tool.inputSchema) ? tool.inputSchema['required'] : undefined;
  return Array.isArray(required) ? required.filter((name) => typeof name === 'string') : [];
}

function toCall(tool: ListedTool | undefined): TryCall | undefined {
  if (tool === undefined) return undefined;
  const properties = isRecord(tool.inputSchema) ? tool.inputSchema['properties'] : undefined;
  const entries = requiredNames(tool).map((name): [string, unknown] => {
    return [name, sample(name, isRecord(properties) ? properties[name] : undefined)];
  });
  return { name: tool.name, arguments: Object.fromEntries(entries) };
}

function sample(name: string, schema: unknown): unknown {
  if (!isRecord(schema)) return 'hello';
  if (schema['default'] !== undefined) return schema['default'];
  if (Array.isArray(schema['enum']) && schema['enum'].length > 0) return schema['enum'][0];
  switch (schema['type']) {
    case 'number':
    case 'integer':
      return typeof schema['minimum'] === 'number' ? schema['minimum'] : 1;
    case 'boolean':
      return true;
    case 'array':
      return [];
    case 'object':
      return {};
    default:
      return /path|file/i.test(name) ? 'hello.txt' : 'hello';
  }
}

/**
 * Writes a call as a curl command with everything that 2026-07-28 asks for.
 *
 * @param key the API key; without one the call goes without a credential
 */
export function curlCommand(endpoint: string, key: string | undefined, call: TryCall): string {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': callerRevision,
    'io.modelcontextprotocol/clientInfo': { name: 'curl', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const body = {
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: call.name, arguments: call.arguments, _meta: meta },
  };
  const headers = [
    ...(key === undefined ? [] : [`Authorization: Bearer ${key}`]),
    'Content-Type: application/json',
    'Accept: application/json, text/event-stream',
    `MCP-Protocol-Version: ${callerRevision}`,
    'Mcp-Method: tools/call',
    `Mcp-Name: ${call.name}`,
  ];
  const lines = [
    `curl -s ${endpoint}`,
    ...headers.map((header) => `-H ${shellQuote(header)}`),
    `-d ${shellQuote(JSON.stringify(body))}`,
  ];
  return lines.join(' \\\n  ');
}
