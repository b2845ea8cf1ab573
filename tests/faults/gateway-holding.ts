// What the process of a gateway holds: memory and descriptors, as Linux tells them.
import { readdirSync, readFileSync } from 'node:fs';
import { waitFor, type Gateway } from '@sallyport/testkit';

/** What a process holds. */
export interface Holding {
  /** Resident memory, bytes. */
  readonly memory: number;
  readonly descriptors: number;
}

/** Looks at the gateway's process; all zero on systems that do not tell. */
export function holdingOf({ process: { pid } }: Gateway): Holding {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const kilobytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
    return { memory: kilobytes * 1024, descriptors: readdirSync(`/proc/${pid}/fd`).length };
  } catch {
    return { memory: 0, descriptors: 0 };
  }
}

/** Waits until the descriptors are about what they were, and looks again. */
export async function settledHolding(gateway: Gateway, before: Holding): Promise<Holding> {
  const isSettled = (): boolean => holdingOf(gateway).descriptors <= before.descriptors + spare;
  await waitFor(isSettled, { ceilingMs: 60_000, everyMs: 50, what: 'the connections to be gone' });
  return holdingOf(gateway);
}

/** Connections that are kept for further use, on both sides. */
const spare = 16;
