// Many callers that only listen, half with `subscriptions/listen`, half with the GET stream of a legacy session, in
// front of the real gateway, while somebody else makes ordinary calls.
import { connect, type Socket } from 'node:net';
import { createKey, LegacySession, modernRevision, startGateway, waitFor, type Gateway } from '@sallyport/testkit';
import { holdingOf, settledHolding, type Holding } from './gateway-holding.ts';
import { makeCallsApart } from './ordinary-load-apart.ts';
import { medianOf, type LoadResult, type OrdinaryLoad } from './ordinary-load.ts';
import { startTroubleServer } from './trouble-server.ts';

/** How much of it. */
export interface IdleOptions {
  readonly listeners: number;
  /** Ordinary calls of one round. */
  readonly calls: number;
  /** Rounds before the listeners come, and as many with them. */
  readonly rounds: number;
}

/** What came of it. */
export interface IdleResult {
  /** Listeners that were let in, of each kind. */
  readonly modern: number;
  readonly legacy: number;
  /** What those were told who were not. */
  readonly refusals: readonly string[];
  /** Listeners that heard that a list had changed. */
  readonly heard: number;
  /** Listeners whose stream ended before they left. */
  readonly lost: number;
  readonly quiet: LoadResult;
  readonly loaded: LoadResult;
  readonly before: Holding;
  readonly with: Holding;
  /** After all of them had left. */
  readonly after: Holding;
}

/** Listeners of one key and kind: below the bound on sessions of one caller. */
const perKey = 250;
/** Listeners that are opened at once. */
const width = 20;

/** Runs it with a gateway of its own. */
export async function runIdleListeners({ listeners, calls, rounds }: IdleOptions): Promise<IdleResult> {
  const upstream = await startTroubleServer();
  const gateway = await startGateway({
    config: {
      admin: false,
      callers: { keys: true },
      roles: { everyone: { tools: ['*'] } },
      limits: { perAddress: '100000/s burst 100000', concurrentPerCaller: 2 * perKey },
      upstreams: { files: { url: upstream.url } },
    },
  });
  const url = `${gateway.url}/files`;
  const streams: IdleStream[] = [];
  try {
    const half = Math.floor(listeners / 2);
    const names = Array.from({ length: Math.ceil(half / perKey) }, (_, index) => `idle-${index}`);
    const key = await createKey(gateway.dir, { name: 'ordinary', role: 'everyone' });
    const keys: string[] = [];
    for (const name of names) keys.push(await createKey(gateway.dir, { name, role: 'everyone' }));
    const load = { url, key, calls };
    await makeCallsApart(load);
    const quiet = await measure(load, rounds);
    const before = holdingOf(gateway);

    const keyFor = (index: number): string => keys[Math.floor(index / perKey)] ?? '';
    const modern = await openMany(half, (index) => openModern(gateway, keyFor(index)));
    const legacy = await openMany(half, (index) => openLegacy(gateway, url, keyFor(index)));
    streams.push(...modern, ...legacy);
    const isOpen = ({ status }: IdleStream): boolean => status === 200;
    const opened = streams.filter(isOpen);
    const loaded = await measure(load, rounds);
    const held = holdingOf(gateway);
    upstream.change();
    const heard = (): number => opened.filter(({ hasHeard }) => hasHeard()).length;
    // Who hears nothing is counted, and not waited for any longer.
    await waitFor(() => heard() === opened.length, { ceilingMs: 60_000, what: 'every listener' }).catch(() => {});
    const result = {
      modern: modern.filter(isOpen).length,
      legacy: legacy.filter(isOpen).length,
      refusals: [...new Set(streams.filter((each) => !isOpen(each)).map(({ status }) => `HTTP ${status}`))],
      heard: heard(),
      lost: opened.filter(({ socket }) => socket.destroyed || socket.readableEnded).length,
    };
    for (const { socket } of streams) socket.destroy();
    return { ...result, quiet, loaded, before, with: held, after: await settledHolding(gateway, before) };
  } finally {
    for (const { socket } of streams) socket.destroy();
    await gateway.stop();
    await upstream.close();
  }
}

/** The middle of some rounds. */
async function measure(load: OrdinaryLoad, rounds: number): Promise<LoadResult> {
  const results: LoadResult[] = [];
  for (let round = 0; round < rounds; round += 1) results.push(await makeCallsApart(load));
  return {
    calls: results.reduce((sum, { calls }) => sum + calls, 0),
    wrong: results.reduce((sum, { wrong }) => sum + wrong, 0),
    p50: medianOf(results.map(({ p50 }) => p50)),
    p99: medianOf(results.map(({ p99 }) => p99)),
  };
}

/** One stream that is held open. */
interface IdleStream {
  readonly socket: Socket;
  /** Of the answer's head; 0 when none came. */
  readonly status: number;
  hasHeard(): boolean;
}

async function openMany(count: number, open: (index: number) => Promise<IdleStream>): Promise<IdleStream[]> {
  const streams: IdleStream[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) streams.push(await open(next++));
  };
  await Promise.all(Array.from({ length: width }, worker));
  return streams;
}

function openModern({ host, port }: Gateway, key: string): Promise<IdleStream> {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': modernRevision,
    'io.modelcontextprotocol/clientCapabilities': {},
    'io.modelcontextprotocol/clientInfo': { name: 'idle', version: '1.0.0' },
  };
  const params = { notifications: { toolsListChanged: true }, _meta };
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'subscriptions/listen', params });
  const headers = {
    authorization: `Bearer ${key}`,
    'content-type': 'application/json',
    'content-length': String(body.length),
    'mcp-protocol-version': modernRevision,
    'mcp-method': 'subscriptions/listen',
  };
  return openStream(host, port, 'POST', headers, body);
}

async function openLegacy({ host, port }: Gateway, url: string, key: string): Promise<IdleStream> {
  const session = await LegacySession.open(url, { key });
  return openStream(host, port, 'GET', session.headers(), '');
}

/** Opens a stream on a bare socket: ten thousand of them cost little here, so that what is measured is the gateway. */
function openStream(
  host: string,
  port: number,
  method: string,
  headers: Readonly<Record<string, string>>,
  body: string,
): Promise<IdleStream> {
  const lines = Object.entries({ host: `${host}:${port}`, accept: 'application/json, text/event-stream', ...headers });
  const head = `${method} /mcp/files HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
  return new Promise((resolve) => {
    let isListening = false;
    let hasHeard = false;
    let rest = '';
    const socket = connect({ host, port });
    const done = (status: number): void => {
      isListening = true;
      resolve({ socket, status, hasHeard: () => hasHeard });
    };
    socket.on('connect', () => socket.write(head + body));
    socket.on('data', (chunk) => {
      // The message may come in pieces, and is short.
      rest = (rest + chunk.toString('latin1')).slice(-4096);
      if (rest.includes('list_changed')) hasHeard = true;
      if (isListening) return;
      // The stream is open when its first event is there.
      const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(rest)?.[1] ?? 0);
      if (status !== 200 || /\r\n\r\n[\s\S]*data:/.test(rest)) done(status);
    });
    socket.on('error', () => {});
    socket.on('close', () => done(0));
  });
}
