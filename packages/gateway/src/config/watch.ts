/**
 * Hot reload. Folders are watched rather than files, because editors and Kubernetes replace files and links; a poll
 * finds what the watching misses. A new configuration is validated first and replaces the old one whole, or not at all.
 */
import { watch } from 'node:fs';
import { dirname } from 'node:path';
import { diffConfig, isUnchanged, type ConfigChanges } from './diff.ts';
import { fingerprintNow, type SourcePaths } from './fingerprint.ts';
import { loadConfig, readTlsAgain } from './load.ts';
import type { ConfigPorts } from './ports.ts';
import type { Problem } from './problem.ts';
import type { Config } from './types.ts';

/** How long changes are gathered before they are looked at, milliseconds. */
const SETTLE_MS = 100;
/** How often files are looked at without being told, milliseconds. */
const POLL_MS = 300;

/** What watching needs from outside. */
export interface WatchPorts extends ConfigPorts {
  /** Calls `onChange` when entries of the folder change; an absent folder is not watched. Returns how to stop. */
  watchFolder(path: string, onChange: () => void): () => void;
  /** Calls `run` once after `ms` milliseconds. Returns how to forget it. */
  schedule(ms: number, run: () => void): () => void;
}

/** Adds watching to the ports of this process. Neither watching nor polling keeps the process alive. */
export function systemWatchPorts(ports: ConfigPorts): WatchPorts {
  return {
    ...ports,
    watchFolder: (path, onChange) => {
      try {
        const watcher = watch(path, { persistent: false }, onChange);
        watcher.on('error', () => watcher.close());
        return () => watcher.close();
      } catch {
        // The poll still sees the files of a folder that cannot be watched.
        return () => undefined;
      }
    },
    schedule: (ms, run) => {
      const timer = setTimeout(run, ms);
      timer.unref();
      return () => clearTimeout(timer);
    },
  };
}

/** Who is told. Calls never overlap. */
export interface WatchListener {
  /** A new configuration is right and in force once this returns. */
  onChange(config: Config, changes: ConfigChanges, warnings: readonly Problem[]): void | Promise<void>;
  /** The files are wrong, so the configuration stays as it was. Called once for each content. */
  onProblem(problems: readonly Problem[]): void;
  /** Something in the files is wrong, and certificate, key or authorities are new: they alone are in force from now on. */
  onRenewed?(config: Config): void;
  /** The files were wrong and now say again what is in force. */
  onMended?(): void;
}

/** Watching that has begun. */
export interface ConfigWatch {
  /** Looks at the files now and resolves when what they say is in force or reported. */
  check(): Promise<void>;
  /** Stops; a check that runs is finished first. */
  close(): Promise<void>;
}

/**
 * Watches what a configuration was read from and reloads it within a second of a change.
 *
 * @param files as given to `loadConfig`; at least one, else `RangeError`.
 * @param current the configuration in force; a change since it was read is found at the first look.
 */
export function watchConfig(
  files: readonly string[],
  current: Config,
  ports: WatchPorts,
  listener: WatchListener,
): ConfigWatch {
  if (files.length === 0) throw new RangeError('there is no file to watch');
  let inForce = current;
  let sources: SourcePaths = current;
  let stamp = '';
  let fingerprint = current.fingerprint;
  let isBroken = false;
  let isClosed = false;
  let running: Promise<void> | undefined;
  let cancelSettle: (() => void) | undefined;
  let cancelPoll: (() => void) | undefined;
  const stops = new Map<string, () => void>();

  const look = async (): Promise<void> => {
    const newStamp = await stampOf(sources, ports);
    if (newStamp === stamp) return;
    if ((await fingerprintNow(sources, ports)) === fingerprint) {
      stamp = newStamp;
      return;
    }
    const loaded = await loadConfig(files, ports);
    if (isClosed) return;
    const found = loaded.ok ? loaded.config : loaded.sources;
    const wider = loaded.ok ? found : union(sources, found);
    const widerStamp = await stampOf(wider, ports);
    const widerFingerprint = await fingerprintNow(wider, ports);
    // Files that were being written while they were read are read again.
    if ((await fingerprintNow(found, ports)) !== found.fingerprint) return settle();
    sources = wider;
    stamp = widerStamp;
    fingerprint = widerFingerprint;
    follow();
    const wasBroken = isBroken;
    isBroken = !loaded.ok;
    if (!loaded.ok) {
      await renewTls();
      listener.onProblem(loaded.problems);
      return;
    }
    const changes = diffConfig(inForce, loaded.config);
    const before = inForce;
    inForce = loaded.config;
    if (isUnchanged(changes) && isSamePlaces(before, loaded.config)) {
      if (wasBroken) listener.onMended?.();
      return;
    }
    await listener.onChange(loaded.config, changes, loaded.warnings);
  };

  /** A certificate is not left to run out because something else in the file is wrong. */
  const renewTls = async (): Promise<void> => {
    const found = await readTlsAgain(inForce, ports);
    if (found === undefined) return;
    const renewed = { ...inForce, tls: found };
    if (!diffConfig(inForce, renewed).tls) return;
    inForce = renewed;
    listener.onRenewed?.(renewed);
  };

  const check = (): Promise<void> => {
    const after = running ?? Promise.resolve();
    const next = after.then(() => (isClosed ? undefined : look()));
    const settled = next.finally(() => {
      if (running === settled) running = undefined;
    });
    running = settled;
    return settled;
  };

  const settle = (): void => {
    if (isClosed || cancelSettle !== undefined) return;
    cancelSettle = ports.schedule(SETTLE_MS, () => {
      cancelSettle = undefined;
      void check();
    });
  };

  const poll = (): void => {
    cancelPoll = ports.schedule(POLL_MS, () => {
      void check().finally(() => {
        if (!isClosed) poll();
      });
    });
  };

  const follow = (): void => {
    const folders = new Set([...sources.files, ...sources.secretFiles].map((path) => dirname(path)));
    for (const folder of sources.folders) folders.add(folder);
    for (const [folder, stop] of stops) {
      if (folders.has(folder)) continue;
      stop();
      stops.delete(folder);
    }
    for (const folder of folders) if (!stops.has(folder)) stops.set(folder, ports.watchFolder(folder, settle));
  };

  follow();
  poll();

  return {
    check,
    close: async () => {
      isClosed = true;
      cancelSettle?.();
      cancelPoll?.();
      for (const stop of stops.values()) stop();
      stops.clear();
      await running;
    },
  };
}

function union(one: SourcePaths, other: SourcePaths): SourcePaths {
  return {
    files: [...new Set([...one.files, ...other.files])],
    secretFiles: [...new Set([...one.secretFiles, ...other.secretFiles])],
    folders: [...new Set([...one.folders, ...other.folders])],
  };
}

/** Explanations point at lines, so rules that only moved are news too. */
function isSamePlaces(one: Config, other: Config): boolean {
  return (
    JSON.stringify([one.deny, one.roles, one.upstreams.map(place)]) ===
    JSON.stringify([other.deny, other.roles, other.upstreams.map(place)])
  );
}

function place(upstream: Config['upstreams'][number]): unknown {
  return upstream.origin;
}

/** A cheap sign of change: no file is read. */
async function stampOf(sources: SourcePaths, ports: ConfigPorts): Promise<string> {
  const parts = [...sources.files, ...sources.secretFiles].map(async (path) => {
    const facts = await ports.facts(path);
    return typeof facts === 'string' ? facts : facts.stamp;
  });
  return JSON.stringify([await Promise.all(parts), await namesIn(sources, ports)]);
}

async function namesIn(sources: SourcePaths, ports: ConfigPorts): Promise<unknown> {
  return Promise.all(
    sources.folders.map(async (folder) => {
      const names = await ports.list(folder);
      return typeof names === 'string' ? names : [...names].sort();
    }),
  );
}
