/** One definition in the catalog: what an upstream said, what it digests to, and how callers see it. */
import {
  createSchemaCache,
  definitionDigest,
  type AcceptedDefinition,
  type GrantKind,
  type Target,
} from '@sallyport/guard';
import {
  checkParamHeaders,
  isObject,
  readParamHeaderAnnotations,
  toLegacyTool,
  toModernTool,
  type JsonObject,
  type ParamHeaderAnnotation,
} from '@sallyport/protocol';
import { isLegalName, wireName, wireUri } from '../names.ts';

/** The lists that a server publishes. */
export type ListKind = 'tools' | 'prompts' | 'resources' | 'templates';

/** Which grants speak about the entries of a list. */
export const grantsOf: Readonly<Record<ListKind, GrantKind>> = {
  tools: 'tools',
  prompts: 'prompts',
  resources: 'resources',
  templates: 'resources',
};

/** What every URI of a template begins with (RFC 6570). */
export function literalPrefix(template: string): string {
  const open = template.indexOf('{');
  return open < 0 ? template : template.slice(0, open);
}

/** A target that the catalog made, with the definition behind it. */
export interface CatalogTarget extends Target {
  readonly entry?: Entry;
}

/** One published definition. */
export interface Entry {
  readonly list: ListKind;
  readonly server: string;
  /** Tool or prompt name, URI or URI template, as the upstream knows it. */
  readonly name: string;
  /** The same as callers of `/mcp` know it. */
  readonly wireName: string;
  /** `server.name`, what patterns match. */
  readonly key: string;
  /** The definition as JSON, for callers of `/mcp/<server>`. */
  readonly direct: PerEra;
  /** The definition as JSON with wire names, for callers of `/mcp`. */
  readonly prefixed: PerEra;
  readonly definition: AcceptedDefinition;
  /** True when legacy callers get a tool's structured output wrapped in an object. */
  readonly isOutputWrapped: boolean;
  /** True when a legacy server runs this tool as a task only. */
  readonly isTaskOnly: boolean;
  /** `x-mcp-header` annotations of a tool's input schema. */
  readonly paramHeaders: readonly ParamHeaderAnnotation[];
  /** It is the gateway's own, and connects an account. */
  readonly isConnect?: true;
  /** What a call of it aims at. */
  readonly directTarget: CatalogTarget;
  readonly prefixedTarget: CatalogTarget;
}

/** A definition as JSON for callers of each era; the same string where both see the same. */
export interface PerEra {
  readonly modern: string;
  readonly legacy: string;
}

/** A definition that callers never see, and why. */
export interface Quarantined {
  readonly server: string;
  readonly list: ListKind;
  readonly name: string;
  readonly reason: string;
}

/** Tools often have the same arguments; what checks them is made once. */
const schemas = createSchemaCache();

/** Largest definition, bytes of JSON: as large as an input schema may be. */
const maxDefinitionBytes = 256 * 1024;

/**
 * Reads one definition of a list; what cannot be guarded is quarantined, with the reason.
 *
 * @param known - finds what was read from the same list before; a definition that reads the same is not read again
 */
export function readEntry(
  server: string,
  list: ListKind,
  definition: JsonObject,
  known: (name: string) => Entry | undefined,
): Entry | Quarantined {
  const name = definition[nameKeys[list]];
  const quarantine = (reason: string): Quarantined => ({
    server,
    list,
    name: typeof name === 'string' ? name.slice(0, 200) : '(nameless)',
    reason,
  });
  if (typeof name !== 'string') return quarantine(`it has no ${nameKeys[list]}`);
  const isNamed = list === 'tools' || list === 'prompts';
  if (isNamed && !isLegalName(name)) {
    return quarantine('its name is not of 1 to 128 letters, digits, "_", "." and "-"');
  }
  const text = JSON.stringify(definition);
  if (Buffer.byteLength(text) > maxDefinitionBytes) return quarantine(`it has more than ${maxDefinitionBytes} bytes`);
  let accepted: AcceptedDefinition = { digest: definitionDigest(definition) };
  const before = known(name);
  if (before?.definition.digest === accepted.digest) return before;
  let paramHeaders: readonly ParamHeaderAnnotation[] = [];
  if (list === 'tools') {
    const compiled = schemas.compile(definition['inputSchema']);
    if (compiled.kind === 'fault') return quarantine(`its input schema cannot be checked: ${compiled.message}`);
    const annotations = readParamHeaderAnnotations(definition['inputSchema']);
    if (annotations.kind === 'fault')
      return quarantine(`its x-mcp-header at ${annotations.fault.pointer} is not valid: ${annotations.fault.name}`);
    paramHeaders = annotations.annotations;
    accepted = {
      ...accepted,
      checkArguments: compiled.check,
      ...(paramHeaders.length === 0
        ? {}
        : {
            checkHeaders: (value, headers) =>
              checkParamHeaders(isObject(value) ? value : undefined, headers, paramHeaders)?.header,
          }),
    };
  }
  return makeEntry({ server, list, name, definition, text, accepted, paramHeaders, isNamed });
}

const nameKeys: Readonly<Record<ListKind, string>> = {
  tools: 'name',
  prompts: 'name',
  resources: 'uri',
  templates: 'uriTemplate',
};

const targetKinds = { tools: 'tool', prompts: 'prompt', resources: 'resource', templates: 'resource' } as const;

interface EntryParts {
  readonly server: string;
  readonly list: ListKind;
  readonly name: string;
  readonly definition: JsonObject;
  /** The same as JSON. */
  readonly text: string;
  readonly accepted: AcceptedDefinition;
  readonly paramHeaders: readonly ParamHeaderAnnotation[];
  readonly isNamed: boolean;
}

function makeEntry(parts: EntryParts): Entry {
  const { server, list, name, text, accepted, paramHeaders } = parts;
  const wire = parts.isNamed ? wireName(server, name) : wireUri(server, name);
  const key = `${server}.${name}`;
  const target = { kind: targetKinds[list], upstream: server, name, key, definition: accepted };
  const directTarget: { -readonly [K in keyof CatalogTarget]: CatalogTarget[K] } = { ...target };
  const prefixedTarget: { -readonly [K in keyof CatalogTarget]: CatalogTarget[K] } = { ...target, asked: wire };
  const isOutputWrapped = list === 'tools' && toLegacyTool(parts.definition).isOutputWrapped;
  const isSameInBoth = !isOutputWrapped && (list !== 'tools' || toModernTool(parts.definition) === parts.definition);
  const direct = isSameInBoth ? { modern: text, legacy: text } : new EncodedPerEra(text, undefined);
  const entry: Entry = {
    list,
    server,
    name,
    wireName: wire,
    key,
    direct,
    prefixed: isSameInBoth
      ? encodeForBoth(prefixDefinition(parts.definition, { server, list, wire }))
      : new EncodedPerEra(text, { server, list, wire }),
    definition: accepted,
    isOutputWrapped,
    isTaskOnly: isTaskOnly(parts.definition),
    paramHeaders,
    directTarget,
    prefixedTarget,
  };
  directTarget.entry = entry;
  prefixedTarget.entry = entry;
  return entry;
}

/** 2025-11-25, tools, `execution.taskSupport`. */
function isTaskOnly({ execution }: JsonObject): boolean {
  return isObject(execution) && execution['taskSupport'] === 'required';
}

function encodeForBoth(definition: JsonObject): PerEra {
  const text = JSON.stringify(definition);
  return { modern: text, legacy: text };
}

/** How a definition is named on `/mcp`. */
interface WirePlace {
  readonly server: string;
  readonly list: ListKind;
  readonly wire: string;
}

/**
 * A definition that the eras see differently: encoded when first asked for, as few callers see all of its forms. It keeps
 * the text and not the value, which is many times as large.
 */
class EncodedPerEra implements PerEra {
  private readonly text: string;
  private readonly place: WirePlace | undefined;
  private modernText: string | undefined = undefined;
  private legacyText: string | undefined = undefined;

  constructor(text: string, place: WirePlace | undefined) {
    this.text = text;
    this.place = place;
  }

  get modern(): string {
    this.modernText ??= JSON.stringify(toModernTool(this.read()));
    return this.modernText;
  }

  get legacy(): string {
    this.legacyText ??= JSON.stringify(toLegacyTool(this.read()).tool);
    return this.legacyText;
  }

  private read(): JsonObject {
    const definition = JSON.parse(this.text) as JsonObject;
    return this.place === undefined ? definition : prefixDefinition(definition, this.place);
  }
}

/** The definition with its own name and the `ui://` resources it points at as callers of `/mcp` know them. */
function prefixDefinition(definition: JsonObject, { server, list, wire }: WirePlace): JsonObject {
  const renamed = { ...definition, [nameKeys[list]]: wire };
  const meta = definition['_meta'];
  return isObject(meta) ? { ...renamed, _meta: prefixUi(server, meta) } : renamed;
}

/** MCP Apps: where a tool's page is. The flat key is what servers wrote before there was `ui`. */
function prefixUi(server: string, meta: JsonObject): JsonObject {
  const { ui, 'ui/resourceUri': flat } = meta;
  const uri = isObject(ui) ? ui['resourceUri'] : undefined;
  return {
    ...meta,
    ...(isObject(ui) && typeof uri === 'string' ? { ui: { ...ui, resourceUri: wireUri(server, uri) } } : {}),
    ...(typeof flat === 'string' ? { 'ui/resourceUri': wireUri(server, flat) } : {}),
  };
}
