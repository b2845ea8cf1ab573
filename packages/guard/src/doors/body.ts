/** Reads request bodies: each into one buffer however small its pieces are, and of one caller only so many at once. */
import type { IncomingMessage } from 'node:http';
import { LineBuffer } from '@sallyport/protocol';
import type { Principal } from '../exchange.ts';
import { refuse, type Refusal } from '../refusals.ts';
import { senderOf } from '../addresses.ts';
import type { Limits } from '../rules.ts';

/** The bodies that are being read. */
export interface Bodies {
  /**
   * Reads a body to its end.
   *
   * @param request - what it belongs to; nothing has been read of it
   * @param owner - the caller whose bodies are counted together
   * @param limits - size of one body; the bounds on all of a caller follow from `body` and `concurrentPerCaller`
   * @returns the bytes, or why they were not taken
   */
  read(request: IncomingMessage, owner: string, limits: BodyLimits): Promise<Uint8Array | Refusal>;
  /** Callers with a body that is being read. */
  readonly size: number;
}

export type BodyLimits = Pick<Limits, 'body' | 'concurrentPerCaller'>;

/** Bodies of the largest size that one caller may have half read. */
const mostWhole = 16;

/** A share of everybody who holds no credential would be one that anybody can take from all others. */
export function bodyOwner({ id, kind }: Principal, address: string): string {
  return kind === 'anonymous' ? `anonymous ${senderOf(address)}` : id;
}

interface Share {
  count: number;
  bytes: number;
}

/** Makes the table. A caller without a body that is being read takes no memory. */
export function createBodies(): Bodies {
  const shares = new Map<string, Share>();
  return {
    read(request, owner, limits) {
      const limit = limits.body;
      // As many as the calls that may run, and some on their way.
      const mostCount = Math.max(64, 2 * limits.concurrentPerCaller);
      let share = shares.get(owner);
      if (share === undefined) {
        share = { count: 0, bytes: 0 };
        shares.set(owner, share);
      } else if (share.count >= mostCount) return Promise.resolve(tooMany(mostCount, share));
      share.count += 1;
      return gather(request, limit, share, () => {
        if (share.count === 0) shares.delete(owner);
      });
    },
    get size() {
      return shares.size;
    },
  };
}

function tooMany(limit: number, { count, bytes }: Share): Refusal {
  const note = `${count} bodies of the caller are being read, ${bytes} bytes so far`;
  return refuse('too-many-at-once', { fill: { limit }, note });
}

function gather(
  request: IncomingMessage,
  limit: number,
  share: Share,
  onRelease: () => void,
): Promise<Uint8Array | Refusal> {
  return new Promise((resolve) => {
    let first: Buffer | undefined;
    let rest: LineBuffer | undefined;
    let length = 0;
    let isOver = false;
    const end = (outcome: Uint8Array | Refusal): void => {
      if (isOver) return;
      isOver = true;
      share.count -= 1;
      share.bytes -= length;
      onRelease();
      resolve(outcome);
    };
    const stop = (refusal: Refusal): void => {
      request.pause();
      end(refusal);
      first = undefined;
      rest = undefined;
    };
    request.on('data', (chunk: Buffer) => {
      if (isOver) return;
      if (length + chunk.length > limit) {
        stop(refuse('body-too-large', { fill: { limit } }));
        return;
      }
      length += chunk.length;
      share.bytes += chunk.length;
      if (share.bytes > mostWhole * limit) {
        stop(tooMany(mostWhole, share));
        return;
      }
      if (first === undefined) first = chunk;
      else {
        rest ??= bufferOf(first, limit);
        rest.add(chunk);
      }
    });
    request.on('end', () => end(rest === undefined ? (first ?? Buffer.alloc(0)) : rest.take()));
    request.on('error', (cause) => end(refuse('body-timeout', { cause })));
    request.on('close', () => end(refuse('body-timeout', { note: 'the connection ended before the body did' })));
  });
}

function bufferOf(first: Uint8Array, limit: number): LineBuffer {
  const buffer = new LineBuffer(limit);
  buffer.add(first);
  return buffer;
}
