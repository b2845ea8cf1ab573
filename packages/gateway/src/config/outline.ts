/** What a running gateway tells its own user of its configuration: the rules, and nothing that its servers are given. */
import type { Config, ConfigOutline, UpstreamCommon, UpstreamConfig } from './types.ts';

/** Returns the outline of a configuration; it survives being written as JSON. */
export function outlineOf({ upstreams, egress: _egress, tree: _tree, tls: _tls, ...rest }: Config): ConfigOutline {
  return { ...rest, upstreams: upstreams.map(commonOf) };
}

function commonOf({ name, origin, share, timeout, maxTime, limit, concurrent, ask }: UpstreamConfig): UpstreamCommon {
  return { name, origin, share, timeout, maxTime, limit, concurrent, ask };
}
