/** Lays one configuration over another (RFC 7396): mappings merge, everything else replaces, nothing removes. */
import type { ConfigNode, Entry, MapNode } from './node.ts';

/** Returns `target` with `patch` laid over it. Each value keeps the place it came from. */
export function mergeNodes(target: ConfigNode | undefined, patch: ConfigNode): ConfigNode {
  if (patch.kind !== 'map') return patch;
  const base: MapNode = target?.kind === 'map' ? target : { kind: 'map', origin: patch.origin, entries: [] };
  return mergeMaps(base, patch);
}

/** Like `mergeNodes` for two mappings. */
export function mergeMaps(target: MapNode, patch: MapNode): MapNode {
  const entries = new Map<string, Entry>(target.entries.map((entry) => [entry.key, entry]));
  for (const entry of patch.entries) {
    if (isNothing(entry.value)) {
      entries.delete(entry.key);
      continue;
    }
    const earlier = entries.get(entry.key);
    const value = mergeNodes(earlier?.value, entry.value);
    const keepsPlace = earlier?.value.kind === 'map' && entry.value.kind === 'map';
    entries.set(entry.key, { key: entry.key, keyOrigin: keepsPlace ? earlier.keyOrigin : entry.keyOrigin, value });
  }
  return { kind: 'map', origin: target.origin, entries: [...entries.values()] };
}

function isNothing(node: ConfigNode): boolean {
  return node.kind === 'scalar' && node.value === null;
}
