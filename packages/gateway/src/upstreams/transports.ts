/** The kinds of upstream there are, and which folder opens each. */
import { createHttpTransport } from './http/open.ts';
import type { Tuning, UpstreamDefinition } from './options.ts';
import type { UpstreamPorts } from './ports.ts';
import { createSseTransport } from './sse/open.ts';
import { createStdioTransport } from './stdio/open.ts';
import type { Transport } from './transport.ts';
import { createWebSocketTransport } from './websocket/open.ts';

/**
 * Returns what opens conversations with an upstream; nothing is opened yet. Throws for addresses that cannot be used.
 *
 * @param onStderr - hears each line that a local server writes to its standard error
 */
export const createTransport = (
  { name, transport }: UpstreamDefinition,
  tuning: Tuning,
  ports: UpstreamPorts,
  onStderr: (line: string) => void,
): Transport => {
  switch (transport.kind) {
    case 'stdio':
      return createStdioTransport(transport, ports, onStderr);
    case 'http':
      return createHttpTransport(name, transport, tuning, ports);
    case 'sse':
      return createSseTransport(name, transport, tuning, ports);
    case 'websocket':
      return createWebSocketTransport(transport, ports);
  }
};
