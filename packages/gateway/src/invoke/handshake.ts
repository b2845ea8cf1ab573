/** What the gateway itself answers: initialize, server/discover, ping, and what a caller says about a session. */
import {
  pathKey,
  refuse,
  type Answer,
  type DoorPath,
  type GrantKind,
  type Handshake,
  type Intended,
  type Refusal,
} from '@sallyport/guard';
import {
  isObject,
  LATEST_LEGACY_REVISION,
  MODERN_REVISION,
  SERVER_INFO_KEY,
  SUPPORTED_REVISIONS,
  type Era,
  type JsonObject,
} from '@sallyport/protocol';
import { ownInfo } from '../own-request.ts';
import type { World } from '../world.ts';
import { sessionOf } from '../servers.ts';
import { hasTools } from '../search/place.ts';
import { cutText, longestInstructions, mergeInstructions } from './instructions.ts';
import { isLevel } from './levels.ts';
import { absenceMeta, presentServers, remainingTtl } from './presence.ts';
import { hasCoreTasks, hasExtension, TASKS_EXTENSION } from './tasks.ts';

/** Answers `ping`. */
export function answerPing(): Answer {
  return result({});
}

/** Answers `server/discover` for a modern caller. */
export async function answerDiscover(exchange: Intended, world: World): Promise<Answer> {
  await waitForServers(exchange.path, world);
  const { capabilities, serverInfo, instructions, servers } = introduce(exchange, world);
  return result({
    resultType: 'complete',
    supportedVersions: SUPPORTED_REVISIONS,
    capabilities,
    ...(instructions === undefined ? {} : { instructions }),
    ttlMs: remainingTtl(servers, world),
    cacheScope: 'private',
    _meta: { ...absenceMeta(servers, world), [SERVER_INFO_KEY]: serverInfo },
  });
}

/** Answers `initialize`: negotiates a legacy revision and begins the session. */
export async function answerInitialize(exchange: Intended, world: World): Promise<Answer | Refusal> {
  const params = exchange.message.params ?? {};
  const asked = params['protocolVersion'];
  if (typeof asked !== 'string') return badParams('params.protocolVersion must be a string');
  const capabilities = params['capabilities'];
  if (!isObject(capabilities)) return badParams('params.capabilities must be an object');
  const { connection } = exchange;
  if (exchange.session?.revision !== undefined) return badParams('this session has been initialized already');
  await waitForServers(exchange.path, world);
  const revision = asked !== MODERN_REVISION && SUPPORTED_REVISIONS.includes(asked) ? asked : LATEST_LEGACY_REVISION;
  const clientInfo = params['clientInfo'];
  const handshake: Handshake = {
    revision,
    clientCapabilities: keepCapabilities(capabilities),
    clientInfo: isObject(clientInfo) ? keepInfo(clientInfo) : undefined,
  };
  const headers: string[] = [];
  if (connection === undefined) {
    const session = world.sessions.create(exchange, handshake);
    if (session === undefined) return refuse('unavailable', { note: 'too many sessions', retryAfterMs: 60_000 });
    headers.push('Mcp-Session-Id', session.id);
  } else {
    const own = sessionOf(exchange);
    if (own !== undefined) own.handshake = handshake;
  }
  const introduction = introduce(exchange, world);
  const absence = absenceMeta(introduction.servers, world);
  return {
    ...result({
      protocolVersion: revision,
      capabilities: introduction.capabilities,
      serverInfo: introduction.serverInfo,
      ...(introduction.instructions === undefined ? {} : { instructions: introduction.instructions }),
      ...(absence === undefined ? {} : { _meta: absence }),
    }),
    headers,
  };
}

/** Of what a caller declares, only what some server may use is kept, so that a session costs little. */
function keepCapabilities(declared: JsonObject): JsonObject {
  const kept: Record<string, unknown> = {};
  for (const kind of ['elicitation', 'sampling', 'roots']) {
    const value = declared[kind];
    if (isObject(value)) kept[kind] = JSON.stringify(value).length <= longestCapability ? value : {};
  }
  return kept;
}

function keepInfo({ name, version }: JsonObject): JsonObject {
  return {
    ...(typeof name === 'string' ? { name: name.slice(0, longestInfo) } : {}),
    ...(typeof version === 'string' ? { version: version.slice(0, longestInfo) } : {}),
  };
}

/** Longest capability that is kept with its details, in characters. */
const longestCapability = 1024;
/** Longest name or version of a client that is kept, in characters. */
const longestInfo = 200;

/** Answers `logging/setLevel`: kept with the session, and told to servers when the session next calls them. */
export function answerSetLevel(exchange: Intended): Answer | Refusal {
  const level = exchange.message.params?.['level'];
  if (!isLevel(level)) return badParams('params.level is no log level');
  const session = sessionOf(exchange);
  if (session === undefined) return refuse('session-required');
  session.logLevel = level;
  return result({});
}

/** What a door path offers is known once its servers have answered, or have had their time to. */
async function waitForServers(path: DoorPath, { settlement }: World): Promise<void> {
  await settlement.wait(path.kind === 'server' ? [path.server] : undefined);
}

interface Introduction {
  readonly capabilities: JsonObject;
  readonly serverInfo: JsonObject;
  readonly instructions: string | undefined;
  /** The servers that it speaks of. */
  readonly servers: readonly string[];
}

/** What a door path offers: one server's own words, or the union of all. */
function introduce({ path, principal, era, rules }: Intended, world: World): Introduction {
  // A server of which a caller may use nothing does not exist for it.
  const servers = presentServers(principal.access, path, world);
  const known = servers.flatMap((name) => world.catalog.server(name) ?? []);
  const capabilities = carried(
    known.map((server) => server.capabilities),
    era,
  );
  if (path.kind === 'server') {
    const [server] = known;
    return {
      capabilities,
      serverInfo: server?.serverInfo ?? { ...ownInfo, title: `Sallyport: ${pathKey(path)}` },
      instructions: server?.instructions === undefined ? undefined : cutText(server.instructions, longestInstructions),
      servers,
    };
  }
  const view = path.kind === 'view' ? rules.views?.get(path.view) : undefined;
  if (view === undefined) return { capabilities, serverInfo: ownInfo, instructions: mergeInstructions(known), servers };
  const offered = Object.entries(capabilities).filter(([name]) => !isGrantKind(name) || view.kinds.has(name));
  const merged = mergeInstructions(known);
  const searched = hasTools(principal.access, world) && view.mode === 'search' ? [searchInstructions] : [];
  const parts = [...searched, ...(merged === undefined ? [] : [merged])];
  return {
    // Our own tools are there before any server is.
    capabilities: { ...(searched.length > 0 ? { tools: { listChanged: true } } : {}), ...Object.fromEntries(offered) },
    serverInfo: { ...ownInfo, title: `Sallyport: ${view.name}` },
    instructions: parts.length === 0 ? undefined : cutText(parts.join('\n\n'), longestInstructions),
    servers,
  };
}

function isGrantKind(name: string): name is GrantKind {
  return name === 'tools' || name === 'resources' || name === 'prompts';
}

/** What a model is told of a view that is searched. */
const searchInstructions =
  'Most tools here are not listed. Find them with search_tools, read how one is called with describe_tool, and call it ' +
  'with call_tool.';

/** The capabilities that a caller finds here. */
export function offeredCapabilities(exchange: Intended, world: World): JsonObject {
  return introduce(exchange, world).capabilities;
}

/** The capabilities that the gateway can carry, of those that some server has. */
function carried(all: readonly JsonObject[], era: Era): JsonObject {
  const has = (name: string): boolean => all.some((capabilities) => isObject(capabilities[name]));
  const canSubscribe = all.some(({ resources }) => isObject(resources) && resources['subscribe'] === true);
  return {
    ...(has('tools') ? { tools: { listChanged: true } } : {}),
    ...(has('resources') ? { resources: { listChanged: true, ...(canSubscribe ? { subscribe: true } : {}) } } : {}),
    ...(has('prompts') ? { prompts: { listChanged: true } } : {}),
    ...(has('completions') ? { completions: {} } : {}),
    ...(has('logging') ? { logging: {} } : {}),
    ...(era === 'modern' && all.some(hasExtension) ? { extensions: { [TASKS_EXTENSION]: {} } } : {}),
    // Not `list`: which tasks are whose is known to callers alone.
    ...(era === 'legacy' && all.some(hasCoreTasks) ? { tasks: { cancel: {}, requests: { tools: { call: {} } } } } : {}),
  };
}

function result(value: object): Answer {
  return { kind: 'result', body: Buffer.from(JSON.stringify(value)), isToolError: false, interim: 0 };
}

function badParams(detail: string): Refusal {
  return refuse('invalid-params', { fill: { detail } });
}
