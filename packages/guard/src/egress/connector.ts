/** Makes the connections of pools and sockets: the route, then TLS with its checks. The only place that does. */
import type { Socket } from 'node:net';
import { buildConnector } from 'undici';
import type { UrlTrust } from './egress.ts';
import { EgressError } from './egress-error.ts';
import { openRoute, type Surroundings } from './route.ts';
import { contextOf, type TlsIdentity } from './secure-context.ts';

/** Connections of one kind. */
export interface ConnectorOptions extends TlsIdentity {
  readonly trust: UrlTrust;
  /** Milliseconds for name, proxy, connection and handshake together. */
  readonly connectTimeoutMs: number;
}

const KEEP_ALIVE_MS = 60_000;

/** Returns what undici calls for each new connection. */
export function createConnector(around: Surroundings, options: ConnectorOptions): buildConnector.connector {
  let secure: buildConnector.connector | undefined;
  // Sessions are resumed within one connector only, so never across trust or identity.
  const secureConnector = (): buildConnector.connector =>
    (secure ??= buildConnector({
      secureContext: contextOf(options),
      rejectUnauthorized: true,
      allowH2: false,
      timeout: 0,
    }));
  return ({ hostname, protocol, port, ...rest }, callback) => {
    const isSecure = protocol === 'https:';
    const to = { host: hostname, isSecure, trust: options.trust };
    const giveUp = new AbortController();
    let tlsSocket: Socket | undefined;
    let isDone = false;
    const finish = (error: Error | null, socket: Socket | null | undefined): void => {
      if (isDone) {
        socket?.destroy();
        return;
      }
      isDone = true;
      clearTimeout(timer);
      if (socket !== null && socket !== undefined) callback(null, socket);
      else callback(error ?? new EgressError('connection', `${hostname} could not be reached.`), null);
    };
    const timer = setTimeout(() => {
      const late = new EgressError('timeout', `${hostname} could not be reached in ${options.connectTimeoutMs} ms.`);
      giveUp.abort(late);
      finish(late, null);
      tlsSocket?.destroy();
    }, options.connectTimeoutMs);
    timer.unref();
    openRoute(to, portOf(port, isSecure), around, giveUp.signal)
      .then((socket) => {
        socket.setNoDelay(true);
        socket.setKeepAlive(true, KEEP_ALIVE_MS);
        if (!isSecure) return finish(null, socket);
        tlsSocket = socket;
        // With an error it passes nothing else, whatever its type says.
        secureConnector()({ ...rest, hostname, protocol, port, httpSocket: socket }, (error, secured) =>
          finish(error, secured),
        );
      })
      .catch((cause: unknown) => finish(cause instanceof Error ? cause : new Error(String(cause)), null));
  };
}

function portOf(port: string, isSecure: boolean): number {
  return port === '' ? (isSecure ? 443 : 80) : Number(port);
}
