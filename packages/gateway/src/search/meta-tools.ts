/**
 * The three tools that a view in `mode: search` shows instead of all others. Their names hold no `__`, which every name
 * of a server's tool on a view does, so that none can be taken for another (design §4.2).
 */
import { compileInputSchema, definitionDigest, type AcceptedDefinition } from '@sallyport/guard';
import type { JsonObject } from '@sallyport/protocol';

/** What one of our own tools does. */
export type MetaKind = 'search' | 'describe' | 'call';

/** One of our own tools. */
export interface MetaTool {
  readonly kind: MetaKind;
  readonly name: string;
  readonly tool: JsonObject;
  readonly definition: AcceptedDefinition;
}

/** Most tools that one search shows. */
export const mostShown = 25;
/** Tools that a search shows unless it asks for more or fewer. */
export const usuallyShown = 8;

const reading = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };

const metaTools: readonly MetaTool[] = [
  meta('search', {
    name: 'search_tools',
    title: 'Search tools',
    description:
      'Finds tools by what they do. Most tools here are not listed: search for them first, then call one with call_tool. ' +
      'Answers names, what each does, and its arguments (a ? marks those that may be left out). Without a query it says ' +
      'what there is.',
    inputSchema: {
      type: 'object',
      properties: {
        query: {
          type: 'string',
          maxLength: 1000,
          description: 'What you want to do, in a few words, e.g. "create an issue", or the name of a tool',
        },
        limit: {
          type: 'integer',
          minimum: 1,
          maximum: mostShown,
          description: `How many tools to show; ${usuallyShown} if left out`,
        },
      },
      additionalProperties: false,
    },
    annotations: reading,
  }),
  meta('describe', {
    name: 'describe_tool',
    title: 'Describe a tool',
    description: 'Answers the whole definition of one tool, with the schema of its arguments, as JSON.',
    inputSchema: {
      type: 'object',
      properties: {
        name: { type: 'string', minLength: 1, maxLength: 128, description: 'The name as search_tools gives it' },
      },
      required: ['name'],
      additionalProperties: false,
    },
    annotations: reading,
  }),
  meta('call', {
    name: 'call_tool',
    title: 'Call a tool',
    description:
      'Calls a tool that search_tools has found, with the arguments that its own schema asks for, and answers what it ' +
      'answers.',
    inputSchema: {
      type: 'object',
      properties: {
        name: { type: 'string', minLength: 1, maxLength: 128, description: 'The name as search_tools gives it' },
        arguments: { type: 'object', description: 'The arguments of that tool, as describe_tool shows them' },
      },
      required: ['name'],
      additionalProperties: false,
    },
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true },
  }),
];

function meta(kind: MetaKind, tool: JsonObject & { readonly name: string }): MetaTool {
  const compiled = compileInputSchema(tool['inputSchema']);
  if (compiled.kind === 'fault') throw new TypeError(`${tool.name}: ${compiled.message}`);
  return {
    kind,
    name: tool.name,
    tool,
    definition: { digest: definitionDigest(tool), checkArguments: (value) => compiled.check(value) },
  };
}

/** Finds one of our own tools by its name. */
export function metaToolNamed(name: unknown): MetaTool | undefined {
  return metaTools.find((tool) => tool.name === name);
}

/**
 * Our own tools as a list's items, JSON with commas between.
 *
 * @param servers - names of the servers that are searched
 */
export function describeMetaTools(servers: readonly string[]): string {
  return metaTools
    .map(({ kind, tool }) => {
      if (kind !== 'search') return JSON.stringify(tool);
      const about = servers.length === 0 ? '' : ` Servers: ${servers.join(', ')}.`;
      return JSON.stringify({ ...tool, description: `${String(tool['description'])}${about}` });
    })
    .join(',');
}
