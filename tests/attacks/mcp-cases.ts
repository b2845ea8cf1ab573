/** The single-request cases of the 2026-07-28 corpus, and how to put one on the wire byte for byte. */

import { Buffer } from 'node:buffer';
import { sendRaw } from '@sallyport/testkit';
import type { Gateway, RawResponse } from '@sallyport/testkit';

/** One line of the corpus. */
export interface McpCase {
  readonly group: string;
  readonly name: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly duplicate?: { readonly header: string; readonly values: readonly string[] };
  readonly body?: Readonly<Record<string, unknown>> | null;
  readonly xMcpHeader?: Readonly<Record<string, string>>;
  readonly arguments?: Readonly<Record<string, unknown>>;
  readonly expect: string;
}

/** The groups that are one HTTP request each; the others need a story of their own. */
export const singleRequestGroups: ReadonlySet<string> = new Set([
  'control',
  'header-mismatch',
  'header-duplicate',
  'envelope',
  'removed-method',
  'http-method',
  'origin',
  'mcp-param',
]);

/** What one case got. */
export interface CaseAnswer {
  readonly status: number;
  /** JSON-RPC error code, if there is one. */
  readonly code: number | undefined;
  readonly result: Readonly<Record<string, unknown>> | undefined;
  readonly responses: readonly RawResponse[];
}

/**
 * Sends one case.
 * @param path door, such as `/mcp/rec`.
 */
export async function sendCase(gateway: Gateway, path: string, each: McpCase): Promise<CaseAnswer> {
  const body = caseBody(each);
  const head = [
    `${each.group === 'http-method' ? httpMethod(each) : 'POST'} ${path} HTTP/1.1`,
    `Host: ${gateway.host}:${gateway.port}`,
    ...headerLines(each),
    ...(body === undefined ? [] : [`Content-Length: ${body.length}`]),
    'Connection: close',
  ];
  const bytes = Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), body ?? Buffer.alloc(0)]);
  const { responses } = await sendRaw(gateway.host, gateway.port, bytes, { quietMs: 2000 });
  const response = responses.at(-1);
  if (response === undefined) throw new Error(`${each.group}/${each.name}: no answer`);
  return { status: response.status, ...readMessage(response.body), responses };
}

function headerLines({ headers = {}, duplicate }: McpCase): string[] {
  const plain = Object.entries(headers).filter(([name]) => name !== duplicate?.header);
  const repeated = (duplicate?.values ?? []).map((value): [string, string] => [duplicate?.header ?? '', value]);
  return [...plain, ...repeated].map(([name, value]) => `${name}: ${value}`);
}

/** The name of an http-method case begins with the method. */
function httpMethod({ name }: McpCase): string {
  return name.split('-')[0] ?? name;
}

function caseBody(each: McpCase): Buffer | undefined {
  if (each.xMcpHeader === undefined) return each.body ? Buffer.from(JSON.stringify(each.body)) : undefined;
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const params = { name: 'echo', arguments: each.arguments ?? {}, _meta };
  return Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }));
}

function readMessage(body: string): Pick<CaseAnswer, 'code' | 'result'> {
  // A result may come as an event; its data line is the message.
  const text = body.startsWith('{') ? body : (/^data: (\{.*\})$/m.exec(body)?.[1] ?? '');
  if (text === '') return { code: undefined, result: undefined };
  const message = JSON.parse(text) as {
    readonly error?: { readonly code: number };
    readonly result?: Readonly<Record<string, unknown>>;
  };
  return { code: message.error?.code, result: message.result };
}
