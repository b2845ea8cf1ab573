/** The members of a JSON-RPC message whose places the scanner notes, and how it knows them from their keys. */
import { asBuffer } from './buffers.ts';

/** What the scanner notes; each takes two numbers, start and end. */
export const Slot = {
  id: 0,
  params: 1,
  result: 2,
  error: 3,
  name: 4,
  uri: 5,
  arguments: 6,
  meta: 7,
  progressToken: 8,
  protocolVersion: 9,
  clientCapabilities: 10,
  cursor: 11,
  requestState: 12,
  taskId: 13,
  jsonrpc: 14,
  method: 15,
  resultType: 16,
  isError: 17,
  count: 18,
} as const;

const TOP = 1;
const PARAMS = 2;
const META = 3;
const RESULT = 4;

interface Known {
  readonly key: string;
  readonly slot: number;
}

/** Known keys of one context, by length. */
type KnownKeys = readonly (readonly Known[] | undefined)[];

function byLength(keys: Readonly<Record<string, number>>): KnownKeys {
  const table: Known[][] = [];
  for (const [key, slot] of Object.entries(keys)) {
    const row = table[key.length] ?? [];
    row.push({ key, slot });
    table[key.length] = row;
  }
  // Holes would turn every look-up into one through the prototype chain.
  for (let length = 0; length < table.length; length += 1) table[length] ??= [];
  return table;
}

const known: readonly KnownKeys[] = [
  [],
  byLength({
    id: Slot.id,
    params: Slot.params,
    result: Slot.result,
    error: Slot.error,
    jsonrpc: Slot.jsonrpc,
    method: Slot.method,
  }),
  byLength({
    name: Slot.name,
    uri: Slot.uri,
    arguments: Slot.arguments,
    _meta: Slot.meta,
    cursor: Slot.cursor,
    requestState: Slot.requestState,
    taskId: Slot.taskId,
  }),
  byLength({
    progressToken: Slot.progressToken,
    'io.modelcontextprotocol/protocolVersion': Slot.protocolVersion,
    'io.modelcontextprotocol/clientCapabilities': Slot.clientCapabilities,
  }),
  byLength({ resultType: Slot.resultType, isError: Slot.isError }),
];

/**
 * Says in which context the members of an object stand.
 *
 * @param depth depth of the object, 1 for the message itself
 * @param slot slot of the object, or -1
 * @returns a context for `slotOf`; 0 where nothing is noted
 */
export function contextBelow(depth: number, slot: number): number {
  if (depth === 1) return TOP;
  if (slot === Slot.params) return PARAMS;
  if (slot === Slot.result) return RESULT;
  return slot === Slot.meta ? META : 0;
}

/**
 * Knows a member by its key.
 *
 * @param context context of the object it stands in
 * @param bytes the text
 * @param start first byte of the key's content
 * @param end its closing quote
 * @param isEscaped true when the content holds escapes
 * @returns the member's slot, or -1
 */
export function slotOf(context: number, bytes: Uint8Array, start: number, end: number, isEscaped: boolean): number {
  if (isEscaped) {
    const key: unknown = JSON.parse(asBuffer(bytes).toString('utf8', start - 1, end + 1));
    for (const row of known[context] ?? []) for (const entry of row ?? []) if (entry.key === key) return entry.slot;
    return -1;
  }
  const row = known[context]?.[end - start];
  if (row === undefined) return -1;
  for (const { key, slot } of row) {
    let index = 0;
    while (index < key.length && bytes[start + index] === key.charCodeAt(index)) index += 1;
    if (index === key.length) return slot;
  }
  return -1;
}
