/** Answers lists from the catalog: each caller sees what some call of its own could reach, and nothing else. */
import {
  canSee,
  canSeePrefix,
  fixedArguments,
  noteQuirk,
  pathKey,
  refuse,
  type Access,
  type Answer,
  type DoorPath,
  type Intended,
  type Principal,
  type Refusal,
  type Rules,
} from '@sallyport/guard';
import { SERVER_INFO_KEY, type Era } from '@sallyport/protocol';
import { grantsOf, literalPrefix, type Entry, type ListKind } from '../catalog/definition.ts';
import { isPrefixed } from '../names.ts';
import { describeMetaTools } from '../search/meta-tools.ts';
import { hasTools, isSearched, searchedServers } from '../search/place.ts';
import { annotate } from './annotations.ts';
import { ownInfo } from '../own-request.ts';
import { cursorBinding, type GatewayTarget } from '../resolve.ts';
import type { World } from '../world.ts';
import { cursorAfter, cursorLifetimeMs, remainderOf } from './cursor.ts';
import { narrowDefinition } from './narrowed.ts';
import { absenceMeta, presentServers, remainingTtl } from './presence.ts';

const listOf: ReadonlyMap<string, { readonly list: ListKind; readonly member: string }> = new Map([
  ['tools/list', { list: 'tools', member: 'tools' }],
  ['prompts/list', { list: 'prompts', member: 'prompts' }],
  ['resources/list', { list: 'resources', member: 'resources' }],
  ['resources/templates/list', { list: 'templates', member: 'resourceTemplates' }],
]);

/** Definitions on one page. */
const pageSize = 1000;

/** Answers one list request. */
export function answerList(exchange: Intended, world: World): Answer | Refusal {
  const target: GatewayTarget = exchange.target;
  const source = listOf.get(target.name);
  if (source === undefined) throw new TypeError(`${target.name} is no list`);
  world.catalog.refreshStale();
  const { access } = exchange.principal;
  const servers = presentServers(access, exchange.path, world);
  if (!isOffered(source.list, servers, world)) noteQuirk(exchange, 'unasked-list');
  if (source.list === 'tools' && isSearched(exchange.path, exchange.rules)) {
    return answerMetaTools(exchange, target, servers, world);
  }
  const view = visibleList(exchange, source.list, servers, world);
  // Half of what a message may have leaves room for whatever stands around the page.
  const mostBytes = exchange.rules.limits.message / 2;
  const { joined } = view;
  const isWhole = target.cursor === undefined && joined !== undefined && joined.length <= mostBytes;
  if (isWhole && !hasBlockedTool(view.entries, world)) {
    return answerWhole(view, joined, source.member, exchange, servers, world);
  }
  const page = pageOf(view, source.list, target, mostBytes, world);
  if (page === undefined) return refuse('bad-handle', { fill: { handle: 'cursor' } });
  const { items, last, again } = page;
  const more =
    last === undefined
      ? ''
      : `,"nextCursor":${JSON.stringify(
          world.seal.close(
            'cursor',
            cursorBinding(exchange, target.name),
            cursorAfter(last, [...world.servers.keys()], again),
            cursorLifetimeMs,
          ),
        )}`;
  const about = `${more}${aboutResult(exchange, servers, world)}`;
  return result(wrap(source.member, Buffer.from(items.join(',')), about, exchange.era));
}

/** Where tools are searched, the list holds what searches them. It is short, so it never goes on elsewhere. */
function answerMetaTools(
  exchange: Intended,
  target: GatewayTarget,
  servers: readonly string[],
  world: World,
): Answer | Refusal {
  if (target.cursor !== undefined) return refuse('bad-handle', { fill: { handle: 'cursor' } });
  const { access } = exchange.principal;
  const items = hasTools(access, world) ? describeMetaTools(searchedServers(access, servers)) : '';
  return result(wrap('tools', Buffer.from(items), aboutResult(exchange, servers, world), exchange.era));
}

const capabilityOf = { tools: 'tools', prompts: 'prompts', resources: 'resources', templates: 'resources' } as const;

/** True when some server says that it has such a list, or may yet say so. */
function isOffered(list: ListKind, servers: readonly string[], { catalog }: World): boolean {
  // Where nobody is there, nobody says anything.
  if (servers.length === 0) return true;
  for (const name of servers) {
    const server = catalog.server(name);
    if (server === undefined || server.capabilities[capabilityOf[list]] !== undefined) return true;
  }
  return false;
}

interface Page {
  readonly items: readonly string[];
  /** The last entry, where more follow. */
  readonly last: Entry | undefined;
  readonly again: string | undefined;
}

function pageOf(
  view: VisibleList,
  list: ListKind,
  { cursor }: GatewayTarget,
  mostBytes: number,
  world: World,
): Page | undefined {
  const left =
    cursor === undefined
      ? { indexes: view.items.keys(), again: undefined }
      : remainderOf(view.entries, list, cursor, world);
  if (left === undefined) return undefined;
  const items: string[] = [];
  let bytes = 0;
  let last: Entry | undefined;
  for (const index of left.indexes) {
    const [item, entry] = [view.items[index], view.entries[index]];
    if (item === undefined || entry === undefined || isBlocked(entry, world)) continue;
    bytes += Buffer.byteLength(item) + 1;
    if (items.length > 0 && (items.length === pageSize || bytes > mostBytes)) return { items, last, again: left.again };
    items.push(item);
    last = entry;
  }
  return { items, last: undefined, again: left.again };
}

/** True for a tool that an administrator has stopped. */
export function isBlocked({ list, key }: Entry, { blocks }: World): boolean {
  return list === 'tools' && blocks.isBlocked('tool', key);
}

function hasBlockedTool(entries: readonly Entry[], world: World): boolean {
  for (const entry of entries) if (isBlocked(entry, world)) return true;
  return false;
}

/** A list on one page, as it was written last where it would be written the same. */
function answerWhole(
  view: VisibleList,
  joined: Uint8Array,
  member: string,
  exchange: Intended,
  servers: readonly string[],
  world: World,
): Answer {
  const about = aboutResult(exchange, servers, world);
  const known = view.whole;
  if (known !== undefined && known.about === about) return result(known.body);
  const body = wrap(member, joined, about, exchange.era);
  view.whole = { about, body };
  return result(body);
}

/** What a result says about itself. Lists are filtered for their caller, so they are private. */
function aboutResult({ era }: Intended, servers: readonly string[], world: World): string {
  const absence = absenceMeta(servers, world);
  if (era === 'legacy') return absence === undefined ? '' : `,"_meta":${JSON.stringify(absence)}`;
  const meta = absence === undefined ? ownMeta : JSON.stringify({ ...absence, [SERVER_INFO_KEY]: ownInfo });
  return `,"ttlMs":${remainingTtl(servers, world)},"cacheScope":"private","_meta":${meta}`;
}

const ownMeta = JSON.stringify({ [SERVER_INFO_KEY]: ownInfo });

function wrap(member: string, items: Uint8Array, about: string, era: Era): Uint8Array {
  const head = era === 'modern' ? `{"resultType":"complete","${member}":[` : `{"${member}":[`;
  return Buffer.concat([Buffer.from(head), items, Buffer.from(`]${about}}`)]);
}

function result(body: Uint8Array): Answer {
  return { kind: 'result', body, isToolError: false, interim: 0 };
}

/** What a caller sees of one list, kept until the catalog or the policy changes. */
export interface VisibleList {
  readonly epoch: number;
  readonly entries: readonly Entry[];
  /** The same as JSON. */
  readonly items: readonly string[];
  /** All of them with commas between, where they are no more than a page may have. */
  readonly joined: Uint8Array | undefined;
  /** The result that was written last, and what it says about itself. */
  whole: { readonly about: string; readonly body: Uint8Array } | undefined;
}

/**
 * What each set of roles sees, kept until the catalog or the policy changes; where a condition looks at the caller, what
 * each caller sees.
 */
const kept = new WeakMap<Access | Principal, Map<string, VisibleList>>();

/** Views kept for one set of roles: all lists in both eras on every path, unless there are very many paths. */
const mostViews = 1000;

/** Who looks at a list, and where. */
type Viewing = Pick<Intended, 'principal' | 'path' | 'era' | 'rules'>;

/**
 * What a caller sees of a list; the same value for callers of the same rights at the same path, until something changes.
 *
 * @param servers - the present ones
 */
export function visibleList(
  { principal, path, era, rules }: Viewing,
  list: ListKind,
  servers: readonly string[],
  world: World,
): VisibleList {
  const viewer = principal.access.isPersonal ? principal : principal.access;
  let views = kept.get(viewer);
  if (views === undefined) {
    views = new Map();
    kept.set(viewer, views);
  }
  // What is blocked changes without the catalog, so the servers that are shown are part of the key.
  const key = `${list} ${pathKey(path)} ${era} ${servers.length === world.servers.size ? '' : servers.join(' ')}`;
  const known = views.get(key);
  if (known !== undefined && known.epoch === world.catalog.epoch) return known;
  const entries = listEntries(list, path, servers, world).filter((entry) => isVisible(principal, entry, rules));
  const items = entries.map((entry) => shownTo(entry, { principal, path, era, rules }));
  const joined = items.length > pageSize ? undefined : Buffer.from(items.join(','));
  const view: VisibleList = { epoch: world.catalog.epoch, entries, items, joined, whole: undefined };
  if (views.size >= mostViews) views.clear();
  views.set(key, view);
  return view;
}

function listEntries(list: ListKind, path: DoorPath, servers: readonly string[], world: World): Entry[] {
  const entries = servers.flatMap((server) => [...(world.catalog.server(server)?.[list].values() ?? [])]);
  if (path.kind === 'server' || (list !== 'tools' && list !== 'prompts')) return entries;
  return entries.filter((entry) => world.catalog.byWireName(list, entry.wireName) === entry.prefixedTarget);
}

/** The same decision that a call would get; a template is shown when some URI that it can make may be readable. */
function isVisible(principal: Principal, entry: Entry, { effects }: Rules): boolean {
  const target = effects === undefined ? entry.directTarget : effects.assign(entry.directTarget);
  if (entry.list !== 'templates') return canSee(principal, grantsOf[entry.list], target);
  return canSeePrefix(principal, 'resources', literalPrefix(entry.key), target);
}

/** A definition as this caller sees it: with its effect, and the values that the caller's grants leave for an argument. */
function shownTo(entry: Entry, { principal, path, era, rules: { effects } }: Viewing): string {
  const texts = isPrefixed(path) ? entry.prefixed : entry.direct;
  if (entry.list !== 'tools') return texts[era];
  const target = effects === undefined ? entry.directTarget : effects.assign(entry.directTarget);
  const text = target.effect === undefined ? texts[era] : annotate(texts, era, target.effect);
  if (!principal.access.isConditional) return text;
  const fixed = fixedArguments(principal, 'tools', target);
  return fixed === undefined ? text : narrowDefinition(text, fixed);
}
