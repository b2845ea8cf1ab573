// The JSON Schema test suite: each schema as a tool's input schema, each instance as arguments. Nothing is fetched:
// what leads out of a schema is refused, and read from a map only to show that references are followed rightly.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileInputSchema } from '@sallyport/guard';
import { corpusOrSkip } from '@sallyport/testkit';
import { describe, expect, it } from 'vitest';

interface Group {
  readonly description: string;
  readonly schema: unknown;
  readonly tests: readonly { readonly description: string; readonly data: unknown; readonly valid: boolean }[];
}

interface Tally {
  total: number;
  right: number;
  /** Tests that arguments with a number beyond 2^53 make a refusal by design. */
  inexact: number;
  /** Tests whose schema is refused, by the reason. */
  readonly refused: Record<string, number>;
  readonly wrong: string[];
}

const corpus = corpusOrSkip('json-schema');
const draft07 = 'http://json-schema.org/draft-07/schema#';

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}

/** The documents that the suite expects under this address, and the meta-schemas that a development package brings. */
function readDocuments(): ReadonlyMap<string, unknown> {
  const documents = new Map<string, unknown>();
  const add = (folder: string, base: string, suffix: string): void => {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      const name = path.slice(folder.length + 1).replaceAll('\\', '/');
      documents.set(`${base}${name.slice(0, name.length - suffix.length)}`, readJson(path));
    }
  };
  add(join(corpus.path, 'remotes'), 'http://localhost:1234/', '');
  const metaSchemas = join(import.meta.dirname, '../../node_modules/ajv/dist/refs');
  add(join(metaSchemas, 'json-schema-2020-12/meta'), 'https://json-schema.org/draft/2020-12/meta/', '.json');
  const latest = readJson(join(metaSchemas, 'json-schema-2020-12/schema.json'));
  documents.set('https://json-schema.org/draft/2020-12/schema', latest);
  documents.set('http://json-schema.org/draft-07/schema', readJson(join(metaSchemas, 'json-schema-draft-07.json')));
  return documents;
}

function runGroups(draft: string, documents: ReadonlyMap<string, unknown>, schemaOf: (group: Group) => unknown): Tally {
  const tally: Tally = { total: 0, right: 0, inexact: 0, refused: {}, wrong: [] };
  const folder = join(corpus.path, 'tests', draft);
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.json'))) {
    for (const group of readJson(join(folder, file)) as readonly Group[]) {
      const compiled = compileInputSchema(schemaOf(group), { documents });
      for (const test of group.tests) {
        tally.total += 1;
        if (compiled.kind === 'fault') {
          tally.refused[compiled.name] = (tally.refused[compiled.name] ?? 0) + 1;
          continue;
        }
        const fault = compiled.check(test.data);
        if ((fault === undefined) === test.valid) tally.right += 1;
        else if (fault?.keyword === 'safe-integer') tally.inexact += 1;
        else tally.wrong.push(`${file}: ${group.description}: ${test.description}`);
      }
    }
  }
  return tally;
}

describe.skipIf(!corpus.isHere)('the JSON Schema test suite', () => {
  const asWritten = (group: Group): unknown => group.schema;

  it('for 2020-12 is answered rightly, and schemas that lead out of themselves are refused', () => {
    expect(runGroups('draft2020-12', new Map(), asWritten)).toEqual({
      total: 1299,
      right: 1244,
      inexact: 2,
      refused: { 'remote-ref': 48, 'unknown-dialect': 5 },
      wrong: [],
    });
  });

  it('for 2020-12 is answered rightly as a whole when its documents are at hand', () => {
    expect(runGroups('draft2020-12', readDocuments(), asWritten)).toEqual({
      total: 1299,
      right: 1297,
      inexact: 2,
      refused: {},
      wrong: [],
    });
  });

  it('for draft-07 is answered rightly as a whole when its documents are at hand', () => {
    const declared = ({ schema }: Group): unknown =>
      typeof schema === 'object' ? { $schema: draft07, ...schema } : schema;
    expect(runGroups('draft7', readDocuments(), declared)).toEqual({
      total: 927,
      right: 925,
      inexact: 2,
      refused: {},
      wrong: [],
    });
  });
});
