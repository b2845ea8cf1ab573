/**
 * Turns a call of `call_tool` into the call that it stands for, before anything judges it: the same message as if the
 * caller had named the tool itself, made of the caller's own bytes (design §2: what policy judged is what is forwarded).
 */
import type { Filling, Parsed } from '@sallyport/guard';
import { locate, readMessage, splice } from '@sallyport/protocol';
import type { CatalogTarget } from '../catalog/definition.ts';
import type { MetaTool } from './meta-tools.ts';

const noArguments = Buffer.from('{}');

/**
 * Puts the inner call in the place of the outer one.
 *
 * @param exchange - its message is replaced; id, `_meta`, task and request state stay
 * @param tool - `call_tool`
 * @returns false when the outer arguments are not what `call_tool` takes; nothing has changed then
 */
export function unwrapCall(exchange: Parsed, tool: MetaTool): boolean {
  const { message, rules } = exchange;
  if (tool.definition.checkArguments?.(message.params?.['arguments'] ?? {}) !== undefined) return false;
  const { name, arguments: outer } = message.spans;
  const innerName = locate(message.bytes, ['params', 'arguments', 'name']);
  const innerArguments = locate(message.bytes, ['params', 'arguments', 'arguments']);
  if (name === undefined || outer === undefined || innerName === undefined) return false;
  const bytesAt = (span: { readonly start: number; readonly end: number } | undefined): Uint8Array =>
    span === undefined ? noArguments : message.bytes.subarray(span.start, span.end);
  const edits = [
    { ...name, bytes: bytesAt(innerName) },
    { ...outer, bytes: bytesAt(innerArguments) },
  ];
  const reading = readMessage(splice(message.bytes, edits), { maxDepth: rules.limits.depth });
  if (reading.kind === 'fault') return false;
  (exchange as Filling<Parsed>).message = reading.message;
  return true;
}

const withoutHeaders = new WeakMap<CatalogTarget, CatalogTarget>();

/**
 * The target of an inner call. Headers that mirror arguments are not held against it: its caller was never asked for
 * them.
 */
export function innerTarget(target: CatalogTarget): CatalogTarget {
  const { definition } = target;
  if (definition?.checkHeaders === undefined) return target;
  let known = withoutHeaders.get(target);
  if (known === undefined) {
    const { checkHeaders: _, ...rest } = definition;
    known = { ...target, definition: rest };
    withoutHeaders.set(target, known);
  }
  return known;
}
