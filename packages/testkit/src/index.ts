/** Private helpers for Sallyport's own tests: fakes for the core's ports, peers to talk to, and the shared test data. */

export { readAudit } from './audit-files.ts';
export type { AuditLine } from './audit-files.ts';
export { corpusOrSkip, readJsonl, sharedPath } from './corpus.ts';
export type { Corpus } from './corpus.ts';
export { createFakeDisk, createFrozenClock } from './fake-ports.ts';
export type { DiskFault, DiskOperation, FakeDisk, FrozenClock } from './fake-ports.ts';
export {
  baseEnvironment,
  createKey,
  freePorts,
  prepareFolder,
  runSallyport,
  sallyportBin,
  startGateway,
} from './gateway-process.ts';
export type { CommandResult, Ending, Gateway, GatewayFolder, GatewayOptions, KeyRequest } from './gateway-process.ts';
export { encodeHeader, modernRevision, open, post, postModern } from './http-client.ts';
export type { HttpAnswer, ModernRequest, OnMessage, PostOptions, WireMessage } from './http-client.ts';
export { LegacySession } from './legacy-session.ts';
export type { LegacyOptions, LegacyStream } from './legacy-session.ts';
export { createRandom } from './random.ts';
export type { SeededRandom } from './random.ts';
export { sendRaw, splitResponses } from './raw-http.ts';
export type { RawExchange, RawOptions, RawResponse } from './raw-http.ts';
export { openRawWebSocket } from './raw-websocket.ts';
export type { OutgoingFrame, RawWebSocket, RawWebSocketOptions, WebSocketFrame } from './raw-websocket.ts';
export { defaultTools, progressOf } from './recording-script.ts';
export type { Outcome, Playing, Script, UpstreamCall, UpstreamTool } from './recording-script.ts';
export type { RecordedRequest, Recording, RecordingOptions, UpstreamEra } from './recorded.ts';
export { startRecordingSocket } from './recording-socket.ts';
export type { RecordingSocket, RecordingSocketOptions } from './recording-socket.ts';
export { startRecordingSse } from './recording-sse.ts';
export type { RecordingSse, RecordingSseOptions } from './recording-sse.ts';
export { startRecordingStdio } from './recording-stdio.ts';
export type { RecordingStdio } from './recording-stdio.ts';
export { startRecordingUpstream } from './recording-upstream.ts';
export type { RecordingUpstream, RecordingUpstreamOptions } from './recording-upstream.ts';
export { openSse } from './sse-caller.ts';
export type { SseCaller, SseCallerOptions } from './sse-caller.ts';
export { readEvents } from './sse.ts';
export type { SseEvent } from './sse.ts';
export { startStdioDoor, startStdioPeer } from './stdio-door.ts';
export type { StdioPeer } from './stdio-door.ts';
export { stubStdioCommand } from './stub-stdio.ts';
export type { StubStdioOptions } from './stub-stdio.ts';
export { waitFor, within } from './wait.ts';
export type { WaitOptions } from './wait.ts';
export type { CertificateRequest, IssuedCertificate, TestAuthority } from './authority.ts';
export { createAuthority } from './authority.ts';
