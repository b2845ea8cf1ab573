/** Answers `search_tools` and `describe_tool` from what the caller would be shown in a list, and from nothing else. */
import { setImmediate } from 'node:timers/promises';
import type { Answer, Intended } from '@sallyport/guard';
import { isObject, type JsonObject } from '@sallyport/protocol';
import type { Entry } from '../catalog/definition.ts';
import { cutText } from '../invoke/instructions.ts';
import { isBlocked, visibleList, type VisibleList } from '../invoke/lists.ts';
import { presentServers } from '../invoke/presence.ts';
import type { World } from '../world.ts';
import { usuallyShown, type MetaTool } from './meta-tools.ts';
import { createRanking, readDocument, type Document, type Ranking } from './ranking.ts';

/** Longest description in a search, in characters: enough to choose by. */
const longestDescription = 200;
/** Most arguments that a search names of one tool. */
const mostArguments = 12;
/** Words of one tool's arguments that are searched, in characters. */
const longestArgumentTexts = 2000;
/** Values of one argument that are searched. */
const mostValues = 50;
/** Tools that are read between two turns of the event loop. */
const readAtOnce = 32;

/** Answers a call of one of our own tools. `call_tool` never comes here: it was turned into the call that it stands for. */
export async function answerMeta(exchange: Intended, { kind }: MetaTool, world: World): Promise<Answer> {
  world.catalog.refreshStale();
  const servers = presentServers(exchange.principal.access, exchange.path, world);
  const view = visibleList(exchange, 'tools', servers, world);
  const given = exchange.message.params?.['arguments'];
  const args = isObject(given) ? given : {};
  if (kind === 'describe') return describe(exchange, view, args['name'], world);
  const query = typeof args['query'] === 'string' ? args['query'] : '';
  const limit = typeof args['limit'] === 'number' ? args['limit'] : usuallyShown;
  return search(exchange, view, query, limit, world);
}

function describe(exchange: Intended, view: VisibleList, name: unknown, world: World): Answer {
  const at = view.entries.findIndex((entry) => entry.wireName === name && !isBlocked(entry, world));
  const item = view.items[at];
  if (item !== undefined) return answer(exchange, item, false);
  return answer(exchange, `There is no tool called ${String(name)} here. Find its name with search_tools.`, true);
}

async function search(
  exchange: Intended,
  view: VisibleList,
  query: string,
  limit: number,
  world: World,
): Promise<Answer> {
  const { rank } = await rankingOf(view);
  const found = rank(query).flatMap((at) => {
    const entry = view.entries[at];
    return entry === undefined || isBlocked(entry, world) ? [] : [entry];
  });
  const tools = found.slice(0, limit).map((entry) => shown(entry, exchange));
  const more = found.length > tools.length ? { more: found.length - tools.length } : {};
  if (tools.length > 0) return answer(exchange, JSON.stringify({ tools, ...more }), false);
  return answer(exchange, JSON.stringify({ tools, servers: overview(view, world) }), false);
}

/** What there is to search, where nothing was asked or found. */
function overview({ entries }: VisibleList, world: World): readonly JsonObject[] {
  const counts = new Map<string, { tools: number; readonly examples: string[] }>();
  for (const entry of entries) {
    if (isBlocked(entry, world)) continue;
    const known = counts.get(entry.server) ?? { tools: 0, examples: [] };
    known.tools += 1;
    if (known.examples.length < 3) known.examples.push(entry.wireName);
    counts.set(entry.server, known);
  }
  return [...counts].map(([server, { tools, examples }]) => ({ server, tools, examples }));
}

/** A tool as a search shows it. */
function shown(entry: Entry, { rules }: Intended): JsonObject {
  const { description, argumentNames } = brief(entry);
  const effect = rules.effects?.of(entry.key);
  return {
    name: entry.wireName,
    ...(description === '' ? {} : { description }),
    ...(argumentNames.length === 0 ? {} : { arguments: argumentNames }),
    ...(effect === undefined ? {} : { effect }),
  };
}

interface Brief {
  readonly description: string;
  readonly argumentNames: readonly string[];
}

/** What is kept of each definition for searching; it lives as long as the definition. */
const briefs = new WeakMap<Entry, Brief>();
const documents = new WeakMap<Entry, Document>();

function brief(entry: Entry): Brief {
  let known = briefs.get(entry);
  if (known === undefined) {
    const definition = definitionOf(entry);
    const description = textOf(definition['description']) || textOf(definition['title']);
    const required = requiredOf(definition);
    const names = Object.keys(propertiesOf(definition));
    const told = names.slice(0, mostArguments).map((name) => cutText(required.has(name) ? name : `${name}?`, 64));
    known = {
      description: cutText(description.replace(/\s+/g, ' ').trim(), longestDescription),
      argumentNames: names.length > told.length ? [...told, '…'] : told,
    };
    briefs.set(entry, known);
  }
  return known;
}

function documentOf(entry: Entry): Document {
  let known = documents.get(entry);
  if (known === undefined) {
    const definition = definitionOf(entry);
    const properties = Object.entries(propertiesOf(definition));
    const texts = properties.map(([, schema]) => (isObject(schema) ? wordsAbout(schema) : ''));
    known = readDocument({
      name: entry.name,
      title: textOf(definition['title']),
      server: entry.server,
      description: textOf(definition['description']),
      arguments: properties.map(([name]) => name),
      argumentTexts: texts.join(' ').slice(0, longestArgumentTexts),
    });
    documents.set(entry, known);
  }
  return known;
}

/** What a schema says of an argument: in words, and by the values that it takes. */
function wordsAbout({ description, enum: values }: JsonObject): string {
  const told = Array.isArray(values) ? values.filter((value) => typeof value === 'string') : [];
  return [textOf(description), ...told.slice(0, mostValues)].join(' ');
}

function definitionOf(entry: Entry): JsonObject {
  return JSON.parse(entry.direct.modern) as JsonObject;
}

function propertiesOf({ inputSchema }: JsonObject): JsonObject {
  const properties = isObject(inputSchema) ? inputSchema['properties'] : undefined;
  return isObject(properties) ? properties : {};
}

function requiredOf({ inputSchema }: JsonObject): ReadonlySet<unknown> {
  const required = isObject(inputSchema) ? inputSchema['required'] : undefined;
  return new Set(Array.isArray(required) ? required : []);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Made once for each set of rights and each state of the catalog, and forgotten with the list that it is of. */
const rankings = new WeakMap<VisibleList, Promise<Ranking>>();

function rankingOf(view: VisibleList): Promise<Ranking> {
  let known = rankings.get(view);
  if (known === undefined) {
    known = readAll(view.entries);
    rankings.set(view, known);
  }
  return known;
}

async function readAll(entries: readonly Entry[]): Promise<Ranking> {
  const ranking = createRanking();
  for (const [at, entry] of entries.entries()) {
    ranking.add(documentOf(entry));
    if (at % readAtOnce === readAtOnce - 1) await setImmediate();
  }
  return ranking;
}

function answer({ era }: Intended, text: string, isError: boolean): Answer {
  const result = {
    ...(era === 'modern' ? { resultType: 'complete' } : {}),
    content: [{ type: 'text', text }],
    ...(isError ? { isError } : {}),
  };
  return { kind: 'result', body: Buffer.from(JSON.stringify(result)), isToolError: isError, interim: 0 };
}
