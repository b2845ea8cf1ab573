/** Answers lists from the catalog: each caller sees what some call of its own could reach, and nothing else. */
import { canList, pathKey, type Access, type Answer, type DoorPath, type Intended } from '@sallyport/guard';
import type { Era } from '@sallyport/protocol';
import { grantsOf, type Entry, type ListKind } from '../catalog/definition.ts';
import { ownInfo } from '../own-request.ts';
import { handleBinding, type GatewayTarget } from '../resolve.ts';
import type { World } from '../world.ts';

const listOf: ReadonlyMap<string, { readonly list: ListKind; readonly member: string }> = new Map([
  ['tools/list', { list: 'tools', member: 'tools' }],
  ['prompts/list', { list: 'prompts', member: 'prompts' }],
  ['resources/list', { list: 'resources', member: 'resources' }],
  ['resources/templates/list', { list: 'templates', member: 'resourceTemplates' }],
]);

/** Definitions on one page. */
const pageSize = 1000;

/** How long a cursor works, milliseconds. */
const cursorLifetimeMs = 15 * 60_000;

/** Answers one list request. */
export function answerList(exchange: Intended, world: World): Answer {
  const target: GatewayTarget = exchange.target;
  const source = listOf.get(target.name);
  if (source === undefined) throw new TypeError(`${target.name} is no list`);
  world.catalog.refreshStale();
  const visible = visibleList(exchange.principal.access, source.list, exchange.path, exchange.era, world);
  const offset = target.offset ?? 0;
  const isOnePage = offset === 0 && visible.items.length <= pageSize;
  const items = isOnePage ? visible.joined : visible.items.slice(offset, offset + pageSize).join(',');
  const next = offset + pageSize;
  const cursor =
    next < visible.items.length
      ? world.seal.close('cursor', handleBinding(exchange, target.name), { offset: next }, cursorLifetimeMs)
      : undefined;
  const more = cursor === undefined ? '' : `,"nextCursor":${JSON.stringify(cursor)}`;
  const head = exchange.era === 'modern' ? '{"resultType":"complete",' : '{';
  const tail = exchange.era === 'modern' ? `${modernTail(world, exchange.path)}}` : '}';
  return {
    kind: 'result',
    body: Buffer.from(`${head}"${source.member}":[${items}]${more}${tail}`),
    isToolError: false,
    interim: 0,
  };
}

/** What a modern result of a list says about itself. Lists are filtered for their caller, so they are private. */
function modernTail(world: World, path: DoorPath): string {
  const servers = path.kind === 'all' ? world.catalog.servers() : [world.catalog.server(path.server)];
  const ttl = servers.reduce((least, server) => Math.min(least, server?.ttlMs ?? least), longestTtl);
  return `,"ttlMs":${ttl},"cacheScope":"private","_meta":{"io.modelcontextprotocol/serverInfo":${JSON.stringify(ownInfo)}}`;
}

const longestTtl = 60_000;

interface VisibleList {
  readonly epoch: number;
  readonly items: readonly string[];
  readonly joined: string;
}

/** What each set of roles sees, kept until the catalog or the policy changes. */
const kept = new WeakMap<Access, Map<string, VisibleList>>();

function visibleList(access: Access, list: ListKind, path: DoorPath, era: Era, world: World): VisibleList {
  let views = kept.get(access);
  if (views === undefined) {
    views = new Map();
    kept.set(access, views);
  }
  const key = `${list} ${pathKey(path)} ${era}`;
  const known = views.get(key);
  if (known !== undefined && known.epoch === world.catalog.epoch) return known;
  const items = listEntries(list, path, world)
    .filter((entry) => isVisible(access, entry))
    .map((entry) => (path.kind === 'all' ? entry.prefixed : entry.direct)[era]);
  const view = { epoch: world.catalog.epoch, items, joined: items.join(',') };
  views.set(key, view);
  return view;
}

function listEntries(list: ListKind, path: DoorPath, world: World): Entry[] {
  if (path.kind === 'server') return [...(world.catalog.server(path.server)?.[list].values() ?? [])];
  const entries = world.catalog.servers().flatMap((server) => [...server[list].values()]);
  if (list !== 'tools' && list !== 'prompts') return entries;
  return entries.filter((entry) => world.catalog.byWireName(list, entry.wireName) === entry.prefixedTarget);
}

/** The same decision that a call would get; a template is shown when some URI that it can make may be readable. */
function isVisible(access: Access, entry: Entry): boolean {
  if (entry.list === 'templates') return access.mayMatchPrefix('resources', literalPrefix(entry.key));
  return canList(access, grantsOf[entry.list], entry.key);
}

/** What every URI of a template begins with (RFC 6570). */
function literalPrefix(key: string): string {
  const open = key.indexOf('{');
  return open < 0 ? key : key.slice(0, open);
}
