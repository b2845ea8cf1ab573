/** A trail's options with their defaults filled in. */
import type { TrailOptions } from './options.ts';

const MEBIBYTE = 1024 * 1024;

/** Options of which none is absent. */
export type TrailSettings = { readonly [Name in keyof TrailOptions]-?: Exclude<TrailOptions[Name], undefined> };

function scheduleTimer(ms: number, task: () => void): () => void {
  const timer = setTimeout(task, ms).unref();
  return () => clearTimeout(timer);
}

/** Fills in the defaults that {@link TrailOptions} names. */
export function fillDefaults(options: TrailOptions): TrailSettings {
  return {
    ...options,
    rotateBytes: options.rotateBytes ?? 64 * MEBIBYTE,
    keepMs: options.keepMs ?? Infinity,
    checkpointEvery: options.checkpointEvery ?? { ms: 60_000, records: 1000 },
    reserveFraction: options.reserveFraction ?? 0.05,
    queueBytes: options.queueBytes ?? 16 * MEBIBYTE,
    onState: options.onState ?? (() => undefined),
    schedule: options.schedule ?? scheduleTimer,
  };
}
