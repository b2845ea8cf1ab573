/** Readers of what roles allow: grants, subtractions, denials (design §4.1). */
import type { Condition, Denial, Grant, GrantKind, Origin, Rate, Role } from '@sallyport/guard';
import { condition } from './conditions.ts';
import { checkPattern, rate } from './grammar.ts';
import { object } from './object.ts';
import { lengthOf, list, quoted, readText, text, wrongValue, type Reader, type Reading, type Text } from './reader.ts';

const PATTERN_EXAMPLE = "'files.read_*'";

/** Reads the pattern that begins at `start` of a text. Warns when it names a server that the file does not have. */
export function readPattern(found: Text, reading: Reading, start: number): string | undefined {
  const source = found.value.slice(start);
  const { node } = found;
  if (!checkPattern(found, reading, source, start)) return undefined;
  const server = /^[a-z][a-z0-9-]{0,23}(?=\.)/.exec(source)?.[0];
  if (server !== undefined && !reading.upstreamNames.has(server)) {
    const known = [...reading.upstreamNames];
    reading.log.warn(node.origin, {
      code: 'reference',
      message: `${quoted(found.shown)} matches nothing: there is no upstream \`${server}\``,
      suggestion: known.length === 0 ? 'add it under upstreams' : `upstreams here: ${known.join(', ')}`,
      length: lengthOf(node),
    });
  }
  return source;
}

/** A pattern without `!`. */
export const pattern: Reader<string> = text('a pattern', PATTERN_EXAMPLE, {}, (found, reading) => {
  if (!found.value.startsWith('!')) return readPattern(found, reading, 0);
  reading.log.report(found.node.origin, {
    code: 'pattern',
    message: `${quoted(found.shown)}: only the lists of a role know !pattern`,
    suggestion: `write '${found.value.slice(1)}'`,
    length: lengthOf(found.node),
  });
  return undefined;
});

/** A pattern that forbids. */
const denial: Reader<Denial> = {
  schema: pattern.schema,
  read: (node, reading) => {
    const found = pattern.read(node, reading);
    return found === undefined ? undefined : { pattern: found, origin: node.origin };
  },
};

/** A list of patterns that forbid. */
export const denials: Reader<readonly Denial[]> = list(denial, 'patterns', "['*.delete_*']", true);

interface GrantObject {
  readonly pattern: string;
  readonly condition: Condition | undefined;
  readonly limit: Rate | undefined;
}

const SINGULAR: Readonly<Record<GrantKind, string>> = { tools: 'tool', resources: 'resource', prompts: 'prompt' };

/** A line of `tools`, `resources` or `prompts`: `pattern`, `!pattern`, or a mapping with conditions of its own. */
function grant(kind: GrantKind): Reader<Grant> {
  const word = SINGULAR[kind];
  const example = `{ ${word}: db.query, limit: 10/m }`;
  const asObject = object<GrantObject>(
    {
      pattern: { name: word, reader: pattern, description: `Which ${kind} this grant allows`, isRequired: true },
      condition: {
        name: 'when',
        reader: condition,
        description: 'What must be true of the call, in CEL over args, caller and target',
      },
      limit: { reader: rate, description: 'How often one caller may use this grant' },
    },
    {
      wanted: `a grant of ${kind}`,
      example,
      later: ['approval'],
      hints: {
        ...Object.fromEntries(
          Object.values(SINGULAR)
            .concat('pattern', 'name')
            .filter((other) => other !== word)
            .map((other) => [other, `in a list of ${kind} write \`${word}: …\``]),
        ),
        ...Object.fromEntries(['if', 'condition', 'where'].map((other) => [other, "write when: 'args.…'"])),
        scopes: 'write scopes in the role, or `"mcp:write" in caller.scopes` in when',
      },
    },
  );
  return {
    schema: { anyOf: [{ type: 'string', minLength: 1 }, asObject.schema] },
    read: (node, reading) => {
      if (node.kind === 'map') {
        const value = asObject.read(node, reading);
        if (value === undefined) return undefined;
        return { ...value, isSubtraction: false, origin: node.origin };
      }
      const found = readText(node, reading, `a pattern or a grant of ${kind}`, PATTERN_EXAMPLE);
      if (found === undefined) return undefined;
      const isSubtraction = found.value.startsWith('!');
      const source = readPattern(found, reading, isSubtraction ? 1 : 0);
      return source === undefined ? undefined : { pattern: source, isSubtraction, origin: node.origin };
    },
  };
}

function grants(kind: GrantKind): Reader<readonly Grant[]> {
  const plain = list(grant(kind), 'patterns', `[${PATTERN_EXAMPLE}]`, true);
  return {
    schema: plain.schema,
    read: (node, reading) => {
      const found = plain.read(node, reading);
      if (found !== undefined && found.length > 0 && found.every((line) => line.isSubtraction)) {
        reading.log.warn(node.origin, {
          code: 'pattern',
          message: `this list only takes away, so it allows no ${kind}`,
          suggestion: 'put a pattern that allows before it, e.g. files.*',
        });
      }
      return found;
    },
  };
}

/** One scope of a token (RFC 6749 §3.3). */
const scope: Reader<string> = text('a scope', 'mcp:read', { pattern: '^[!#-\\[\\]-~]+$' }, (found, reading) => {
  if (/^[!#-[\]-~]{1,128}$/.test(found.value)) return found.value;
  return wrongValue(
    found,
    reading,
    `${quoted(found.shown)} is not a scope: printable characters without spaces, " and \\, at most 128`,
    found.value.includes(' ') ? `write [${found.value.trim().split(/ +/).join(', ')}]` : 'write mcp:read',
  );
});

type RoleBody = Omit<Role, 'name' | 'origin'>;

const body: Reader<RoleBody> = object<RoleBody>(
  {
    tools: { reader: grants('tools'), fallback: [], description: 'Tools that holders may call' },
    resources: {
      reader: grants('resources'),
      fallback: [],
      description: 'Resources that holders may read and subscribe to',
    },
    prompts: { reader: grants('prompts'), fallback: [], description: 'Prompts that holders may get' },
    deny: { reader: denials, fallback: [], description: 'Patterns that win over every role of a holder' },
    limit: { reader: rate, description: 'How often one holder may call in all' },
    scopes: {
      reader: list(scope, 'scopes', '[mcp:read]', true),
      description: 'What a token must carry too; keys and certificates know no scopes',
    },
  },
  {
    wanted: 'a role',
    example: "{ tools: ['files.read_*'] }",
    hints: { allow: 'write tools, resources or prompts', scope: 'write scopes: [mcp:read]' },
  },
);

/** What stands under a role's name. */
export function role(name: string, origin: Origin): Reader<Role> {
  return {
    schema: body.schema,
    read: (node, reading) => {
      const found = body.read(node, reading);
      return found === undefined ? undefined : { ...found, name, origin };
    },
  };
}
