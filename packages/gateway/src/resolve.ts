/** Finds what a request aims at: a definition of the catalog, a resource of a server, a list, or the gateway itself. */
import { hash } from 'node:crypto';
import {
  canSee,
  canReachServer,
  grantKinds,
  isSealFault,
  pathKey,
  refuse,
  type DoorPath,
  type Parsed,
  type Refusal,
  type SealBinding,
  type Target,
} from '@sallyport/guard';
import { isObject } from '@sallyport/protocol';
import { connectEntry, connectToolName } from './catalog/connect-tool.ts';
import { literalPrefix, type CatalogTarget } from './catalog/definition.ts';
import { mostUris } from './invoke/bounds.ts';
import { hasTools, isSearched } from './search/place.ts';
import { innerTarget, unwrapCall } from './search/inner-call.ts';
import { metaToolNamed, type MetaTool } from './search/meta-tools.ts';
import { readCursor, type ListCursor } from './invoke/cursor.ts';
import { declaredBy } from './invoke/declared.ts';
import { hasExtension, openTask, TASKS_EXTENSION, type TaskState } from './invoke/tasks.ts';
import { isLegalName, isPrefixed, readWireUri, wireUri } from './names.ts';
import type { World } from './world.ts';

/** What the gateway knows about a target beyond the core's facts. */
export interface GatewayTarget extends CatalogTarget {
  /** Where a list goes on; absent at its beginning. */
  readonly cursor?: ListCursor;
  /** The upstream's own request state, unsealed. */
  readonly requestState?: string;
  /** How many rounds of questions the caller has answered to get here. */
  readonly round?: number;
  /** The task that the request is about. */
  readonly task?: TaskState;
  /** A call that waits for this request. */
  readonly parked?: ParkedState;
  /** One of our own tools at a view that is searched. */
  readonly meta?: MetaTool;
  /** True when the call is begun again because its server wanted a page visited first. */
  readonly isAgain?: boolean;
  /** The consent that the caller was asked for when it last sent the call. */
  readonly consent?: string;
  /** True for a name at a server that tells what it has only to people with an account, and nobody has connected one yet. */
  readonly isPending?: true;
}

/** What leads a caller back to its call that waits. */
export interface ParkedState {
  readonly park: string;
  readonly round: number;
  /** The process in which it waits. */
  readonly node: string;
}

type Find = (exchange: Parsed, world: World) => GatewayTarget | Refusal;

/** How each method names its target; a method that is not here is answered by the gateway itself. */
const finders: ReadonlyMap<string, Find> = new Map<string, Find>([
  ['tools/call', (exchange, world) => findNamed('tools', exchange, world)],
  ['prompts/get', (exchange, world) => findNamed('prompts', exchange, world)],
  ['resources/read', findResource],
  ['resources/subscribe', findResource],
  ['resources/unsubscribe', findResource],
  ['completion/complete', findReference],
  ['tools/list', findList],
  ['prompts/list', findList],
  ['resources/list', findList],
  ['resources/templates/list', findList],
  ['tasks/get', findTask],
  ['tasks/update', findTask],
  ['tasks/result', findTask],
  ['tasks/cancel', findTask],
]);

/** The gateway's resolver (the core's port). */
export function resolveTarget(
  exchange: Parsed,
  world: World,
): GatewayTarget | Refusal | Promise<GatewayTarget | Refusal> {
  const name = exchange.message.method ?? 'response';
  const find = exchange.message.kind === 'request' ? finders.get(name) : undefined;
  if (name === 'subscriptions/listen') return findListening(exchange, name);
  if (find === undefined) return { kind: 'protocol', name, key: name };
  const meta = name === 'tools/call' ? findMeta(exchange, world) : undefined;
  if (meta !== undefined && (meta.kind !== 'call' || !unwrapCall(exchange, meta))) {
    const target: GatewayTarget = {
      kind: 'protocol',
      name: meta.name,
      key: meta.name,
      definition: meta.definition,
      meta,
    };
    const searched = world.settlement.wait();
    return searched === undefined ? target : searched.then(() => target);
  }
  // A server that is still starting may know the name.
  const isAnyStarting = world.settlement.wait() !== undefined;
  const starting = isAnyStarting ? world.settlement.wait(namedServers(exchange, world)) : undefined;
  const found = (): GatewayTarget | Refusal => {
    const target = find(exchange, world);
    if ('isRefusal' in target) return target;
    const inner = meta === undefined ? target : innerTarget(target);
    // Conditions look at the effect, so it is there before anything is decided.
    return withState(exchange.rules.effects?.assign(inner) ?? inner, exchange, world);
  };
  return starting === undefined ? found() : starting.then(found);
}

/** Our own tool of this name, where tools are searched. */
function findMeta({ message, path, principal, rules }: Parsed, world: World): MetaTool | undefined {
  if (path.kind !== 'view' || !isSearched(path, rules)) return undefined;
  const meta = metaToolNamed(message.params?.['name']);
  return meta !== undefined && hasTools(principal.access, world) ? meta : undefined;
}

/** A listening's record names what is listened to. */
function findListening({ message }: Parsed, method: string): GatewayTarget | Refusal {
  const filter = message.params?.['notifications'];
  const uris = isObject(filter) ? filter['resourceSubscriptions'] : undefined;
  if (uris !== undefined && !isListOfStrings(uris)) {
    return badParams('params.notifications.resourceSubscriptions must be an array of strings');
  }
  // The others are not listened to.
  return { kind: 'protocol', name: [method, ...(uris ?? []).slice(0, mostUris)].join(' '), key: method };
}

function isListOfStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/** The servers that can have what the request names; `undefined` for all. */
function namedServers({ path, message, principal }: Parsed, world: World): readonly string[] | undefined {
  if (path.kind === 'server') return [path.server];
  if (message.method?.endsWith('/list') === true) return undefined;
  const ref = message.params?.['ref'];
  const name = message.params?.['name'] ?? (isObject(ref) ? ref['name'] : undefined);
  if (typeof name !== 'string') return [];
  // Only for a server that the caller can reach, so that waiting does not tell of a hidden one.
  return [...world.servers.keys()].filter(
    (server) => name.startsWith(`${server}__`) && canReachServer(principal, server),
  );
}

function findNamed(list: 'tools' | 'prompts', exchange: Parsed, world: World): GatewayTarget | Refusal {
  const name = exchange.message.params?.['name'];
  if (typeof name !== 'string') return badParams('params.name must be a string');
  const found = lookUp(list, name, exchange.path, world) ?? findPending(list, name, exchange.path, world);
  return found ?? unknown(list === 'tools' ? 'tool' : 'prompt', name);
}

/** A name that a locked server may have: whoever may call it is asked to connect an account first. */
function findPending(
  list: 'tools' | 'prompts',
  wireName: string,
  path: DoorPath,
  world: Pick<World, 'catalog' | 'servers'>,
): GatewayTarget | undefined {
  const cut = wireName.indexOf('__');
  const [server, name] =
    path.kind === 'server' ? [path.server, wireName] : [wireName.slice(0, Math.max(0, cut)), wireName.slice(cut + 2)];
  if (list === 'tools' && name === connectToolName && world.servers.get(server)?.credentials?.hasAccounts === true) {
    // It is listed only until somebody has connected; whoever knows it may still come back with it.
    const { directTarget, prefixedTarget } = connectEntry(server);
    return isPrefixed(path) ? prefixedTarget : directTarget;
  }
  if (world.catalog.server(server)?.isLocked !== true || !isLegalName(name)) return undefined;
  const kind = list === 'tools' ? 'tool' : 'prompt';
  const asked = isPrefixed(path) ? { asked: wireName } : {};
  return { kind, upstream: server, name, key: `${server}.${name}`, isPending: true, ...asked };
}

function lookUp(list: 'tools' | 'prompts', name: string, path: DoorPath, world: World): GatewayTarget | undefined {
  if (path.kind === 'server') return world.catalog.server(path.server)?.[list].get(name)?.directTarget;
  return world.catalog.byWireName(list, name);
}

function findResource(exchange: Parsed, world: World): GatewayTarget | Refusal {
  const uri = exchange.message.params?.['uri'];
  if (typeof uri !== 'string') return badParams('params.uri must be a string');
  return resourceTarget(uri, 'resources', exchange.path, world) ?? unknown('resource', uri);
}

/**
 * The target of a resource URI as a caller at this path wrote it.
 *
 * @returns `undefined` when it names no server that is there
 */
export function resourceTarget(
  asked: string,
  list: 'resources' | 'templates',
  path: DoorPath,
  world: Pick<World, 'catalog' | 'servers'>,
): GatewayTarget | undefined {
  const read = path.kind === 'server' ? { server: path.server, uri: asked } : readWireUri(asked);
  if (read === undefined || !world.servers.has(read.server)) return undefined;
  // Policy judges the text of a URI, so one that a server may read as another place has no name here.
  if (hasDotSegment.test(read.uri) || hasDroppedCharacter.test(read.uri)) return undefined;
  // One resource has one name on /mcp: a URI that would be written differently is not it.
  if (isPrefixed(path) && wireUri(read.server, read.uri) !== asked) return undefined;
  const entry = world.catalog.server(read.server)?.[list].get(read.uri);
  const target = {
    kind: 'resource',
    upstream: read.server,
    name: read.uri,
    key: `${read.server}.${read.uri}`,
  } as const;
  return {
    ...target,
    ...(isPrefixed(path) ? { asked } : {}),
    ...(entry === undefined ? {} : { definition: entry.definition }),
    ...(entry?.list === 'templates' ? { prefix: literalPrefix(target.key) } : {}),
  };
}

/** A segment `.` or `..` however it is written: with either slash, percent-encoded or not. */
const hasDotSegment = /(?:^|[/\\:]|%2f|%5c)(?:\.|%2e){1,2}(?:[/\\?#;]|%2f|%5c|%3b|$)/i;

/** Characters that URL parsers drop or trim, and that no URI may hold anyway (RFC 3986 §2). */
const hasDroppedCharacter = /[\u0000-\u0020\u007f]/;

function findReference(exchange: Parsed, world: World): GatewayTarget | Refusal {
  const ref = exchange.message.params?.['ref'];
  if (!isObject(ref)) return badParams('params.ref must be an object');
  if (ref['type'] === 'ref/prompt') {
    const { name } = ref;
    if (typeof name !== 'string') return badParams('params.ref.name must be a string');
    return lookUp('prompts', name, exchange.path, world) ?? unknown('prompt', name);
  }
  if (ref['type'] === 'ref/resource') {
    const { uri } = ref;
    if (typeof uri !== 'string') return badParams('params.ref.uri must be a string');
    return resourceTarget(uri, 'templates', exchange.path, world) ?? unknown('resource', uri);
  }
  return badParams('params.ref.type must be ref/prompt or ref/resource');
}

function findList(exchange: Parsed, world: World): GatewayTarget | Refusal {
  const name = exchange.message.method ?? '';
  const cursor = exchange.message.params?.['cursor'];
  if (cursor === undefined) return { kind: 'list', name, key: name };
  if (typeof cursor !== 'string') return badParams('params.cursor must be a string');
  const read = readCursor(world.seal.open('cursor', cursorBinding(exchange, name), cursor));
  return read === undefined
    ? refuse('bad-handle', { fill: { handle: 'cursor' } })
    : { kind: 'list', name, key: name, cursor: read };
}

/** A task is its tool's: whoever may not call that any more has no task of it. */
function findTask(exchange: Parsed, world: World): GatewayTarget | Refusal {
  const id = exchange.message.params?.['taskId'];
  if (typeof id !== 'string') return badParams('params.taskId must be a string');
  if (exchange.era === 'modern' && !hasExtension(declaredBy(exchange))) {
    const data = { requiredCapabilities: { extensions: { [TASKS_EXTENSION]: {} } } };
    return refuse('missing-capability', { fill: { detail: TASKS_EXTENSION }, data });
  }
  const task = openTask(id, exchange, world);
  const isKnown =
    task !== undefined &&
    world.servers.has(task.server) &&
    canSee(exchange.principal, 'tools', { kind: 'tool', upstream: task.server, name: toolOf(task), key: task.key });
  if (!isKnown) return refuse('bad-handle', { fill: { handle: 'taskId' } });
  return { kind: 'protocol', upstream: task.server, name: task.task, key: task.key, task };
}

function toolOf({ server, key }: TaskState): string {
  return key.slice(server.length + 1);
}

/** What a handle is bound to, so that it works for this caller, door path and purpose alone. */
export function handleBinding(exchange: Parsed, subject: string): SealBinding {
  return { principal: exchange.principal.id, path: pathKey(exchange.path), subject };
}

/** What a cursor of a list is bound to: caller, door path, list and revision. */
export function cursorBinding(exchange: Parsed, list: string): SealBinding {
  return { ...handleBinding(exchange, list), revision: exchange.revision };
}

function withState(target: GatewayTarget | Refusal, exchange: Parsed, world: World): GatewayTarget | Refusal {
  const sealed = exchange.message.params?.['requestState'];
  if (sealed === undefined || 'isRefusal' in target || exchange.era !== 'modern') return target;
  if (target.task !== undefined) return target;
  // A target that the caller may not know must look unknown whatever came with the request.
  const kind = grantKinds[target.kind];
  if (kind !== undefined && !canSee(exchange.principal, kind, target)) return target;
  if (typeof sealed !== 'string') return badParams('params.requestState must be a string');
  const opened = world.seal.open('state', handleBinding(exchange, stateSubject(target, exchange)), sealed);
  return openState(opened, target, world) ?? refuse('bad-handle', { fill: { handle: 'requestState' } });
}

/** A state is the server's own, or leads to a call that waits in this process, or back to the beginning of one. */
function openState(opened: unknown, target: GatewayTarget, world: World): GatewayTarget | undefined {
  if (!isObject(opened) || isSealFault(opened)) return undefined;
  const { state, park, node } = opened;
  const round = typeof opened['round'] === 'number' ? opened['round'] : 0;
  if (typeof state === 'string') return { ...target, requestState: state, round };
  if (opened['isAgain'] === true) return { ...target, isAgain: true, round };
  if (typeof opened['consent'] === 'string') return { ...target, consent: opened['consent'], round };
  if (typeof park !== 'string' || typeof node !== 'string' || node !== world.parking.node) return undefined;
  return { ...target, parked: { park, node, round } };
}

/**
 * Ties a request state to the server, target and arguments that it was given out for. The digest has no key: it never
 * leaves the seal, and a state outlives a change of the master key.
 */
export function stateSubject(target: Target, exchange: Parsed): string {
  const span = exchange.message.spans.arguments;
  const bytes = span === undefined ? new Uint8Array() : exchange.message.bytes.subarray(span.start, span.end);
  return `${exchange.message.method ?? ''} ${target.key} ${hash('sha256', bytes, 'hex')}`;
}

function unknown(kind: string, name: string): Refusal {
  return refuse('unknown', { fill: { kind, name } });
}

function badParams(detail: string): Refusal {
  return refuse('invalid-params', { fill: { detail } });
}
