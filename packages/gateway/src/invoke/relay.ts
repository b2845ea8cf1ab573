/** What a server says and asks while it works on a request, on its way to the caller of that request. */
import { decide, screenMessage, type Intended, type Session, type Cancellation } from '@sallyport/guard';
import { locate, splice, type Message } from '@sallyport/protocol';
import type { GatewayTarget } from '../resolve.ts';
import { sessionOf } from '../servers.ts';
import { linkFailure, type AskAnswer, type LinkFailure, type LinkListener } from '../upstreams/link.ts';
import type { World } from '../world.ts';
import { rewriteUpdated } from './rewrite.ts';

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
    const bytes = this.forCaller(message);
    if (bytes === undefined || !this.exchange.caller.isOpenable) return;
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
    return askCaller(
      message,
      session,
      { id, caller, principal, door, cancellation: over },
      this.target.upstream ?? '',
      this.world,
    );
  }

  /** The message as this caller may read it; `undefined` for what is not its own. */
  private forCaller(message: Message): Uint8Array | undefined {
    if (message.method === 'notifications/progress') return this.progress(message);
    if (message.method === 'notifications/message') {
      return this.exchange.era === 'legacy' || this.wantsLog() ? message.bytes : undefined;
    }
    if (message.method === 'notifications/resources/updated') return this.updated(message);
    return message.bytes;
  }

  /** Updates of what this caller may read, under its names; modern callers hear them on `subscriptions/listen` only. */
  private updated(message: Message): Uint8Array | undefined {
    const { era, path, principal } = this.exchange;
    const server = this.target.upstream ?? '';
    const uri = message.params?.['uri'];
    if (typeof uri === 'string') this.world.results.drop(server, uri);
    if (era === 'modern' || typeof uri !== 'string') return undefined;
    const access = this.world.rules().policy.access(principal.roles);
    if (decide(access, 'resources', `${server}.${uri}`).effect !== 'allow') return undefined;
    if (path.kind === 'all') {
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

  private wantsLog(): boolean {
    const { meta } = this.exchange.message.spans;
    return meta !== undefined && locate(this.exchange.message.bytes, [...logLevelPath]) !== undefined;
  }
}

const logLevelPath = ['params', '_meta', 'io.modelcontextprotocol/logLevel'];

const cannotAsk: AskAnswer = {
  kind: 'error',
  body: Buffer.from('{"code":-32601,"message":"This caller cannot be asked"}'),
};

/** Asks the caller on behalf of a server; the question has a record of its own. */
export async function askCaller(
  message: Message,
  session: Session,
  exchange:
    | (Pick<Intended, 'id' | 'caller' | 'principal' | 'door'> & { readonly cancellation: Cancellation })
    | undefined,
  server: string,
  world: World,
): Promise<AskAnswer> {
  const started = world.clock.monotonic();
  const span = message.spans.params;
  const params = span === undefined ? undefined : message.bytes.subarray(span.start, span.end);
  const answer = await session.ask(message.method ?? '', params, exchange?.caller, exchange?.cancellation);
  world.audit.append({
    kind: 'outcome',
    exchange: exchange?.id,
    principal: { id: session.owner, kind: session.owner.split(':')[0] ?? '', roles: exchange?.principal.roles ?? [] },
    door: exchange?.door,
    era: 'legacy',
    method: message.method,
    target: { upstream: server, kind: 'caller', name: message.method ?? '' },
    outcome: { status: answer.kind === 'result' ? 'ok' : 'error', ms: Math.round(world.clock.monotonic() - started) },
  });
  return answer;
}
