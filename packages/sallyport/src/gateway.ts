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
import { Failure } from './failure.ts';

/** What a command adds to the configuration when it starts a gateway. */
export type StartOptions = Omit<GatewayOptions, 'config' | 'configPorts'>;

const ways: Readonly<Record<string, string>> = {
  running: 'see it:  sallyport status',
  locked: 'another gateway writes there; see it:  sallyport status',
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
  if ('fault' in started) throw startFailure(started);
  return started;
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
