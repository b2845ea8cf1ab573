/** The calls that run now, so that a block stops them too, and not only those that come after it. */
import type { Blocks, Intended, Received } from '@sallyport/guard';

/** Why a running call was stopped; refusals are made of these. */
export const stopReasons = {
  caller: 'an administrator blocked the caller',
  target: 'an administrator blocked the target',
  credential: 'the key of the caller was revoked',
} as const;

/** What has reached a server and has not ended. */
export interface RunningCalls {
  /** Notes a call until it is forgotten. */
  add(exchange: Intended): void;
  /** Forgets what has ended; harmless for what was never noted. */
  forget(exchange: Received): void;
  /** Stops every call that a block forbids, or whose caller's key was revoked. */
  stop(blocks: Blocks, isRevoked: (principal: string) => boolean): void;
  readonly size: number;
}

/** Makes the set of running calls. */
export function createRunningCalls(): RunningCalls {
  const running = new Map<Received, Intended>();
  return {
    add(exchange) {
      if (exchange.message.kind === 'request') running.set(exchange, exchange);
    },
    forget: (exchange) => void running.delete(exchange),
    stop(blocks, isRevoked) {
      for (const exchange of [...running.values()]) {
        const reason = findReason(exchange, blocks, isRevoked);
        if (reason !== undefined) exchange.cancellation.cancel(reason);
      }
    },
    get size() {
      return running.size;
    },
  };
}

function findReason(
  { principal, target }: Intended,
  blocks: Blocks,
  isRevoked: (principal: string) => boolean,
): string | undefined {
  if (blocks.isBlocked('caller', principal.id)) return stopReasons.caller;
  if (isRevoked(principal.id)) return stopReasons.credential;
  if (target.upstream === undefined) return undefined;
  const isStopped =
    blocks.isBlocked('upstream', target.upstream) || (target.kind === 'tool' && blocks.isBlocked('tool', target.key));
  return isStopped ? stopReasons.target : undefined;
}
