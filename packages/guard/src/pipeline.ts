/**
 * The twelve stages in order, and the one loop that runs them. The list is data: it can be printed, timed, counted
 * and drawn. A stage that would not fit its place does not compile.
 */
import type { Ended, Filling, Identified, Principal, Received, Recorded, Replied } from './exchange.ts';
import { spentFields } from './limits/quota.ts';
import { describeRate } from './limits/rate.ts';
import { principalAt } from './policy/place.ts';
import type { Ports } from './ports.ts';
import { senderOf } from './addresses.ts';
import { isRefusal, refuse, type Refusal, type RefusalName, type StageName } from './refusals.ts';
import { judgeHead, receive } from './stages/receive.ts';
import { identify } from './stages/identify.ts';
import { parse } from './stages/parse.ts';
import { judgeCaller, resolve } from './stages/resolve.ts';
import { authorize } from './stages/authorize.ts';
import { admit } from './stages/admit.ts';
import { inspect } from './stages/inspect.ts';
import { intend } from './stages/intend.ts';
import { invoke } from './stages/invoke.ts';
import { screen } from './stages/screen.ts';
import { record } from './stages/record.ts';
import { reply } from './stages/reply.ts';

/** What a stage does: hands the exchange on with more fields, or refuses it. */
export type Stage<In, Out> = (exchange: In, ports: Ports) => Out | Refusal | Promise<Out | Refusal>;

interface NamedStage {
  readonly name: StageName;
  readonly run: (exchange: never, ports: Ports) => object | Promise<object>;
}

/** Stages in order; `add` takes only a stage that accepts what the one before hands on. */
interface StageList<Out> {
  readonly stages: readonly NamedStage[];
  add<Next>(name: StageName, stage: Stage<Out, Next>): StageList<Next>;
}

function listStages<Out>(stages: readonly NamedStage[]): StageList<Out> {
  return {
    stages,
    add: (name, stage) => listStages([...stages, { name, run: stage as NamedStage['run'] }]),
  };
}

const judged = listStages<Received>([])
  .add('receive', receive)
  .add('identify', identifyHere)
  .add('parse', parse)
  .add('resolve', resolve)
  .add('authorize', authorize)
  .add('admit', admit)
  .add('inspect', inspect)
  .add('intend', intend)
  .add('invoke', invoke)
  .add('screen', screen);

const ending = listStages<Ended>([]).add('record', record).add('reply', reply);

/** Names the caller, with the access that it has where it came in. */
function identifyHere(exchange: Received, ports: Ports): Identified | Refusal | Promise<Identified | Refusal> {
  const out = identify(exchange, ports);
  return exchange.path.kind === 'view' ? placeLater(out, exchange) : out;
}

function placeLater(
  out: Identified | Refusal | Promise<Identified | Refusal>,
  exchange: Received,
): Identified | Refusal | Promise<Identified | Refusal> {
  return out instanceof Promise ? out.then((named) => placeCaller(named, exchange)) : placeCaller(out, exchange);
}

function placeCaller(out: Identified | Refusal, { path, rules }: Received): Identified | Refusal {
  if (isRefusal(out) || path.kind !== 'view') return out;
  const placed = out as Filling<Identified>;
  placed.principal = principalAt(out.principal, path, rules);
  return placed;
}

/** Every stage's name, in the order in which an exchange meets them. */
export const stageNames: readonly StageName[] = [...judged.stages, ...ending.stages].map((stage) => stage.name);

/** How many of the first stages need no more than the head of a request. */
const headStages = 2;

/**
 * Runs an exchange through every stage; it always ends in a record and a reply. A thrown error is a bug: it becomes
 * the refusal `internal` and ends the same way.
 */
export function runExchange(exchange: Received, ports: Ports): Promise<Replied> {
  return runStages(exchange, ports, judged.stages.length, finish);
}

/**
 * Runs only the stages that judge the head of a request, for what has no message (an event stream opened by GET, a
 * session ended by DELETE).
 *
 * @returns the exchange with its principal, or the refusal
 */
export function runHead(exchange: Received, ports: Ports): Promise<object> {
  return runStages(exchange, ports, headStages, (_, out) => out);
}

/**
 * Judges again whoever holds a connection open, by the rules that its exchange carries: the head, the credential, blocks
 * and the path. Nothing is charged or recorded for a caller that may stay.
 *
 * @returns the exchange with its principal, or why the connection has to end; a promise only where a token has to be
 *   verified anew
 */
export function judgeAgain(exchange: Received, ports: Ports): Identified | Refusal | Promise<Identified | Refusal> {
  const refused = exchange.head === undefined ? undefined : judgeHead(exchange.head, exchange.door, exchange.rules);
  if (refused !== undefined) return refused;
  const identified = identify(exchange, ports);
  const judge = (given: Identified | Refusal): Identified | Refusal => {
    const found = placeCaller(given, exchange);
    return isRefusal(found) ? found : (judgeCaller(found, ports) ?? found);
  };
  return identified instanceof Promise ? identified.then(judge) : judge(identified);
}

/** Records and answers an exchange that ended outside the list. */
export async function endExchange(exchange: Ended, ports: Ports): Promise<Replied> {
  return finish(exchange, exchange, ports);
}

/** Stages whose refusals cost the caller what a call would, so that names cannot be probed for free. */
const charged: ReadonlySet<StageName> = new Set(['parse', 'resolve', 'authorize']);

/** Requests that no well-made program sends: broken ones, and credentials that are none. */
const bad: ReadonlySet<RefusalName> = new Set([
  'malformed-host',
  'bad-host',
  'bad-origin',
  'bad-upgrade',
  'not-text',
  'body-timeout',
  'body-too-large',
  'bad-content-type',
  'bad-http-version',
  'credential-in-url',
  'bad-authorization',
  'bad-credential',
  'bad-certificate',
  'malformed-json',
  'invalid-request',
  'invalid-params',
  'header-mismatch',
]);

/** Charges a refusal to the caller and to the address, which changes what is answered where they had too many. */
function charge(refusal: Refusal, exchange: Received & { readonly principal?: Principal }, ports: Ports): Refusal {
  return chargeAddress(refusal, exchange, ports) ?? chargeCaller(exchange, ports) ?? refusal;
}

/** Never asked before a request was found bad, so that nobody's failures stop a good one. */
function chargeAddress(refusal: Refusal, { head, address, rules }: Received, ports: Ports): Refusal | undefined {
  const rate = rules.limits.badRequests;
  if (rate === undefined || head === undefined || !bad.has(refusal.name)) return undefined;
  const taken = ports.buckets.take(`bad-requests:${senderOf(address)}`, rate);
  if (taken.isAllowed) return undefined;
  const quota = spentFields('bad-requests', rate);
  return refuse('bad-requests-limited', { retryAfterMs: taken.retryAfterMs, quota, note: refusal.name });
}

function chargeCaller(
  { principal, refusedAt, rules }: Received & { readonly principal?: Principal },
  ports: Ports,
): Refusal | undefined {
  const rate = principal?.access.limit;
  // Where limits are only observed they change no answer.
  if (rules.observes === true) return undefined;
  if (principal === undefined || rate === undefined || refusedAt === undefined || !charged.has(refusedAt)) {
    return undefined;
  }
  const taken = ports.buckets.take(`caller:${principal.id}`, rate);
  if (taken.isAllowed) return undefined;
  const quota = spentFields('caller', rate);
  return refuse('limited', { fill: { rate: describeRate(rate) }, retryAfterMs: taken.retryAfterMs, quota });
}

/** One asynchronous function for the whole list and its end: each more would cost every exchange a turn. */
async function runStages<Outcome>(
  exchange: Received,
  ports: Ports,
  count: number,
  conclude: (exchange: Received, out: object, ports: Ports) => Outcome | Promise<Outcome>,
): Promise<Outcome> {
  let current: object = exchange;
  const marks = exchange.marks;
  for (let i = 0; i < count; i++) {
    const stage = judged.stages[i];
    if (stage === undefined) break;
    let out: object;
    try {
      const pending = stage.run(current as never, ports);
      out = pending instanceof Promise ? await pending : pending;
    } catch (cause) {
      out = refuse('internal', { cause, note: `thrown in ${stage.name}` });
    }
    marks.push(ports.clock.monotonic());
    if (isRefusal(out)) {
      exchange.refusedAt = stage.name;
      return conclude(exchange, out, ports);
    }
    current = out;
  }
  return conclude(exchange, current, ports);
}

/** Records and answers what came out of the stages: a refusal, or the exchange with its answer. */
function finish(exchange: Received, out: object, ports: Ports): Replied | Promise<Replied> {
  const ended = isRefusal(out) ? Object.assign(exchange, { refusal: charge(out, exchange, ports) }) : (out as Ended);
  try {
    const pending = record(ended, ports);
    if (!(pending instanceof Promise)) return answer(pending, ports);
    return pending.catch((cause: unknown) => unrecorded(ended, cause)).then((recorded) => answer(recorded, ports));
  } catch (cause) {
    return answer(unrecorded(ended, cause), ports);
  }
}

function unrecorded(ended: Ended, cause: unknown): Recorded {
  return Object.assign(ended, { refusal: refuse('internal', { cause, note: 'thrown in record' }) });
}

function answer(recorded: Recorded, ports: Ports): Replied {
  const replied = reply(recorded);
  try {
    ports.observe(recorded);
  } catch {
    // Whoever watches must not keep a caller from its answer.
  }
  return replied;
}
