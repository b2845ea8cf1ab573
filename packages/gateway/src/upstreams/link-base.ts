/** What every conversation has, whatever carries it: who answers, whether it is open, its ids and its listeners. */
import type { Era } from '@sallyport/protocol';
import {
  linkFailure,
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

const UNKNOWN_PEER: LinkPeer = {
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
  readonly #listeners = new Listeners<LinkEvent>();
  #lastId = 0;

  constructor(carrier: Carrier, options: OpenOptions) {
    this.carrier = carrier;
    this.name = options.name;
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
