/** Opens conversations with an HTTP+SSE server, each over a stream of its own. Its era is legacy: nothing newer uses it. */
import { openConversation } from '../begin.ts';
import { presentOpening } from '../credential.ts';
import { closeEndpoint, createEndpoint, type Endpoint } from '../http/endpoint.ts';
import type { OpenOptions, Tuning } from '../options.ts';
import type { UpstreamPorts } from '../ports.ts';
import type { Opening, Transport } from '../transport.ts';
import { SseChannel } from './channel.ts';
import type { SseOptions } from './options.ts';

/**
 * Returns the HTTP+SSE kind of upstream. Throws for options that `checkAddress` faults.
 *
 * @param name - the upstream's name, for texts
 */
export const createSseTransport = (
  name: string,
  options: SseOptions,
  tuning: Tuning,
  ports: UpstreamPorts,
): Transport => {
  const endpoint = createEndpoint(name, options, tuning, ports);
  return {
    kind: 'sse',
    open: (open) => openSse(endpoint, open),
    close: () => closeEndpoint(endpoint),
  };
};

/** Opens a conversation over a new stream of `endpoint`. */
export const openSse = (endpoint: Endpoint, open: OpenOptions): Promise<Opening> => {
  const begin = (): Promise<Opening> =>
    openConversation(() => new SseChannel(endpoint, open.credential), open, endpoint.ports, 'legacy');
  return open.credential === undefined ? begin() : presentOpening(open.credential, begin);
};
