/** `sallyport call`: one tool call through the guard, at the running gateway or at one that lives for this call. */
import { PassThrough } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { controlPath, wireName, type ConfigOutline, type RunningGateway, type StateFault } from '@sallyport/gateway';
import { readArguments } from '../arguments.ts';
import { refusalExchange, resultLines } from '../call-result.ts';
import { requireConfig, requireOutline } from '../configuration.ts';
import { configFiles, ownCommand, type CommonOptions, type Context } from '../context.ts';
import { openControlDoor } from '../control.ts';
import { exitCodes, Failure, usageFailure } from '../failure.ts';
import { busyFailure, tryStartGateway } from '../gateway.ts';
import { createMcpCaller, isRecord, type RpcAnswer } from '../mcp-caller.ts';
import { askServer, whyAbsent } from '../running.ts';
import { shellQuote } from '../shell.ts';
import { keyOfSpoken } from '../try-out.ts';
import { plain } from '../terminal.ts';

/** Options of `call`. */
export interface CallOptions extends CommonOptions {
  /** A role. */
  readonly as?: string;
}

/** How long another command that is at work on the same state is waited for, and how long between two looks; ms. */
const busyTimeout = 60_000;
const busyPause = 100;

interface ToolCall {
  readonly server: string;
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** Calls a tool and shows its answer. Exit 1 when it was refused or failed. */
export async function call(words: readonly string[], options: CallOptions, context: Context): Promise<number> {
  const { terminal, host } = context;
  const [spoken = '', given = '{}'] = words;
  const config = await requireOutline(options, context);
  const servers = config.upstreams.map(({ name }) => name);
  const key = keyOfSpoken(spoken, servers);
  const toolCall = { ...readTarget(key, config), arguments: await readArguments(given, host) };
  const role = options.as ?? config.callers.local;
  if (role === undefined) throw usageFailure('callers.local names no role for you', 'give --as ROLE');
  if (!config.roles.some((one) => one.name === role)) {
    throw usageFailure(`no role called "${role}"`, `roles here: ${config.roles.map((one) => one.name).join(', ')}`);
  }
  const files = configFiles(options, host);
  const answer = await callSomewhere(toolCall, role, files, options, context);
  if (options.json)
    terminal.json(
      answer.kind === 'result'
        ? answer.result
        : { error: { code: answer.code, message: answer.message, data: answer.data } },
    );
  else {
    const unknown = answer.kind === 'error' ? await askServer(files, toolCall.server) : undefined;
    show(answer, key, unknown && whyAbsent(unknown, toolCall.tool), options, context);
  }
  return answer.kind === 'result' && answer.result['isError'] !== true ? exitCodes.fine : exitCodes.refused;
}

function readTarget(key: string, config: Pick<ConfigOutline, 'upstreams'>): Pick<ToolCall, 'server' | 'tool'> {
  const dot = key.indexOf('.');
  const server = key.slice(0, Math.max(0, dot));
  const tool = key.slice(dot + 1);
  const known = config.upstreams.map((upstream) => upstream.name);
  if (dot > 0 && tool !== '' && known.includes(server)) return { server, tool };
  throw usageFailure(
    `"${key}" is no tool of an upstream`,
    `write it as upstream.tool; upstreams here: ${known.join(', ') || 'none'}`,
  );
}

/**
 * Calls at the gateway that runs, or at one that lives for this call. Another command that is at work here meanwhile is
 * waited for: two calls at once are no mistake.
 */
async function callSomewhere(
  toolCall: ToolCall,
  role: string,
  files: readonly string[],
  options: CallOptions,
  context: Context,
): Promise<RpcAnswer> {
  const { terminal } = context;
  const deadline = performance.now() + busyTimeout;
  for (let tries = 0; ; tries += 1) {
    const socket = await openControlDoor(controlPath({ files }), options.as === undefined ? {} : { role: options.as });
    if (socket !== undefined) {
      return request({ input: socket, output: socket }, wireName(toolCall.server, toolCall.tool), toolCall);
    }
    if (tries === 0 && terminal.err.isTerminal)
      terminal.note(terminal.paintErr.dim(`no gateway runs; starting ${toolCall.server} for this call`));
    const gateway = await startAlone(toolCall, role, options, context);
    if (!('fault' in gateway)) return callAlone(gateway, toolCall);
    if (gateway.fault !== 'locked' || performance.now() > deadline) throw await busyFailure(gateway, files);
    await wait(busyPause);
  }
}

/** Starts a gateway without doors, and of the servers only the one that is called. */
async function startAlone(
  { server }: ToolCall,
  role: string,
  options: CallOptions,
  context: Context,
): Promise<RunningGateway | StateFault> {
  const config = await requireConfig(options, context);
  const upstreams = config.upstreams.filter((upstream) => upstream.name === server);
  return tryStartGateway(
    { ...config, callers: { ...config.callers, local: role }, upstreams },
    { files: [], opensDoors: false },
  );
}

async function callAlone(gateway: RunningGateway, toolCall: ToolCall): Promise<RpcAnswer> {
  try {
    const toDoor = new PassThrough();
    const fromDoor = new PassThrough();
    gateway.openStdio(toDoor, fromDoor, { path: { kind: 'server', server: toolCall.server } });
    return await request({ input: fromDoor, output: toDoor }, toolCall.tool, toolCall);
  } finally {
    await gateway.close(2_000);
  }
}

async function request(
  streams: Parameters<typeof createMcpCaller>[0],
  name: string,
  toolCall: ToolCall,
): Promise<RpcAnswer> {
  const caller = createMcpCaller(streams, '0');
  try {
    return await caller.request('tools/call', { name, arguments: toolCall.arguments });
  } finally {
    caller.close();
  }
}

function show(
  answer: RpcAnswer,
  key: string,
  absence: string | undefined,
  options: CallOptions,
  { terminal, host }: Context,
): void {
  const { paintErr } = terminal;
  const as = options.as === undefined ? '' : `--as ${shellQuote(options.as)} `;
  const seeWhy = (words: string) => `see:  ${ownCommand('explain', words, options, host)}`;
  if (answer.kind === 'error') {
    const id = refusalExchange(answer.data);
    // A caller is told "unknown"; the operator may know why.
    if (absence !== undefined) throw new Failure(absence, `see:  ${ownCommand('status', '', options, host)}`);
    throw new Failure(plain(answer.message), seeWhy(id ?? `${as}${shellQuote(key)}`));
  }
  const isError = answer.result['isError'] === true;
  for (const line of resultLines(answer.result)) terminal.print(terminal.out.isTerminal ? plain(line) : line);
  if (!isError) return;
  const meta = answer.result['_meta'];
  const id = refusalExchange(isRecord(meta) ? meta['io.sallyport/refusal'] : undefined);
  terminal.note(paintErr.red(id === undefined ? '✗ the tool reports an error' : `✗ refused; ${seeWhy(id)}`));
}
