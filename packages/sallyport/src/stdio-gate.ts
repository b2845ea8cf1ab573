/** `sallyport run --stdio`: joins a running gateway, or becomes one that others can join. Stdout carries JSON-RPC only. */
import type { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import {
  controlPath,
  nearest,
  openControl,
  type DoorWish,
  type GatewayLogLine,
  type RunningGateway,
} from '@sallyport/gateway';
import { requireConfig, requireOutline } from './configuration.ts';
import { configFiles, type CommonOptions, type Context } from './context.ts';
import { askGateway, openControlDoor } from './control.ts';
import { exitCodes, Failure, usageFailure } from './failure.ts';
import { busyFailure, startFailure, tryStartGateway, untilSignal } from './gateway.ts';
import { createRelay, type Leaving, type Relay } from './relay.ts';
import { isStatus } from './running.ts';
import { plain } from './terminal.ts';

/** How long another gateway that starts or stops at this moment may take until we can join it or be one, milliseconds. */
const joinTimeout = 20_000;
/** A conversation that lasted so long was one, milliseconds. */
const steadyTime = 1_000;

/** Serves one client program until it hangs up, at one gateway after the other where one ends before it does. */
export async function runStdio(
  options: CommonOptions & { readonly verbose: boolean; readonly at?: string },
  context: Context,
): Promise<number> {
  const { at } = options;
  const wish: DoorWish = at === undefined ? {} : { at };
  if (at !== undefined) await requirePlace(at, options, context);
  const files = configFiles(options, context.host);
  const path = controlPath({ files });
  const stopped = untilSignal();
  const own = { input: process.stdin, output: process.stdout };
  const end = new AbortController();
  void stopped.then(() => end.abort());
  let relay: Relay | undefined;
  // Where an operator runs the gateway it is the operator who starts it again: in its place we would keep it out.
  let mayBeGateway = true;
  let deadline = performance.now() + joinTimeout;
  while (!end.signal.aborted && relay?.hasEnded !== true) {
    const joined = await openControlDoor(path, wish);
    if (joined !== undefined) {
      mayBeGateway = await isClientsGateway(path);
      relay ??= createRelay(own);
      const began = performance.now();
      const leaving = await passThrough(joined, relay, stopped);
      if (leaving !== 'door closed') break;
      context.terminal.note('sallyport: the gateway stopped; waiting for the next');
      // A door that closes as soon as it opens is no gateway to go on with.
      if (performance.now() - began > steadyTime) deadline = performance.now() + joinTimeout;
    }
    const isTooLate = performance.now() > deadline;
    if (joined !== undefined || !mayBeGateway) {
      if (isTooLate) throw new Failure('the gateway stopped', 'start it again:  sallyport run');
      await wait(100);
      continue;
    }
    const config = await requireConfig(options, context);
    const started = await tryStartGateway(config, { files, opensDoors: false, onLog: logTo(context, options.verbose) });
    if (!('fault' in started)) {
      await serve(started, path, relay, stopped, wish);
      break;
    }
    // Two programs that start at once both found nobody: the one that came second joins the first. One that stops
    // needs a while to let its calls end.
    if (started.fault !== 'locked' && started.fault !== 'running') throw startFailure(started);
    if (isTooLate) throw await busyFailure(started, files);
    await wait(100);
  }
  process.stdin.destroy();
  return exitCodes.fine;
}

/** A name that leads nowhere is a mistake in a client's file, which its user should read about at once. */
async function requirePlace(at: string, options: CommonOptions, context: Context): Promise<void> {
  const { upstreams, views } = await requireOutline(options, context);
  const names = [...views, ...upstreams].map(({ name }) => name);
  if (names.includes(at)) return;
  const close = nearest(at, names);
  const way = close === undefined ? `here: ${names.join(', ') || 'none'}` : `did you mean ${close}?`;
  throw usageFailure(`there is no server or view called "${at}"`, way);
}

/** Says whether the gateway that runs is the door of another client program, and not one that an operator runs. */
async function isClientsGateway(path: string): Promise<boolean> {
  const answer = await askGateway(path, 'status').catch(() => undefined);
  return isStatus(answer) && answer.endpoint === undefined;
}

/**
 * Serves this process's own client and whoever joins, until all have hung up.
 *
 * @param relay through which the client has spoken with other gateways before, if it has
 * @param wish what the client wants to see
 */
async function serve(
  gateway: RunningGateway,
  path: string,
  relay: Relay | undefined,
  stopped: Promise<unknown>,
  wish: DoorWish,
): Promise<void> {
  const guests = new Set<Promise<void>>();
  const control = await openControl(path, {
    openStdio: (socket, asked) => {
      const { closed } = gateway.openStdio(socket, socket, asked);
      const gone = closed.then(() => {
        socket.end();
        guests.delete(gone);
      });
      guests.add(gone);
    },
    status: () => gateway.status(),
    configuration: () => gateway.configuration(),
    tools: () => gateway.tools(),
    refresh: () => gateway.refresh(),
  });
  await Promise.race([serveOwn(gateway, relay, wish), stopped]);
  await Promise.race([stopped, allGone(guests)]);
  await control?.close();
  // Whoever joined goes on with another gateway, which can be one only when this one has ended.
  await gateway.close(lastCallsTimeout);
}

/** Serves this process's own client until it hangs up. */
async function serveOwn(gateway: RunningGateway, relay: Relay | undefined, wish: DoorWish): Promise<void> {
  if (relay === undefined) {
    await gateway.openStdio(process.stdin, process.stdout, wish).closed;
    return;
  }
  const [toDoor, fromDoor] = [new PassThrough(), new PassThrough()];
  const { closed } = gateway.openStdio(toDoor, fromDoor, wish);
  void closed.then(() => fromDoor.end());
  await relay.attach({ input: fromDoor, output: toDoor });
}

/** How long calls that run when the last client is gone may take to end, milliseconds. */
const lastCallsTimeout = 2_000;

async function allGone(guests: ReadonlySet<Promise<void>>): Promise<void> {
  while (guests.size > 0) await Promise.race(guests);
}

/** Connects the client with a door elsewhere, until one of both has gone or a signal asks to stop. */
async function passThrough(socket: Socket, relay: Relay, stopped: Promise<unknown>): Promise<Leaving | 'stopped'> {
  socket.on('error', () => socket.destroy());
  const leaving = await Promise.race([relay.attach({ input: socket, output: socket }), stopped.then(() => undefined)]);
  socket.destroy();
  return leaving ?? 'stopped';
}

function logTo({ terminal }: Context, isVerbose: boolean) {
  return ({ level, server, text }: GatewayLogLine): void => {
    if (level === 'warning' || isVerbose)
      terminal.note(`sallyport: ${server === undefined ? '' : `${plain(server)} `}${plain(text)}`);
  };
}
