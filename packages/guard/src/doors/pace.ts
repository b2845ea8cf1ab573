/**
 * How much one connection may do at once. A caller that sends faster than it is answered keeps everybody waiting, since
 * a refusal is a whole exchange too.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Replied } from '../exchange.ts';
import type { Ports } from '../ports.ts';
import type { RefusalName } from '../refusals.ts';

/** What becomes of one more request of a connection: it is served, served as the last, not served, or a reason to cut. */
export type Step = 'go' | 'last' | 'drop' | 'cut';

/** Requests of one HTTP connection that may begin in one turn of the event loop. */
const mostInTurn = 64;

/** Requests behind the last one that are let go unanswered before the connection is cut. */
const mostDropped = 1024;

/** Refusals for the limits of the address that one connection may collect within `refusalMs`. */
const mostRefusals = 8;

/** Milliseconds. */
const refusalMs = 1000;

const ofAddress: ReadonlySet<RefusalName> = new Set(['address-limited', 'bad-requests-limited']);

/** Counts refusals for the limits of an address. */
export class Patience {
  private count = 0;
  private since = 0;

  /**
   * Notes how an exchange of the connection ended.
   *
   * @param replied - the exchange
   * @param now - monotonic time, milliseconds
   * @returns true when the connection should end
   */
  isSpentBy(replied: Replied, now: number): boolean {
    if (!('refusal' in replied) || !ofAddress.has(replied.refusal.name)) return false;
    if (this.count === 0 || now - this.since > refusalMs) {
      this.count = 0;
      this.since = now;
    }
    this.count += 1;
    return this.count >= mostRefusals;
  }
}

/** The requests of one HTTP connection. */
export class Pace {
  readonly patience = new Patience();
  /** Begun since the count began, which is no later than the last turn. */
  private begun = 0;
  private isTurning = false;
  private dropped = 0;
  private isOver = false;

  /** Takes one more request. */
  step(): Step {
    if (this.isOver) {
      this.dropped += 1;
      return this.dropped > mostDropped ? 'cut' : 'drop';
    }
    this.begun += 1;
    if (this.begun < mostInTurn) return 'go';
    if (!this.isTurning) {
      // Counted once in so many requests, so that the others cost a number only; what came before is forgiven.
      this.isTurning = true;
      this.begun = 0;
      setImmediate(() => {
        this.isTurning = false;
        this.begun = 0;
      });
      return 'go';
    }
    this.isOver = true;
    return 'last';
  }

  /** The connection's last answer is on its way (RFC 9112 §9.6). */
  end(): void {
    this.isOver = true;
  }
}

const paces = new WeakMap<object, Pace>();

/** The pace of a connection. */
export function paceOf(socket: object): Pace {
  let pace = paces.get(socket);
  if (pace === undefined) {
    pace = new Pace();
    paces.set(socket, pace);
  }
  return pace;
}

/** Makes a reply that is not yet written the last of its connection, where the caller has had too many refusals. */
export function endWhenSpent(
  { socket }: IncomingMessage,
  response: ServerResponse,
  replied: Replied,
  { ports }: { readonly ports: Pick<Ports, 'clock'> },
): void {
  const pace = paceOf(socket);
  if (!pace.patience.isSpentBy(replied, ports.clock.monotonic())) return;
  response.shouldKeepAlive = false;
  pace.end();
}
