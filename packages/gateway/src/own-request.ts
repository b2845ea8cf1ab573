/** Requests that the gateway makes on its own behalf, in the era of the link. */
import type { JsonObject } from '@sallyport/protocol';
import type { Link } from './upstreams/link.ts';

/** How Sallyport introduces itself to upstreams and callers. */
export const ownInfo = { name: 'sallyport', version: '0.1.0' } as const;

/** The bytes of `params` for a request of ours: with the envelope that a modern link needs, as they are otherwise. */
export function ownParams(link: Pick<Link, 'era' | 'revision'>, params: JsonObject = {}): Uint8Array {
  if (link.era === 'legacy') return Buffer.from(JSON.stringify(params));
  const envelope = {
    'io.modelcontextprotocol/protocolVersion': link.revision,
    'io.modelcontextprotocol/clientCapabilities': {},
    'io.modelcontextprotocol/clientInfo': ownInfo,
  };
  return Buffer.from(JSON.stringify({ ...params, _meta: envelope }));
}
