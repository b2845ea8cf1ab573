/** Holds the arguments against the accepted input schema, and digests them for the record. */
import type { Admitted, ArgumentFault, Filling, Inspected } from '../exchange.ts';
import { noteObserved } from '../observed.ts';
import type { Ports } from '../ports.ts';
import { refuse, type Refusal } from '../refusals.ts';

const noArguments: Readonly<Record<string, unknown>> = {};
const empty = new Uint8Array();

/** Checks what the caller wants to hand to the target. */
export function inspect(exchange: Admitted, ports: Ports): Inspected | Refusal {
  const { message, target, method, head } = exchange;
  const given = message.params?.['arguments'];
  // Elsewhere a head is that of a connection, and mirrors nothing.
  if (exchange.door === 'http' && head !== undefined && exchange.era === 'modern') {
    const header = target.definition?.checkHeaders?.(given, head.headers);
    if (header !== undefined) return refuse('header-mismatch', { fill: { detail: header } });
  }
  // Only definitions of tools know what arguments have to be.
  const fault = target.definition?.checkArguments?.(given ?? noArguments);
  if (fault !== undefined) {
    const refusal = refuseArguments(fault);
    // What is our own to answer is never called in a way that it does not know.
    if (exchange.rules.observes !== true || target.upstream === undefined) return refusal;
    noteObserved(exchange, 'inspect', refusal);
  }
  if (method?.needsIntent !== true) return exchange;
  const span = message.spans.arguments;
  const bytes = span === undefined ? empty : message.bytes.subarray(span.start, span.end);
  const kept = keepValues(given, exchange.rules.keptArguments(target.key));
  const digest = ports.digest(bytes);
  const inspected = exchange as Filling<Inspected>;
  inspected.args = kept === undefined ? { digest, bytes: bytes.length } : { digest, bytes: bytes.length, values: kept };
  return inspected;
}

function refuseArguments({ path, message, keyword }: ArgumentFault): Refusal {
  const where = path === '' ? 'the arguments' : path;
  return refuse('bad-arguments', {
    fill: { detail: `${where} ${message} (${keyword})` },
    data: { path, keyword },
    note: `${where} (${keyword})`,
  });
}

function keepValues(given: unknown, names: readonly string[] | undefined): Record<string, unknown> | undefined {
  if (names === undefined || typeof given !== 'object' || given === null) return undefined;
  const kept: Record<string, unknown> = {};
  for (const name of names) {
    const value: unknown = Object.getOwnPropertyDescriptor(given, name)?.value;
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}
