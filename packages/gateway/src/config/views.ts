/** Readers of `views:`: parts of what all servers offer, each under a path of its own (design §4.1). */
import type { GrantKind, Origin, ViewLine, ViewMode, ViewModel } from '@sallyport/guard';
import { readPattern } from './grants.ts';
import { object, record, type NameRule } from './object.ts';
import { choice, lengthOf, list, readText, wrongType, type Reader } from './reader.ts';

const EXAMPLE = "{ frontend: { tools: ['github.*', 'figma.*'] } }";

const VIEW_NAME: NameRule = {
  pattern: /^[a-z][a-z0-9-]{0,23}$/,
  wanted: 'a name for a view: a-z, 0-9 and -, beginning with a letter, at most 24 characters',
  suggest: (name) => {
    const plain = name.toLowerCase().replace(/[^a-z0-9]+/g, '-');
    return `write ${plain.replace(/^[^a-z]+|-+$/g, '').slice(0, 24) || 'my-view'}`;
  },
};

/** A line of a view: `pattern` or `!pattern`. What is allowed is said by roles, so a line has no conditions. */
function viewLine(kind: GrantKind): Reader<ViewLine> {
  return {
    schema: { type: 'string', minLength: 1 },
    read: (node, reading) => {
      if (node.kind === 'map') {
        reading.log.report(node.origin, {
          code: 'type',
          message: `a view lists patterns of ${kind} only: expected a pattern, found a mapping`,
          suggestion: 'write conditions and limits under roles',
          length: lengthOf(node),
        });
        return undefined;
      }
      const found = readText(node, reading, `a pattern of ${kind}`, "'files.read_*'");
      if (found === undefined) return undefined;
      const isSubtraction = found.value.startsWith('!');
      const pattern = readPattern(found, reading, isSubtraction ? 1 : 0);
      return pattern === undefined ? undefined : { pattern, isSubtraction, origin: node.origin };
    },
  };
}

interface ViewBody {
  readonly tools: readonly ViewLine[];
  readonly resources: readonly ViewLine[];
  readonly prompts: readonly ViewLine[];
  readonly mode: ViewMode;
  readonly for: readonly string[] | undefined;
}

/**
 * Reads `views:`.
 *
 * @param roleName reads the name of a role of the file
 */
export function views(roleName: Reader<string>): Reader<readonly ViewModel[]> {
  const lines = (kind: GrantKind): Reader<readonly ViewLine[]> => list(viewLine(kind), 'patterns', "['files.*']", true);
  const roleNames = list(roleName, 'roles', '[reader]', true);
  const some: Reader<readonly string[]> = {
    schema: { ...roleNames.schema, minItems: 1 },
    read: (node, reading) => {
      if (node.kind === 'list' && node.items.length === 0)
        return wrongType(node, reading, 'at least one role', '[reader]');
      return roleNames.read(node, reading);
    },
  };
  const body: Reader<ViewBody> = object<ViewBody>(
    {
      tools: { reader: lines('tools'), fallback: [], description: 'Tools that are there' },
      resources: { reader: lines('resources'), fallback: [], description: 'Resources that are there' },
      prompts: { reader: lines('prompts'), fallback: [], description: 'Prompts that are there' },
      mode: {
        reader: choice('all', 'search'),
        fallback: 'all',
        description: 'Whether tools are listed, or found with `search_tools`, `describe_tool` and `call_tool`',
      },
      for: { reader: some, description: 'The roles that may use it; without it every role' },
    },
    {
      wanted: 'a view',
      example: "{ tools: ['github.*'], mode: search }",
      hints: {
        roles: 'write for: [ROLE]',
        allow: 'write tools, resources or prompts',
        deny: "write '!PATTERN' in a list of the view",
        servers: "write tools: ['SERVER.*']",
        upstreams: "write tools: ['SERVER.*']",
      },
    },
  );
  return record(VIEW_NAME, (name, origin) => view(name, origin, body), 'names and views', EXAMPLE);
}

/** What stands under a view's name. */
function view(name: string, origin: Origin, body: Reader<ViewBody>): Reader<ViewModel> {
  return {
    schema: body.schema,
    read: (node, reading) => {
      const found = body.read(node, reading);
      if (reading.upstreamNames.has(name)) {
        reading.log.report(origin, {
          code: 'duplicate',
          message: `an upstream is called \`${name}\` too, and both would be at /mcp/${name}`,
          suggestion: `rename the view, e.g. ${name.slice(0, 19)}-view`,
          length: name.length,
        });
        return undefined;
      }
      if (found === undefined) return undefined;
      const all = [...found.tools, ...found.resources, ...found.prompts];
      if (!all.some(({ isSubtraction }) => !isSubtraction)) {
        reading.log.report(origin, {
          code: 'value',
          message: `there is nothing in the view \`${name}\``,
          suggestion: "write what it shows, e.g. tools: ['github.*']",
          length: name.length,
        });
        return undefined;
      }
      if (found.mode === 'search' && !found.tools.some(({ isSubtraction }) => !isSubtraction)) {
        reading.log.report(origin, {
          code: 'conflict',
          message: `the view \`${name}\` has no tools to search`,
          suggestion: "add tools, e.g. ['github.*'], or write mode: all",
          length: name.length,
        });
        return undefined;
      }
      return { ...found, name, origin };
    },
  };
}
