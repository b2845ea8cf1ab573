// The MCP server behind every arm: tools that give their text back. It speaks both eras with as little work a call as
// possible, because it shares its core with the load generator.

/** The tools of a server of `count` tools; names have one length, so that every call has the same size. */
export function toolName(index: number): string {
  return `tool-${String(index).padStart(4, '0')}`;
}

const inputSchema = {
  type: 'object',
  properties: {
    text: { type: 'string', maxLength: 1_000_000 },
    count: { type: 'integer', minimum: 1, maximum: 1000 },
    mode: { enum: ['exact', 'fuzzy'] },
    tags: { type: 'array', items: { type: 'string', maxLength: 64 }, maxItems: 16 },
  },
  required: ['text', 'count'],
  additionalProperties: false,
};

const serverInfo = { name: 'echo', version: '1.0.0' };
const capabilities = { tools: {} };
const versionKey = 'io.modelcontextprotocol/protocolVersion';

interface Request {
  readonly id?: string | number | null;
  readonly method?: string;
  readonly params?: {
    readonly name?: string;
    readonly protocolVersion?: string;
    readonly arguments?: { readonly text?: string };
    readonly _meta?: Readonly<Record<string, unknown>>;
  };
}

/** Which revisions the server speaks. */
export type EchoEra = 'both' | 'modern' | 'legacy';

/** Answers JSON-RPC messages. Returns the JSON of the answer; `undefined` for what wants none. */
export type Echo = (body: string) => string | undefined;

/**
 * Makes the server.
 *
 * @param count - how many tools it lists
 * @param era - what it speaks; a request of the other era is one for a method that it does not know
 */
export function createEcho(count: number, era: EchoEra = 'both'): Echo {
  const tools = Array.from({ length: count }, (_, index) => ({
    name: toolName(index),
    description: `Gives its text back (${index}).`,
    inputSchema,
  }));
  return (body) => {
    const request = JSON.parse(body) as Request;
    const { id, method, params } = request;
    if (id === undefined || id === null || method === undefined) return undefined;
    const head = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},`;
    const isModern = params?._meta?.[versionKey] !== undefined;
    if (era !== 'both' && isModern !== (era === 'modern')) return `${head}${unknownMethod}`;
    if (method === 'tools/call') {
      const text = JSON.stringify(params?.arguments?.text ?? '');
      const type = isModern ? '"resultType":"complete",' : '';
      return `${head}"result":{${type}"content":[{"type":"text","text":${text}}]}}`;
    }
    const result = answerOther(method, params, isModern, tools);
    if (result !== undefined) return `${head}"result":${JSON.stringify(result)}}`;
    return `${head}${unknownMethod}`;
  };
}

const unknownMethod = '"error":{"code":-32601,"message":"Method not found"}}';

function answerOther(
  method: string,
  params: Request['params'],
  isModern: boolean,
  tools: readonly object[],
): object | undefined {
  const hints = isModern ? { resultType: 'complete', ttlMs: 0, cacheScope: 'private' } : {};
  switch (method) {
    case 'server/discover':
      return {
        ...hints,
        supportedVersions: ['2026-07-28'],
        capabilities,
        _meta: { 'io.modelcontextprotocol/serverInfo': serverInfo },
      };
    case 'initialize':
      return { protocolVersion: params?.protocolVersion ?? '2025-11-25', capabilities, serverInfo };
    case 'tools/list':
      return { ...hints, tools };
    case 'ping':
      return {};
    default:
      return undefined;
  }
}
