/** `sallyport run --stdio`: joins a running gateway, or becomes one that others can join. Stdout carries JSON-RPC only. */
import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { controlPath, openControl, type GatewayLogLine, type RunningGateway } from '@sallyport/gateway';
import { requireConfig } from './configuration.ts';
import { configFiles, type CommonOptions, type Context } from './context.ts';
import { openControlDoor } from './control.ts';
import { exitCodes, Failure } from './failure.ts';
import { busyFailure, startFailure, tryStartGateway, untilSignal } from './gateway.ts';
import { plain } from './terminal.ts';

/** How long another gateway that starts at the same moment may take to let us in, milliseconds. */
const joinTimeout = 10_000;

/** Serves one client program until it hangs up. */
export async function runStdio(
  options: CommonOptions & { readonly verbose: boolean },
  context: Context,
): Promise<number> {
  const files = configFiles(options, context.host);
  const path = controlPath({ files });
  const joined = await openControlDoor(path);
  if (joined !== undefined) return passThrough(joined);

  const config = await requireConfig(options, context);
  const started = await tryStartGateway(config, { files, opensDoors: false, onLog: logTo(context, options.verbose) });
  if ('fault' in started) {
    // Two programs that start at once both found nobody; the one that came second joins the first.
    if (started.fault !== 'locked' && started.fault !== 'running') throw startFailure(started);
    return passThrough(await joinSoon(path, await busyFailure(started, files)));
  }
  return serve(started, path);
}

/** Serves this process's own client and whoever joins, until all have hung up. */
async function serve(gateway: RunningGateway, path: string): Promise<number> {
  const guests = new Set<Promise<void>>();
  const control = await openControl(path, {
    openStdio: (socket, role) => {
      const { closed } = gateway.openStdio(socket, socket, role === undefined ? {} : { role });
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
  const own = gateway.openStdio(process.stdin, process.stdout);
  const signal = untilSignal();
  await Promise.race([own.closed, signal]);
  const isSignalled = await Promise.race([signal.then(() => true), allGone(guests).then(() => false)]);
  await control?.close();
  await gateway.close(isSignalled ? undefined : 2_000);
  process.stdin.destroy();
  return exitCodes.fine;
}

async function allGone(guests: ReadonlySet<Promise<void>>): Promise<void> {
  while (guests.size > 0) await Promise.race(guests);
}

async function joinSoon(path: string, failure: Failure): Promise<Socket> {
  const deadline = performance.now() + joinTimeout;
  while (performance.now() < deadline) {
    const socket = await openControlDoor(path);
    if (socket !== undefined) return socket;
    await wait(100);
  }
  throw failure;
}

/** Connects our stdin and stdout with a door elsewhere. */
async function passThrough(socket: Socket): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  let hasClientLeft = false;
  process.stdin.on('end', () => {
    hasClientLeft = true;
  });
  socket.on('close', () => resolve(hasClientLeft));
  socket.on('error', () => socket.destroy());
  process.stdin.pipe(socket);
  socket.pipe(process.stdout, { end: false });
  void untilSignal().then(() => {
    hasClientLeft = true;
    socket.destroy();
  });
  const isDone = await promise;
  process.stdin.destroy();
  if (isDone) return exitCodes.fine;
  throw new Failure('the gateway stopped', 'start it again:  sallyport run');
}

function logTo({ terminal }: Context, isVerbose: boolean) {
  return ({ level, server, text }: GatewayLogLine): void => {
    if (level === 'warning' || isVerbose)
      terminal.note(`sallyport: ${server === undefined ? '' : `${plain(server)} `}${plain(text)}`);
  };
}
