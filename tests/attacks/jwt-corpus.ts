// The corpus of tokens, and a gateway to send it to: its clock stands where the corpus says, its connections are written down.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import {
  readJsonl,
  splitResponses,
  startGateway,
  startRecordingUpstream,
  type Gateway,
  type RawResponse,
  type RecordingUpstream,
} from '@sallyport/testkit';
import { root } from '../../scripts/tree.ts';

/** One token. */
export interface TokenCase {
  readonly id: string;
  readonly expect: string;
  readonly token: string;
}

/** Reads the tokens of a corpus. */
export function readTokens(folder: string): readonly TokenCase[] {
  return readJsonl<TokenCase>(join(folder, 'tokens.jsonl'));
}

/** An answer, and how long it took, milliseconds. */
export interface Timed {
  readonly response: RawResponse | undefined;
  readonly ms: number;
}

/** A gateway that takes the corpus's issuer. */
export interface TokenBench {
  readonly gateway: Gateway;
  readonly upstream: RecordingUpstream;
  /** What the gateway had connected to or looked up when it was ready, its upstream aside. */
  readonly before: readonly string[];
  /** The same now. */
  connections(): Promise<readonly string[]>;
  /** Sends a token as it is, whatever clients would say of it, on a connection of its own. */
  send(token: string): Promise<Timed>;
  stop(): Promise<void>;
}

const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' });

/** Starts it. */
export async function openTokenBench(corpus: string): Promise<TokenBench> {
  const context = JSON.parse(await readFile(join(corpus, 'context.json'), 'utf8')) as {
    now: number;
    issuer: string;
    audience: string;
    acceptedAlgs: readonly string[];
  };
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-jwt-'));
  const upstream = await startRecordingUpstream();
  const keys = join(folder, 'jwks.json');
  const log = join(folder, 'connections');
  await writeFile(keys, await readFile(join(corpus, 'jwks.json')), { mode: 0o600 });
  const gateway = await startGateway({
    config: {
      callers: {
        jwt: [
          {
            issuer: context.issuer,
            jwks: `file:${keys}`,
            audience: [context.audience],
            algorithms: context.acceptedAlgs,
            agent: 'client_id',
            roles: { claim: 'scope', map: { 'mcp:tools': 'reader', admin: 'admin' } },
          },
        ],
      },
      roles: { reader: { tools: ['rec.echo'] }, admin: { tools: ['*'] } },
      limits: { perAddress: '100000/s burst 100000', failedLogins: '100000/m' },
      upstreams: { rec: { url: upstream.url } },
    },
    env: {
      NODE_OPTIONS: `--import=${join(root, 'tests', 'fixtures', 'watched.ts')}`,
      WATCHED_NOW: String(context.now * 1000),
      WATCHED_CONNECTIONS: log,
    },
  });
  const connections = async (): Promise<readonly string[]> => {
    const { port } = new URL(upstream.url);
    const lines = (await readFile(log, 'utf8')).split('\n');
    return lines.filter((line) => line !== '' && !line.includes(port));
  };
  return {
    gateway,
    upstream,
    before: await connections(),
    connections,
    send: (token) => sendToken(gateway, token),
    async stop() {
      await gateway.stop();
      await upstream.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function sendToken({ host, port }: Gateway, token: string): Promise<Timed> {
  const head = [
    'POST /mcp HTTP/1.1',
    `Host: ${host}:${port}`,
    `Authorization: Bearer ${token}`,
    'Content-Type: application/json',
    'Accept: application/json, text/event-stream',
    `Content-Length: ${body.length}`,
    'Connection: close',
  ];
  const bytes = Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`, 'latin1');
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let started = 0;
    let ms = 0;
    const socket = connect({ host, port }, () => {
      started = performance.now();
      socket.write(bytes);
    });
    socket.setTimeout(10_000, () => socket.destroy(new Error('no answer')));
    socket.on('data', (piece) => {
      if (pieces.length === 0) ms = performance.now() - started;
      pieces.push(piece);
    });
    // A peer that refuses early may reset the connection while we still send; what came before counts.
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error);
    });
    socket.on('close', () => resolve({ response: splitResponses(Buffer.concat(pieces))[0], ms }));
  });
}
