/**
 * A JSON Schema document as an untrusted party sent it: its size is bounded, its resources, identifiers and anchors are
 * found, and references are resolved within it and nowhere else (JSON Schema 2020-12 core §8, §9; draft-07 core §8).
 */
import { isSchemaObject, pointerTo, SchemaProblem, type SchemaBounds, type SchemaObject } from './schema-bounds.ts';

/** The rules by which a document is read. */
export type Dialect = '2020-12' | 'draft-07';

/** A part of a document with an identifier of its own; the document itself is the first. */
export interface Resource {
  readonly uri: string;
  readonly root: unknown;
  readonly dialect: Dialect;
  /** False when the meta-schema leaves out the validation vocabulary. */
  readonly hasAssertions: boolean;
  readonly anchors: Map<string, SchemaObject>;
  readonly dynamicAnchors: Map<string, SchemaObject>;
}

/** Where a schema stands. */
export interface Place {
  readonly resource: Resource;
  readonly pointer: string;
  /** Tells schemas of one document apart. */
  readonly number: number;
}

/** What a reference leads to. */
export interface ReferenceTarget {
  readonly schema: unknown;
  readonly resource: Resource;
  /** The name, if a dynamic anchor led there. */
  readonly dynamicAnchor: string | undefined;
}

/** A scanned document. */
export interface SchemaDocument {
  readonly root: unknown;
  readonly resource: Resource;
  placeOf(schema: SchemaObject): Place;
  /** Follows a reference, or throws `bad-reference` or `remote-ref`. */
  resolve(reference: string, from: Place, keyword: string): ReferenceTarget;
}

const DIALECTS: ReadonlyMap<string, Dialect> = new Map([
  ['https://json-schema.org/draft/2020-12/schema', '2020-12'],
  ['http://json-schema.org/draft-07/schema', 'draft-07'],
  ['https://json-schema.org/draft-07/schema', 'draft-07'],
  ['http://json-schema.org/draft-06/schema', 'draft-07'],
]);
const VALIDATION_VOCABULARY = 'https://json-schema.org/draft/2020-12/vocab/validation';

/** Base of identifiers in a document that has none itself. */
const NO_URI = 'schema://document/';

const HOLDS_ONE = ['additionalProperties', 'contains', 'propertyNames', 'not', 'if', 'then', 'else', 'items'];
const HOLDS_ONE_2020 = [...HOLDS_ONE, 'unevaluatedItems', 'unevaluatedProperties'];
const HOLDS_ONE_07 = [...HOLDS_ONE, 'additionalItems'];
const HOLDS_LIST = ['allOf', 'anyOf', 'oneOf'];
const HOLDS_LIST_2020 = [...HOLDS_LIST, 'prefixItems'];
// `dependencies` and `definitions` live on in 2020-12 for older schemas (core appendix E, validation appendix A).
const HOLDS_MAP = ['properties', 'patternProperties', '$defs', 'definitions', 'dependencies'];
const HOLDS_MAP_2020 = [...HOLDS_MAP, 'dependentSchemas'];

/**
 * Scans a document.
 *
 * @param root the document, measured.
 * @param bounds what it may hold.
 * @param documents documents that references may lead to besides, by absolute URI without fragment.
 */
export function scanDocument(
  root: unknown,
  bounds: SchemaBounds,
  documents: ReadonlyMap<string, unknown>,
): SchemaDocument {
  const places = new Map<SchemaObject, Place>();
  const resources = new Map<string, Resource>();
  let references = 0;

  function dialectOf(
    schema: unknown,
    inherited: Resource | undefined,
    pointer: string,
  ): Pick<Resource, 'dialect' | 'hasAssertions'> {
    const declared = isSchemaObject(schema) && Object.hasOwn(schema, '$schema') ? schema['$schema'] : undefined;
    if (declared === undefined) {
      return { dialect: inherited?.dialect ?? '2020-12', hasAssertions: inherited?.hasAssertions ?? true };
    }
    const uri = typeof declared === 'string' ? declared.replace(/#$/, '') : '';
    const dialect = DIALECTS.get(uri);
    if (dialect !== undefined) return { dialect, hasAssertions: true };
    const meta = documents.get(uri);
    const vocabulary = isSchemaObject(meta) ? meta['$vocabulary'] : undefined;
    if (isSchemaObject(meta) && meta['$schema'] === 'https://json-schema.org/draft/2020-12/schema') {
      const hasAssertions = !isSchemaObject(vocabulary) || Object.hasOwn(vocabulary, VALIDATION_VOCABULARY);
      return { dialect: '2020-12', hasAssertions };
    }
    throw new SchemaProblem(
      'unknown-dialect',
      pointerTo(pointer, '$schema'),
      'only JSON Schema 2020-12 and draft-07 are known',
    );
  }

  function addResource(schema: unknown, uri: string, inherited: Resource | undefined, pointer: string): Resource {
    if (resources.has(uri)) throw new SchemaProblem('bad-reference', pointer, 'an identifier is used twice');
    const resource: Resource = {
      uri,
      root: schema,
      ...dialectOf(schema, inherited, pointer),
      anchors: new Map(),
      dynamicAnchors: new Map(),
    };
    resources.set(uri, resource);
    return resource;
  }

  function scan(schema: unknown, outer: Resource, pointer: string): void {
    if (typeof schema === 'boolean') return;
    if (!isSchemaObject(schema)) throw new SchemaProblem('bad-shape', pointer, 'a schema is an object or a boolean');
    if (places.has(schema)) return;
    if (places.size >= bounds.subschemas) {
      throw new SchemaProblem('too-many-subschemas', pointer, `there are more than ${bounds.subschemas} schemas`);
    }
    const resource = identify(schema, outer, pointer);
    places.set(schema, { resource, pointer, number: places.size });
    for (const keyword of ['$ref', '$dynamicRef']) {
      if (!Object.hasOwn(schema, keyword)) continue;
      references += 1;
      if (references > bounds.references) {
        throw new SchemaProblem('too-many-references', pointer, `there are more than ${bounds.references} references`);
      }
    }
    scanChildren(schema, resource, pointer);
  }

  function identify(schema: SchemaObject, outer: Resource, pointer: string): Resource {
    const is07 = outer.dialect === 'draft-07';
    const id = Object.hasOwn(schema, '$id') && !(is07 && Object.hasOwn(schema, '$ref')) ? schema['$id'] : undefined;
    let resource = outer;
    if (id !== undefined) {
      if (typeof id !== 'string') throw new SchemaProblem('bad-shape', pointerTo(pointer, '$id'), '$id is a string');
      const [path = '', fragment = ''] = id.split('#', 2);
      if (fragment !== '' && !is07) {
        throw new SchemaProblem('bad-shape', pointerTo(pointer, '$id'), '$id has no fragment; $anchor names a place');
      }
      // The root was given its own identifier before it was scanned.
      if (path !== '' && outer.root !== schema) {
        const uri = absolute(path, outer.uri);
        if (uri === undefined)
          throw new SchemaProblem('bad-shape', pointerTo(pointer, '$id'), '$id is no URI reference');
        resource = addResource(schema, uri, outer, pointer);
      }
      if (fragment !== '') addAnchor(resource.anchors, fragment, schema, pointer);
    }
    if (is07) return resource;
    const anchor = Object.hasOwn(schema, '$anchor') ? schema['$anchor'] : undefined;
    if (anchor !== undefined) addAnchor(resource.anchors, anchor, schema, pointerTo(pointer, '$anchor'));
    const dynamic = Object.hasOwn(schema, '$dynamicAnchor') ? schema['$dynamicAnchor'] : undefined;
    if (typeof dynamic === 'string') resource.dynamicAnchors.set(dynamic, schema);
    if (dynamic !== undefined) addAnchor(resource.anchors, dynamic, schema, pointerTo(pointer, '$dynamicAnchor'));
    return resource;
  }

  function addAnchor(anchors: Map<string, SchemaObject>, name: unknown, schema: SchemaObject, pointer: string): void {
    if (typeof name !== 'string' || !/^[A-Za-z_][-A-Za-z0-9._]*$/.test(name)) {
      throw new SchemaProblem('bad-shape', pointer, 'an anchor is a plain name');
    }
    const known = anchors.get(name);
    if (known !== undefined && known !== schema)
      throw new SchemaProblem('bad-reference', pointer, 'an anchor is used twice');
    anchors.set(name, schema);
  }

  function scanChildren(schema: SchemaObject, resource: Resource, pointer: string): void {
    const is07 = resource.dialect === 'draft-07';
    for (const keyword of is07 ? HOLDS_ONE_07 : HOLDS_ONE_2020) {
      if (!Object.hasOwn(schema, keyword)) continue;
      const child = schema[keyword];
      const at = pointerTo(pointer, keyword);
      if (is07 && keyword === 'items' && Array.isArray(child)) scanList(child, resource, at);
      else scan(child, resource, at);
    }
    for (const keyword of is07 ? HOLDS_LIST : HOLDS_LIST_2020) {
      if (!Object.hasOwn(schema, keyword)) continue;
      const list = schema[keyword];
      const at = pointerTo(pointer, keyword);
      if (!Array.isArray(list) || list.length === 0) {
        throw new SchemaProblem('bad-shape', at, `${keyword} is a list with at least one schema`);
      }
      scanList(list, resource, at);
    }
    for (const keyword of is07 ? HOLDS_MAP : HOLDS_MAP_2020) {
      if (!Object.hasOwn(schema, keyword)) continue;
      const map = schema[keyword];
      const at = pointerTo(pointer, keyword);
      if (!isSchemaObject(map)) throw new SchemaProblem('bad-shape', at, `${keyword} is an object`);
      for (const [name, child] of Object.entries(map)) {
        if (keyword === 'dependencies' && Array.isArray(child)) continue;
        scan(child, resource, pointerTo(at, name));
      }
    }
  }

  function scanList(list: readonly unknown[], resource: Resource, pointer: string): void {
    for (const [index, child] of list.entries()) scan(child, resource, pointerTo(pointer, index));
  }

  function addDocument(document: unknown, uri: string, referrer?: Resource): Resource {
    const id = isSchemaObject(document) && Object.hasOwn(document, '$id') ? document['$id'] : undefined;
    const own = typeof id === 'string' ? absolute(id.split('#', 1)[0] ?? '', uri) : undefined;
    const resource = addResource(document, own ?? uri, referrer, '');
    if (own !== undefined && own !== uri) resources.set(uri, resource);
    scan(document, resource, '');
    return resource;
  }

  function findResource(uri: string, referrer: Resource): Resource | undefined {
    const known = resources.get(uri);
    if (known !== undefined) return known;
    const document = documents.get(uri);
    return document === undefined ? undefined : addDocument(document, uri, referrer);
  }

  function follow(from: Resource, fragment: string, at: string): ReferenceTarget {
    let target: unknown = from.root;
    let resource = from;
    let pointer = isSchemaObject(from.root) ? (places.get(from.root)?.pointer ?? '') : '';
    for (const raw of fragment.split('/').slice(1)) {
      const token = raw.replaceAll('~1', '/').replaceAll('~0', '~');
      const isIndex = Array.isArray(target) && /^(?:0|[1-9]\d{0,9})$/.test(token);
      const next: unknown =
        isIndex || (isSchemaObject(target) && Object.hasOwn(target, token))
          ? Reflect.get(Object(target), token)
          : undefined;
      if (next === undefined) throw new SchemaProblem('bad-reference', at, 'a reference leads nowhere');
      target = next;
      pointer = pointerTo(pointer, token);
      if (isSchemaObject(target)) resource = places.get(target)?.resource ?? resource;
    }
    scan(target, resource, pointer);
    if (isSchemaObject(target)) resource = places.get(target)?.resource ?? resource;
    return { schema: target, resource, dynamicAnchor: undefined };
  }

  const resource = addDocument(root, NO_URI);
  return {
    root,
    resource,
    placeOf(schema) {
      const place = places.get(schema);
      if (place === undefined) throw new TypeError('a schema was not scanned');
      return place;
    },
    resolve(reference, from, keyword) {
      const at = pointerTo(from.pointer, keyword);
      const uri = absolute(reference, from.resource.uri);
      if (uri === undefined) throw new SchemaProblem('bad-reference', at, 'a reference is no URI reference');
      const hash = uri.indexOf('#');
      const owner = findResource(hash === -1 ? uri : uri.slice(0, hash), from.resource);
      if (owner === undefined) throw new SchemaProblem('remote-ref', at, 'a reference leads out of the document');
      const fragment = decode(hash === -1 ? '' : uri.slice(hash + 1));
      if (fragment === undefined) throw new SchemaProblem('bad-reference', at, 'a reference is badly escaped');
      if (fragment === '' || fragment.startsWith('/')) return follow(owner, fragment, at);
      const schema = owner.anchors.get(fragment);
      if (schema === undefined) throw new SchemaProblem('bad-reference', at, 'a reference leads nowhere');
      const dynamicAnchor = owner.dynamicAnchors.get(fragment) === schema ? fragment : undefined;
      return { schema, resource: places.get(schema)?.resource ?? owner, dynamicAnchor };
    },
  };
}

function absolute(reference: string, base: string): string | undefined {
  return URL.parse(reference, base)?.href;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
