/** How many answers to a server's own requests may be on their way at once: a server asks faster than it listens. */
import type { Sent } from './channel.ts';
import { linkFailure } from './link.ts';

/** More than any server that takes its answers has waiting. */
const MOST_ANSWERS = 64;

/** Counts the answers of one conversation. */
export class AnswerLimit {
  readonly #name: string;
  #onTheirWay = 0;

  /** @param name the upstream's name, for texts */
  constructor(name: string) {
    this.#name = name;
  }

  /**
   * Sends an answer, unless too many have not been taken yet.
   *
   * @param post - sends it; counted until what it returns has settled
   * @returns what `post` returned, or why the answer was dropped
   */
  send(post: () => Sent): Sent {
    if (this.#onTheirWay >= MOST_ANSWERS) {
      const detail = 'it does not take the answers to what it asks';
      return linkFailure('busy', `${this.#name} is too busy.`, { detail });
    }
    const sent = post();
    if (!(sent instanceof Promise)) return sent;
    this.#onTheirWay += 1;
    return sent.finally(() => {
      this.#onTheirWay -= 1;
    });
  }
}
