/**
 * The last resort against servers that outlive the gateway: whatever ends this process without stopping them first (a
 * second Ctrl-C, a bug) kills their process groups on the way out. After SIGKILL nothing runs; custody sees to that.
 */
import type { SpawnChild } from './upstreams/stdio/child.ts';

/** Keeps count of process groups. */
export interface LastResort {
  /** Starts a child and remembers its group until nothing of it is left. */
  readonly spawn: SpawnChild;
  /** Kills every group that is left, synchronously. */
  kill(): void;
}

/** Sends a signal to a process, or to a group by its negative number; 0 only asks. Throws when there is none. */
export type SendSignal = (target: number, signal: 'SIGKILL' | 0) => unknown;

/**
 * Makes a last resort.
 *
 * @param spawn starts children as leaders of groups of their own
 */
export function createLastResort(
  spawn: SpawnChild,
  send: SendSignal = (target, signal) => process.kill(target, signal),
  platform: NodeJS.Platform = process.platform,
): LastResort {
  const groups = new Set<number>();
  const reaches = (pid: number, signal: 'SIGKILL' | 0): boolean => {
    try {
      send(platform === 'win32' ? pid : -pid, signal);
      return true;
    } catch {
      return false;
    }
  };
  return {
    spawn: (request) => {
      const child = spawn(request);
      const { pid } = child;
      if (pid === undefined) return child;
      groups.add(pid);
      void child.exited.then(() => {
        // Its leader is gone, but others of the group may ignore signals.
        if (!reaches(pid, 0)) groups.delete(pid);
      });
      return child;
    },
    kill: () => {
      for (const pid of groups) reaches(pid, 'SIGKILL');
      groups.clear();
    },
  };
}
