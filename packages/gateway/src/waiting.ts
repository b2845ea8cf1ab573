/** Waits that end, whatever is waited for. */

/** Waits for something, but no longer than `ms` milliseconds. Returns false when it did not come in time. */
export async function within(wanted: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const isDone = await Promise.race([wanted.then(() => true), enough]);
  clearTimeout(timer);
  return isDone;
}

/** Returns a promise that settles after `ms` milliseconds; unlike the timers of servers it keeps the process. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
