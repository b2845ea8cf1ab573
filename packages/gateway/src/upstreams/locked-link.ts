/**
 * Stands for the gateway's own conversation with a server that talks to nobody without a credential of theirs: the
 * server is there, but it is each caller's, so there is nothing that the gateway could ask it for itself.
 */
import { LinkBase } from './link-base.ts';
import type { Carrier, LinkAnswer, LinkFailure } from './link.ts';
import { linkFailure } from './link.ts';
import type { OpenOptions } from './options.ts';

/** A conversation in which nothing can be said. */
export class LockedLink extends LinkBase {
  readonly pending = 0;

  constructor(carrier: Carrier, options: OpenOptions) {
    super(carrier, options);
    this.era = 'modern';
  }

  request(): Promise<LinkAnswer> {
    return Promise.resolve({ kind: 'failure', failure: lockedFailure(this.name) });
  }

  notify(): Promise<LinkFailure | undefined> {
    return Promise.resolve(lockedFailure(this.name));
  }

  close(reason?: string): Promise<void> {
    if (this.state === 'closed') return Promise.resolve();
    this.state = 'closed';
    this.emit({ kind: 'closed', failure: this.endedFailure(reason) });
    return Promise.resolve();
  }
}

/** What the gateway is told when it wants something of such a server for itself. */
export const lockedFailure = (name: string): LinkFailure =>
  linkFailure('consent', `${name} talks only to callers with an account of their own.`);
