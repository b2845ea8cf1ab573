/** Opens conversations with a server over WebSocket, each over a connection of its own. */
import { openConversation } from '../begin.ts';
import { checkAddress } from '../address.ts';
import { presentOpening } from '../credential.ts';
import type { UpstreamPorts } from '../ports.ts';
import type { Opening, Transport } from '../transport.ts';
import { WebSocketChannel } from './channel.ts';
import type { WebSocketOptions } from './options.ts';

/** Returns the WebSocket kind of upstream. Throws for options that `checkAddress` faults. */
export const createWebSocketTransport = (options: WebSocketOptions, ports: UpstreamPorts): Transport => {
  const fault = checkAddress(options, ['ws:', 'wss:']);
  if (fault !== undefined) throw new Error(fault);
  return {
    kind: 'websocket',
    open: (open, wish) => {
      const begin = (): Promise<Opening> =>
        openConversation(() => new WebSocketChannel(options, open, ports), open, ports, wish);
      return open.credential === undefined ? begin() : presentOpening(open.credential, begin);
    },
    close: () => Promise.resolve(),
  };
};
