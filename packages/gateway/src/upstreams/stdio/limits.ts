/**
 * Bounds on what a local server may use. The kernel bounds each of its processes (setrlimit(2), set by a shell that then
 * becomes the server); the family as a whole is looked at by `family-watch.ts`.
 */

/** What a server may use; what is absent is not bounded. */
export interface ResourceLimits {
  /** Bytes of memory of the server and all its processes together. */
  readonly memory?: number | undefined;
  /** Processes, the server's own included. */
  readonly processes?: number | undefined;
  /** Open files of each process. */
  readonly files?: number | undefined;
  /** Milliseconds of processor time of each process. */
  readonly cpu?: number | undefined;
}

const SHELL = '/bin/sh';
/** What a runtime sets aside without using it: Node reserves more than half a GiB before it runs anything. */
const RESERVED_KIB = 1024 * 1024;
/** Seconds between SIGXCPU, which tells what happened, and SIGKILL. */
const CPU_GRACE = 5;

/** True when nothing is bounded. */
export const isUnlimited = (limits: ResourceLimits | undefined): boolean =>
  limits === undefined || Object.values(limits).every((limit) => limit === undefined);

/**
 * Returns the command that sets the bounds of the kernel and then becomes the server. One that cannot be set ends it.
 *
 * @param command - program and arguments; no part of it is read by the shell
 */
export const limitedCommand = (
  command: readonly [string, ...string[]],
  limits: ResourceLimits | undefined,
): readonly [string, ...string[]] => {
  const steps = limits === undefined ? [] : shellSteps(limits);
  if (steps.length === 0) return command;
  return [SHELL, '-c', `${steps.map((step) => `${step} || exit 125`).join('; ')}; exec "$@"`, 'limits', ...command];
};

const shellSteps = ({ memory, files, cpu }: ResourceLimits): string[] => {
  const seconds = cpu === undefined ? 0 : Math.max(1, Math.ceil(cpu / 1000));
  return [
    ...(memory === undefined ? [] : [`ulimit -d ${Math.ceil(memory / 1024) + RESERVED_KIB}`]),
    ...(files === undefined ? [] : [`ulimit -n ${files}`]),
    ...(cpu === undefined ? [] : [`ulimit -S -t ${seconds}`, `ulimit -H -t ${seconds + CPU_GRACE}`]),
  ];
};

/** Says that a process ended because its processor time was used up; undefined when it did not. */
export const cpuVerdict = (
  limits: ResourceLimits | undefined,
  exit: { readonly code: number | null; readonly signal: string | null },
): string | undefined => {
  if (limits?.cpu === undefined) return undefined;
  // A sandbox reports the signal (24) as an exit code.
  const isOver = exit.signal === 'SIGXCPU' || exit.code === 128 + 24;
  return isOver ? `it used up its ${limits.cpu / 1000} s of processor time (limits.cpu)` : undefined;
};
