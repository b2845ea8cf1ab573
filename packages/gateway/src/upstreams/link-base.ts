/** What every conversation has, whatever carries it: who answers, whether it is open, its ids and its listeners. */
import type { Era, Message } from '@sallyport/protocol';
import { answerServerRequest, ownerOfNotification, ownerOfRequest, type CallsInFlight } from './attribution.ts';
import type { Sent } from './channel.ts';
import {
  linkFailure,
  type AskKind,
  type Carrier,
  type Link,
  type LinkAnswer,
  type LinkEvent,
  type LinkFailure,
  type LinkListener,
  type LinkPeer,
  type LinkRequest,
} from './link.ts';
import { Listeners } from './listeners.ts';
import type { OpenOptions } from './options.ts';
import { PendingCall } from './pending-call.ts';

/** Who is there while a conversation begins: nobody has said yet. */
export const UNKNOWN_PEER: LinkPeer = {
  serverInfo: undefined,
  capabilities: {},
  instructions: undefined,
  supportedRevisions: [],
  discover: undefined,
};

/** What every conversation has. Its era counts from the moment that `revision` is known. */
export abstract class LinkBase implements Link {
  era: Era = 'legacy';
  revision = '';
  peer: LinkPeer = UNKNOWN_PEER;
  state: 'open' | 'closed' = 'open';
  readonly name: string;
  readonly carrier: Carrier;
  readonly #ask: readonly AskKind[];
  readonly #isShared: boolean;
  readonly #listeners = new Listeners<LinkEvent>();
  #lastId = 0;

  constructor(carrier: Carrier, options: OpenOptions) {
    this.carrier = carrier;
    this.name = options.name;
    this.#ask = options.ask;
    this.#isShared = options.isShared;
    this.#listeners.add((event) => options.onEvent(this, event));
  }

  abstract get pending(): number;
  abstract request(request: LinkRequest, listener: LinkListener): Promise<LinkAnswer>;
  abstract notify(method: string, params?: Uint8Array): Promise<LinkFailure | undefined>;
  abstract close(reason?: string): Promise<void>;

  mint(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  onEvent(listener: (event: LinkEvent) => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Hands a notification that came on its own to the request that it belongs to, or else to all listeners. */
  protected notified(message: Message, calls: CallsInFlight): void {
    const owner = ownerOfNotification(calls, message, this.#isShared);
    if (owner === undefined) this.emit({ kind: 'notification', message });
    else owner.deliver(message);
  }

  /**
   * Gets a server's request answered.
   *
   * @param owner - the call that it belongs to; `calls` where that has to be found out
   * @param send - sends the answer
   */
  protected async asked(
    message: Message,
    owner: PendingCall | CallsInFlight,
    send: (answer: Buffer) => Sent,
  ): Promise<void> {
    const call = owner instanceof PendingCall ? owner : ownerOfRequest(owner, this.#isShared);
    const onRefused = (method: string): void => this.emit({ kind: 'refused-request', method });
    const answer = await answerServerRequest(message, call, this.#ask, onRefused);
    if (this.state === 'closed') return;
    const failure = await send(answer);
    if (failure === undefined) return;
    this.emit({ kind: 'dropped', detail: `an answer to ${String(message.method)}: ${failure.text}` });
  }

  /** Tells all listeners. */
  protected emit(event: LinkEvent): void {
    this.#listeners.emit(event);
  }

  /** Returns the failure of whatever is wanted of a conversation that has ended. `reason` is for the log. */
  protected endedFailure(reason?: string): LinkFailure {
    const more = reason === undefined ? {} : { detail: reason };
    return linkFailure('closed', `The conversation with ${this.name} has ended.`, more);
  }
}
