/** What the stages know of an exchange, as the fields of its record. */
import type { DoorKind, Filling, Observed, Received, Refused, Screened, Target } from '../exchange.ts';
import { pathTail } from '../doors/path.ts';
import type { Decision, RuleRef } from '../policy/decision.ts';
import type { Origin } from '../policy/model.ts';
import type { StageName } from '../refusals.ts';
import type { RecordDecision, RecordDraft, RecordKind, RecordTarget } from './record.ts';

/** An exchange at any stage: what it has received, and whatever else is known by now. */
export type Known = Received & Partial<Omit<Screened, keyof Received>> & Partial<Pick<Refused, 'refusal'>>;

/** Stages in the order of the marks that the pipeline leaves. */
const order: readonly StageName[] = [
  'receive',
  'identify',
  'parse',
  'resolve',
  'authorize',
  'admit',
  'inspect',
  'intend',
  'invoke',
  'screen',
];

/** The fields that every record of an exchange has; those that its intent has encoded already stand in `facts`. */
export function draftRecord(kind: Exclude<RecordKind, 'checkpoint'>, exchange: Known): Filling<RecordDraft> {
  const { principal, target, decision, facts } = exchange;
  if (facts !== undefined) return { kind, exchange: exchange.id, facts, trace: traceOf(exchange) };
  return {
    kind,
    exchange: exchange.id,
    principal,
    client: clientName(exchange),
    address: exchange.address,
    door: doorName(exchange),
    era: exchange.era,
    // The table's name, where there is one: the caller's is a new string each time.
    method: exchange.method?.name ?? exchange.message?.method ?? exchange.head?.method,
    target: target === undefined ? askedTarget(exchange) : draftTarget(target),
    decision: exchange.observed === undefined ? draftDecision(decision) : draftObserved(exchange.observed, decision),
    args: exchange.args,
    trace: traceOf(exchange),
  };
}

/** How long each stage took, in milliseconds with three decimals. */
export function stageTimes(exchange: Received): Record<string, number> {
  const times: Record<string, number> = {};
  const { marks } = exchange;
  let before = exchange.started;
  for (let i = 0; i < marks.length; i++) {
    const mark = marks[i] ?? before;
    times[order[i] ?? 'reply'] = round(mark - before);
    before = mark;
  }
  return times;
}

/** Milliseconds with three decimals. */
export function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/** Targets of the catalog live as long as their definition; others, made for one request, are not remembered. */
const draftedTargets = new WeakMap<Target, RecordTarget>();

function draftTarget(target: Target): RecordTarget {
  const known = draftedTargets.get(target);
  if (known !== undefined) return known;
  const { upstream, kind, name, definition, effect } = target;
  const made = { upstream, kind, name, definition: definition?.digest, effect };
  if (kind === 'tool' || kind === 'prompt') draftedTargets.set(target, made);
  return made;
}

/** What a method's name is about, and the parameter that says it. */
const askedKinds: ReadonlyMap<string, readonly [kind: string, parameter: string]> = new Map([
  ['tools/call', ['tool', 'name']],
  ['prompts/get', ['prompt', 'name']],
  ['resources/read', ['resource', 'uri']],
  ['resources/subscribe', ['resource', 'uri']],
]);

/** What was asked for where nothing was found: probes for names are seen by the names. */
function askedTarget({ message, path }: Known): RecordTarget | undefined {
  const asked = message?.method === undefined ? undefined : askedKinds.get(message.method);
  if (asked === undefined) return undefined;
  const [kind, parameter] = asked;
  const name: unknown = message?.params?.[parameter];
  if (typeof name !== 'string') return undefined;
  return path.kind === 'server' ? { upstream: path.server, kind, name } : { kind, name };
}

/** Names of the doors to all servers, made once. */
const doorNames: Readonly<Record<DoorKind, string>> = {
  http: 'http:/mcp',
  stdio: 'stdio:/mcp',
  websocket: 'websocket:/mcp',
  sse: 'sse:/mcp',
};

function doorName(exchange: Received): string {
  if (exchange.path.kind === 'all') return doorNames[exchange.door];
  return `${exchange.door}:/mcp${pathTail(exchange.path)}`;
}

/** Decisions by the place of their rule, which the configuration has made once; one that allows and one that denies. */
const drafted = new WeakMap<Origin, Partial<Record<Decision['effect'], RecordDecision>>>();

function draftDecision(decision: Decision): RecordDecision;
function draftDecision(decision: Decision | undefined): RecordDecision | undefined;
function draftDecision(decision: Decision | undefined): RecordDecision | undefined {
  if (decision === undefined) return undefined;
  const { rule, effect } = decision;
  if (rule === undefined) return effect === 'allow' ? { effect: 'allow' } : { effect: 'deny', rule: 'no-grant' };
  let known = drafted.get(rule.origin);
  if (known === undefined) {
    known = {};
    drafted.set(rule.origin, known);
  }
  const { file, line, column } = rule.origin;
  return (known[effect] ??= {
    effect,
    rule: nameRule(rule),
    at: `${file}:${line}:${column}`,
  });
}

/** What passed although it would be refused is never called allowed, whatever the rules say of the target. */
function draftObserved({ refusal }: Observed, decision: Decision | undefined): RecordDecision {
  return {
    ...draftDecision(decision),
    effect: 'observe',
    would: refusal.note === undefined ? refusal.name : `${refusal.name}: ${refusal.note}`,
  };
}

function nameRule({ role, view, pattern }: RuleRef): string {
  if (view !== undefined) return `not in view ${view}`;
  return role === undefined ? `deny: ${pattern}` : `${role}: ${pattern}`;
}

/** The caller's program by its own account; never a security input. */
function clientName(exchange: Known): string | undefined {
  const session = exchange.session ?? exchange.connection;
  if (session?.clientName !== undefined) return session.clientName;
  const info = metaOf(exchange)?.['io.modelcontextprotocol/clientInfo'];
  if (typeof info !== 'object' || info === null || !('name' in info) || typeof info.name !== 'string') return undefined;
  return info.name;
}

function traceOf(exchange: Known): string | undefined {
  const own = metaOf(exchange)?.['traceparent'];
  if (typeof own === 'string') return own;
  return exchange.head?.headers['traceparent'];
}

function metaOf(exchange: Known): Readonly<Record<string, unknown>> | undefined {
  const meta = exchange.message?.params?.['_meta'];
  return typeof meta === 'object' && meta !== null ? (meta as Readonly<Record<string, unknown>>) : undefined;
}
