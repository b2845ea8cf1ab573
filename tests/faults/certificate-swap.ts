/** The certificate of the door is replaced, as Kubernetes does it, while callers call on old and new connections. */
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import type { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { setTimeout as delay } from 'node:timers/promises';
import {
  createAuthority,
  createKey,
  startGateway,
  startRecordingUpstream,
  waitFor,
  type Gateway,
  type IssuedCertificate,
  type TestAuthority,
} from '@sallyport/testkit';
import { agentOf, sendSecurely } from '../fixtures/certificates/https-caller.ts';

/** How much is done. */
export interface SwapSize {
  /** How often the certificate is replaced. */
  readonly swaps: number;
  /** Callers that keep their connections. */
  readonly keeping: number;
  /** Callers that make a connection for each call. */
  readonly coming: number;
}

/** What came of it. */
export interface SwapOutcome {
  readonly calls: number;
  /** Calls that were not answered 200, or whose connection broke. */
  readonly dropped: number;
  /** What the first of them said. */
  readonly firstFault: string | undefined;
  /** Handshakes with a certificate that had been replaced more than a second before. */
  readonly stale: number;
  /** Milliseconds from a replacement to the first handshake with the new certificate, at most. */
  readonly slowestMs: number;
  /** Whether a connection that was open before the first swap was still the same after the last. */
  readonly isKept: boolean;
}

/** A folder of secrets as Kubernetes mounts it: links to a folder that a link swaps. */
export interface SecretFolder {
  readonly path: string;
  /** Replaces all files at once. */
  swap(files: Readonly<Record<string, string>>): Promise<void>;
}

/** Makes such a folder. */
export async function makeSecretFolder(path: string, files: Readonly<Record<string, string>>): Promise<SecretFolder> {
  let count = 0;
  await mkdir(path, { recursive: true });
  const swap = async (next: Readonly<Record<string, string>>): Promise<void> => {
    count += 1;
    const name = `..${count}`;
    await mkdir(join(path, name));
    for (const [file, text] of Object.entries(next)) await writeFile(join(path, name, file), text, { mode: 0o600 });
    await symlink(name, join(path, '..next'));
    await rename(join(path, '..next'), join(path, '..data'));
    if (count > 1) await rm(join(path, `..${count - 1}`), { recursive: true });
  };
  await swap(files);
  for (const file of Object.keys(files)) await symlink(join('..data', file), join(path, file));
  return { path, swap };
}

/** Serial number of the certificate that a new connection is shown. */
export function shownSerial({ host, port }: Pick<Gateway, 'host' | 'port'>, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, servername: 'localhost', ca }, () => {
      resolve(socket.getPeerX509Certificate()?.serialNumber ?? '');
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

const filesOf = ({ cert, key }: IssuedCertificate): Record<string, string> => ({ 'cert.pem': cert, 'key.pem': key });

/** Plays it. */
export async function runCertificateSwap({ swaps, keeping, coming }: SwapSize): Promise<SwapOutcome> {
  const dir = await mkdtemp(join(tmpdir(), 'sallyport-swap-'));
  const authority = createAuthority();
  const upstream = await startRecordingUpstream();
  const folder = await makeSecretFolder(join(dir, 'tls'), filesOf(authority.server()));
  const gateway = await startGateway({
    dir,
    config: {
      tls: { cert: 'tls/cert.pem', key: 'file:tls/key.pem' },
      roles: { reader: { tools: ['*'] } },
      limits: { perAddress: '1000000/s burst 1000000', concurrentPerCaller: 1000 },
      upstreams: { rec: { url: upstream.url } },
    },
  });
  try {
    const key = await createKey(dir, { name: 'ada', role: 'reader' });
    return await play(gateway, authority, folder, key, { swaps, keeping, coming });
  } finally {
    await gateway.stop();
    await upstream.close();
    await rm(dir, { recursive: true, force: true });
  }
}

async function play(
  gateway: Gateway,
  authority: TestAuthority,
  folder: SecretFolder,
  key: string,
  { swaps, keeping, coming }: SwapSize,
): Promise<SwapOutcome> {
  const ca = authority.cert;
  const over = new AbortController();
  let calls = 0;
  const faults: string[] = [];
  const caller = async (agent: Agent): Promise<void> => {
    while (!over.signal.aborted) {
      calls += 1;
      const options = { headers: { authorization: `Bearer ${key}` }, agent };
      const fault = await sendSecurely(gateway, { ca }, options).then(
        ({ status, body }) => (status === 200 ? undefined : `${status} ${body}`),
        (error: unknown) => String(error),
      );
      if (fault !== undefined) faults.push(fault);
    }
  };
  const agents = [
    ...Array.from({ length: keeping }, () => agentOf({ ca, keepAlive: true, maxSockets: 1 })),
    ...Array.from({ length: coming }, () => agentOf({ ca, keepAlive: false, maxCachedSessions: 0 })),
  ];
  const running = agents.map(caller);
  const [first] = agents;
  const socketOf = (): unknown => Object.values({ ...first?.sockets, ...first?.freeSockets })[0]?.[0];
  const kept = await waitFor(socketOf, { what: 'a connection' });
  let slowestMs = 0;
  let stale = 0;
  let shown = await shownSerial(gateway, ca);
  for (let i = 0; i < swaps; i++) {
    const before = shown;
    await folder.swap(filesOf(authority.server()));
    const swapped = performance.now();
    shown = await waitFor(
      async () => {
        const serial = await shownSerial(gateway, ca);
        if (serial !== before) return serial;
        if (performance.now() - swapped > 1000) stale += 1;
        return undefined;
      },
      { what: 'the new certificate', ceilingMs: 10_000, everyMs: 10 },
    );
    slowestMs = Math.max(slowestMs, performance.now() - swapped);
    await delay(50);
  }
  const isKept = [kept].includes(socketOf());
  over.abort();
  await Promise.all(running);
  for (const agent of agents) agent.destroy();
  return { calls, dropped: faults.length, firstFault: faults[0], stale, slowestMs, isKept };
}
