/** What a server says and asks while it works on a request, on its way to the caller of that request. */
import { askerAt, screenMessage, type Cancellation, type Intended, type Session } from '@sallyport/guard';
import { locate, LOG_LEVEL_KEY, metaOf, splice, type Message } from '@sallyport/protocol';
import { isPrefixed } from '../names.ts';
import type { GatewayTarget } from '../resolve.ts';
import { sessionOf } from '../servers.ts';
import { changedList } from '../upstreams/changes.ts';
import { linkFailure, type AskAnswer, type LinkFailure, type LinkListener } from '../upstreams/link.ts';
import type { World } from '../world.ts';
import { declaredBy, findBar } from './declared.ts';
import { isLoudEnough } from './levels.ts';
import { dropOurMarks } from './our-marks.ts';
import { rewriteUpdated } from './rewrite.ts';
import { mayRead } from './subscriptions.ts';
import { relatedEdits, relatedTask } from './tasks.ts';

/** Hears a link for one request. */
export interface Relay extends LinkListener {
  /** Messages that reached the caller. */
  readonly count: number;
  /** Set when a message had to be kept from the caller. */
  readonly refused: LinkFailure | undefined;
}

/** Makes the relay of one request. */
export function createRelay(exchange: Intended, target: GatewayTarget, world: World): Relay {
  return new RequestRelay(exchange, target, world);
}

class RequestRelay implements Relay {
  count = 0;
  refused: LinkFailure | undefined = undefined;
  private readonly exchange: Intended;
  private readonly target: GatewayTarget;
  private readonly world: World;

  constructor(exchange: Intended, target: GatewayTarget, world: World) {
    this.exchange = exchange;
    this.target = target;
    this.world = world;
  }

  onStream(): void {
    this.exchange.caller.open();
  }

  onMessage(message: Message): void {
    const own = this.forCaller(message);
    if (own === undefined || !this.exchange.caller.isOpenable) return;
    const bytes = dropOurMarks(own, message.params, ['params']);
    if (screenMessage(bytes, this.exchange.rules.limits.message) !== undefined) {
      this.refused = linkFailure('too-large', 'a message before the answer is too large');
      return;
    }
    this.count += 1;
    this.exchange.caller.send(bytes);
  }

  async onRequest(message: Message, over: Cancellation = this.exchange.cancellation): Promise<AskAnswer> {
    const { id, caller, principal, door } = this.exchange;
    const session = sessionOf(this.exchange);
    if (session === undefined || this.exchange.era !== 'legacy') return cannotAsk;
    const server = this.target.upstream ?? '';
    const method = message.method ?? '';
    const ask = this.world.servers.get(server)?.ask ?? [];
    if (findBar(method, message.params, ask, declaredBy(this.exchange)) !== undefined) return cannotAsk;
    const params = this.forTask(message);
    if (params === 'foreign') return cannotAsk;
    return askCaller(method, params, session, { id, caller, principal, door, cancellation: over }, server, this.world);
  }

  /** The params of a question; one that belongs to a task is asked where its caller waits for that very task. */
  private forTask(message: Message): Uint8Array | 'foreign' | undefined {
    const span = message.spans.params;
    const params =
      span === undefined ? undefined : dropOurMarks(message.bytes.subarray(span.start, span.end), message.params, []);
    const related = relatedTask(message.params);
    if (params === undefined || related === undefined) return params;
    const id = this.exchange.message.params?.['taskId'];
    if (this.target.task?.task !== related || typeof id !== 'string') return 'foreign';
    return splice(params, relatedEdits(params, related, id));
  }

  /** The message as this caller may read it; `undefined` for what is not its own. */
  private forCaller(message: Message): Uint8Array | undefined {
    switch (message.method) {
      case 'notifications/progress':
        return this.progress(message);
      case 'notifications/message':
        return this.wantsLog(message) ? message.bytes : undefined;
      case 'notifications/resources/updated':
        return this.updated(message);
      case 'notifications/elicitation/complete':
        return this.exchange.era === 'legacy' ? message.bytes : undefined;
      default:
        this.changed(message);
        return undefined;
    }
  }

  /** A change of a list is the catalog's to find out and to tell, whatever stream it was said on. */
  private changed(message: Message): void {
    const server = this.target.upstream;
    if (server !== undefined && changedList(message) !== undefined) void this.world.catalog.refresh(server);
  }

  /** Updates of what this caller may read, under its names; modern callers hear them on `subscriptions/listen` only. */
  private updated(message: Message): Uint8Array | undefined {
    const { era, path, principal } = this.exchange;
    const server = this.target.upstream ?? '';
    const uri = message.params?.['uri'];
    if (typeof uri === 'string') this.world.results.drop(server, uri);
    if (era === 'modern' || typeof uri !== 'string') return undefined;
    if (!mayRead(askerAt(this.world.rules(), path, principal), server, uri)) return undefined;
    if (isPrefixed(path)) {
      const span = message.spans.params;
      if (span === undefined) return undefined;
      const params = message.bytes.subarray(span.start, span.end);
      const renamed = rewriteUpdated(server, params, message.params);
      return splice(message.bytes, [{ ...span, bytes: renamed }]);
    }
    return message.bytes;
  }

  /** Progress goes back under the caller's own token, and nowhere without one. */
  private progress(message: Message): Uint8Array | undefined {
    const given = this.exchange.message.spans.progressToken;
    const place = locate(message.bytes, ['params', 'progressToken']);
    if (given === undefined || place === undefined) return undefined;
    const token = this.exchange.message.bytes.subarray(given.start, given.end);
    return splice(message.bytes, [{ ...place, bytes: token }]);
  }

  /** Modern callers ask for a level with the request, legacy ones once for their session. */
  private wantsLog(message: Message): boolean {
    const { era } = this.exchange;
    const asked =
      era === 'modern'
        ? metaOf(this.exchange.message.params)?.[LOG_LEVEL_KEY]
        : (sessionOf(this.exchange)?.logLevel ?? 'debug');
    return isLoudEnough(message.params?.['level'], asked);
  }
}

const cannotAsk: AskAnswer = {
  kind: 'error',
  body: Buffer.from('{"code":-32601,"message":"This caller cannot be asked"}'),
};

/** Asks the caller on behalf of a server; the question has a record of its own. */
export async function askCaller(
  method: string,
  params: Uint8Array | undefined,
  session: Session,
  exchange: Pick<Intended, 'id' | 'caller' | 'principal' | 'door'> & { readonly cancellation: Cancellation },
  server: string,
  world: World,
): Promise<AskAnswer> {
  const started = world.clock.monotonic();
  const answer = await session.ask(method, params, exchange.caller, exchange.cancellation);
  world.audit.append({
    kind: 'outcome',
    exchange: exchange.id,
    principal: { id: session.owner, kind: session.owner.split(':')[0] ?? '', roles: exchange.principal.roles },
    door: exchange.door,
    era: 'legacy',
    method,
    target: { upstream: server, kind: 'caller', name: method },
    outcome: { status: answer.kind === 'result' ? 'ok' : 'error', ms: Math.round(world.clock.monotonic() - started) },
  });
  return answer;
}
