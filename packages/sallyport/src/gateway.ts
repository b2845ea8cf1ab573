/** Starts a gateway inside this process for a command, and says what keeps it from starting. */
import {
  controlPath,
  findControlDanger,
  startGateway,
  systemConfigPorts,
  type Config,
  type GatewayOptions,
  type RunningGateway,
  type StateFault,
} from '@sallyport/gateway';
import { askGateway } from './control.ts';
import { Failure } from './failure.ts';
import { isStatus } from './running.ts';

/** What a command adds to the configuration when it starts a gateway. */
export type StartOptions = Omit<GatewayOptions, 'config' | 'configPorts'>;

/** What helps when the master key of keys that are there is gone. */
export const missingWay = 'put it back; to begin anew without those keys, move the store away too';

const ways: Readonly<Record<string, string>> = {
  running: 'see it:  sallyport status',
  locked: 'another gateway writes there; see it:  sallyport status',
  missing: missingWay,
  listen: 'choose another address in the configuration, or stop what has it',
};

/** Starts a gateway, or returns what keeps it from starting. */
export async function tryStartGateway(config: Config, options: StartOptions): Promise<RunningGateway | StateFault> {
  const danger = options.files.length === 0 ? undefined : await findControlDanger(controlPath(config));
  if (danger !== undefined) return { fault: 'unsafe', message: `The control socket is not safe: ${danger}` };
  return startGateway({ ...options, config, configPorts: systemConfigPorts() });
}

/** Starts a gateway, or fails with the way out. */
export async function requireGateway(config: Config, options: StartOptions): Promise<RunningGateway> {
  const started = await tryStartGateway(config, options);
  if ('fault' in started) throw await busyFailure(started, options.files);
  return started;
}

/**
 * As `startFailure`, and names who it is that has the state where another process has it.
 *
 * @param files as given with `-c`; empty when no control socket is there to ask
 */
export async function busyFailure(fault: StateFault, files: readonly string[]): Promise<Failure> {
  if (files.length === 0 || (fault.fault !== 'locked' && fault.fault !== 'running')) return startFailure(fault);
  const answer = await askGateway(controlPath({ files }), 'status').catch(() => undefined);
  const made = isStatus(answer)
    ? answer.endpoint === undefined
      ? new Failure(
          `a "run --stdio" of a client program (process ${answer.pid}) is the gateway here now`,
          'close that program, then:  sallyport run  (client programs join it)',
        )
      : new Failure(`a gateway runs here already (process ${answer.pid})`, 'see it:  sallyport status')
    : new Failure(fault.message, 'another command is at work here; try again when it has ended');
  made.fault = fault.fault;
  return made;
}

/** Turns what keeps a gateway from starting into the end of a command. */
export function startFailure({ fault, message, cause }: StateFault): Failure {
  const failure = new Failure(message, ways[fault] ?? 'look closer:  sallyport doctor', 1, { cause });
  failure.fault = fault;
  return failure;
}

/** Resolves at the first signal that asks to stop; a second one ends the process at once. */
export function untilSignal(): Promise<NodeJS.Signals> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      resolve(signal);
      process.once(signal, () => process.exit(130));
    });
  }
  return promise;
}
