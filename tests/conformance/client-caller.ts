/** A caller of either era that a client scenario is driven with: it answers forms with their defaults, like a person who only confirms. */

import { encodeHeader, LegacySession, postModern } from '@sallyport/testkit';
import type { WireMessage } from '@sallyport/testkit';

/** Era of the caller, and so of the door's side of a call. */
export type CallerEra = 'legacy' | 'modern';

/** What the driver needs of a caller. */
export interface Caller {
  /** Sends one request, and answers what the server asks on the way. Gives the last message. */
  request(method: string, params?: Params): Promise<WireMessage | undefined>;
  close(): Promise<void>;
}

/** Parameters of a request. */
export type Params = Readonly<Record<string, unknown>>;

interface Property {
  readonly default?: unknown;
}

interface InputRequest {
  readonly method?: string;
  readonly params?: { readonly requestedSchema?: { readonly properties?: Readonly<Record<string, Property>> } };
}

const capabilities = { elicitation: { form: { applyDefaults: true } }, sampling: {}, roots: {} };
const maxRounds = 5;

/**
 * Opens a caller.
 * @param url endpoint at the gateway.
 * @param era which revision it speaks.
 */
export async function openCaller(url: string, era: CallerEra): Promise<Caller> {
  return era === 'modern' ? modernCaller(url) : legacyCaller(url);
}

function modernCaller(url: string): Caller {
  let lastId = 0;
  const headersByTool = new Map<string, ReadonlyMap<string, string>>();
  return {
    async request(method, params = {}) {
      let extra: Params = {};
      for (let round = 0; ; round += 1) {
        lastId += 1;
        const headers = paramHeaders(headersByTool.get(String(params['name'])), params['arguments']);
        const sent = { method, params: { ...params, ...extra }, id: lastId, capabilities, headers };
        const { response } = await postModern(url, sent);
        if (method === 'tools/list') readHeaderNames(response?.result?.['tools'], headersByTool);
        if (response?.result?.['resultType'] !== 'input_required' || round === maxRounds) return response;
        const asked = (response.result['inputRequests'] ?? {}) as Readonly<Record<string, InputRequest>>;
        const answers = Object.entries(asked).map(([key, request]) => [key, answerOf(request)]);
        const state = response.result['requestState'];
        extra = {
          inputResponses: Object.fromEntries(answers),
          ...(state === undefined ? {} : { requestState: state }),
        };
      }
    },
    async close() {},
  };
}

async function legacyCaller(url: string): Promise<Caller> {
  const session = await LegacySession.open(url, {
    capabilities,
    answer: (message) => answerOf({ ...message, params: message.params as NonNullable<InputRequest['params']> }),
  });
  return {
    request: async (method, params) => (await session.request(method, params)).response,
    async close() {
      await session.close();
    },
  };
}

/** What a person gives who changes nothing. */
function answerOf({ method, params }: InputRequest): Record<string, unknown> {
  if (method === 'roots/list') return { roots: [] };
  if (method !== 'elicitation/create') {
    return { role: 'assistant', content: { type: 'text', text: 'an answer' }, model: 'none' };
  }
  const fields = Object.entries(params?.requestedSchema?.properties ?? {});
  const filled = fields.flatMap(([name, field]) => (field.default === undefined ? [] : [[name, field.default]]));
  return { action: 'accept', content: Object.fromEntries(filled) };
}

/** Remembers which arguments of which tool a header has to mirror. */
function readHeaderNames(tools: unknown, into: Map<string, ReadonlyMap<string, string>>): void {
  for (const tool of (tools ?? []) as readonly ListedTool[]) {
    const named = Object.entries(tool.inputSchema?.properties ?? {}).flatMap(([property, schema]) => {
      const header = schema['x-mcp-header'];
      return typeof header === 'string' ? [[property, header] as const] : [];
    });
    into.set(tool.name, new Map(named));
  }
}

interface ListedTool {
  readonly name: string;
  readonly inputSchema?: { readonly properties?: Readonly<Record<string, Readonly<Record<string, unknown>>>> };
}

function paramHeaders(named: ReadonlyMap<string, string> | undefined, args: unknown): Record<string, string> {
  const values = (args ?? {}) as Readonly<Record<string, unknown>>;
  const headers: Record<string, string> = {};
  for (const [property, header] of named ?? []) {
    const value = values[property];
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') continue;
    headers[`mcp-param-${header.toLowerCase()}`] = encodeHeader(String(value));
  }
  return headers;
}
