/** Opens conversations with a server over WebSocket, each over a connection of its own. */
import { openConversation } from '../begin.ts';
import { checkAddress } from '../address.ts';
import type { UpstreamPorts } from '../ports.ts';
import type { Transport } from '../transport.ts';
import { WebSocketChannel } from './channel.ts';
import type { WebSocketOptions } from './options.ts';

/** Returns the WebSocket kind of upstream. Throws for options that `checkAddress` faults. */
export const createWebSocketTransport = (options: WebSocketOptions, ports: UpstreamPorts): Transport => {
  const fault = checkAddress(options, ['ws:', 'wss:']);
  if (fault !== undefined) throw new Error(fault);
  return {
    kind: 'websocket',
    open: (open, wish) => openConversation(() => new WebSocketChannel(options, open, ports), open, ports, wish),
    close: () => Promise.resolve(),
  };
};
