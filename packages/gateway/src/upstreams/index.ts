/** What the rest of the gateway uses of upstreams. */
export type { ListKind } from './changes.ts';
export { checkHttpOptions } from './http/channel.ts';
export type { HttpOptions } from './http/options.ts';
export type {
  AskAnswer,
  AskKind,
  Link,
  LinkAnswer,
  LinkEvent,
  LinkFailure,
  LinkFailureReason,
  LinkListener,
  LinkPeer,
  LinkRequest,
} from './link.ts';
export { linkFailure } from './link.ts';
export type { Share, Tuning, UpstreamDefinition } from './options.ts';
export type { UpstreamLogEntry, UpstreamPorts } from './ports.ts';
export { realUpstreamPorts } from './ports.ts';
export type { StdioOptions } from './stdio/options.ts';
export type { UpstreamState } from './supervisor.ts';
export type { Opening } from './transport.ts';
export type { AcquireWish, Upstream, UpstreamCounters, UpstreamNotification, UpstreamStatus } from './upstream.ts';
export { createUpstream } from './upstream.ts';
