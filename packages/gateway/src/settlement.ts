/**
 * Who still has to be waited for after start: a call waits for the server that it names, a list for all that it shows,
 * and nobody waits for long.
 */

/** The servers that have been neither ready nor sick yet. */
export interface Settlement {
  /** Counts a server as starting until the promise settles. */
  begin(name: string, settled: Promise<unknown>): void;
  /**
   * Resolves once the named servers have settled.
   *
   * @param names - default: all
   * @returns `undefined` when there is nothing to wait for
   */
  wait(names?: readonly string[]): Promise<void> | undefined;
  /** Lets everybody go on who waits. */
  giveUp(): void;
}

/** Makes a settlement that nobody has to wait for. */
export function createSettlement(): Settlement {
  const starting = new Map<string, Promise<void>>();
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  return {
    begin(name, settled) {
      const done = settled.then(
        () => void starting.delete(name),
        () => void starting.delete(name),
      );
      starting.set(name, done);
    },
    wait(names) {
      if (starting.size === 0) return undefined;
      const pending = names === undefined ? [...starting.values()] : names.flatMap((name) => starting.get(name) ?? []);
      if (pending.length === 0) return undefined;
      return Promise.race([Promise.all(pending).then(() => undefined), released]);
    },
    giveUp() {
      starting.clear();
      release();
    },
  };
}
