// Promises about what comes in at the doors: bytes, headers, shapes, sizes, and the protocol's own rules.
import type { ProductPromise } from './promise.ts';

/** Promises of the doors and the protocol. */
export const door: readonly ProductPromise[] = [
  {
    id: 'json-strict',
    sentence: 'Text that is not strict UTF-8 and JSON is refused as -32700, and no valid text ever is.',
    source: ['RFC 8259', 'fw-5', 'guard-6'],
    tests: ['tests/attacks/json-doors.test.ts'],
  },
  {
    id: 'json-bounded',
    sentence: 'Nesting and width beyond the bounds are refused as -32600 in bounded time and memory.',
    source: ['RFC 8259 §9', 'guard-6'],
    tests: ['tests/attacks/json-doors.test.ts'],
  },
  {
    id: 'jsonrpc-shape',
    sentence:
      'A message that is not one well-formed JSON-RPC request, notification or response is refused with the code the protocol names.',
    source: ['JSON-RPC 2.0 §4', 'fw-5', 'guard-6'],
    tests: ['tests/attacks/messages.test.ts'],
  },
  {
    id: 'header-body',
    sentence: 'Headers that name another method, target or revision than the body are refused.',
    source: ['MCP 2026-07-28, Streamable HTTP'],
    tests: ['tests/attacks/messages.test.ts'],
  },
  {
    id: 'http-requests',
    sentence:
      'Malformed, ambiguous and smuggled HTTP requests get the answer of docs/http.md and never reach an upstream.',
    source: ['RFC 9112', 'guard-6'],
    tests: ['tests/attacks/raw-http.test.ts'],
  },
  {
    id: 'host-origin',
    sentence: 'A foreign Host or Origin is refused before anything else is read.',
    source: ['MCP 2025-11-25, Transports', 'fw-3'],
    tests: ['tests/attacks/door-limits.test.ts'],
  },
  {
    id: 'size-limits',
    sentence: 'Bodies and messages over their limit are refused without being held in memory.',
    source: ['guard-6', 'fw-5'],
    tests: ['tests/attacks/door-limits.test.ts'],
  },
  {
    id: 'judged-is-forwarded',
    sentence: 'What policy judged is byte for byte what the upstream gets.',
    source: ['guard-6'],
    tests: ['tests/attacks/messages.test.ts'],
  },
  {
    id: 'errors-leak-nothing',
    sentence:
      'No answer carries a stack, a path, an upstream detail, a secret, or a rule that the caller may not know.',
    source: ['fw-6'],
    tests: ['tests/attacks/door-limits.test.ts'],
  },
  {
    id: 'no-secret-in-clear',
    sentence:
      'No key, token, cookie, credential for a server, pepper or master key stands in clear in a log, record, metric, error or the store.',
    source: ['fw-6', 'gen-5', 'plat-6'],
    tests: ['tests/attacks/canary.test.ts'],
  },
  {
    id: 'conformance',
    sentence:
      'The official suite passes for revisions 2025-11-25 and 2026-07-28, and nothing fails through the gateway that passes directly.',
    source: ['MCP 2025-11-25', 'MCP 2026-07-28'],
    tests: ['tests/conformance/gateway.test.ts'],
  },
  {
    id: 'conformance-client',
    sentence:
      'What the gateway sends to servers passes the client scenarios of the official suite for both revisions, those about OAuth aside.',
    source: ['MCP 2025-11-25', 'MCP 2026-07-28'],
    tests: ['tests/conformance/client.test.ts'],
  },
  {
    id: 'handles-sealed',
    sentence:
      'A session, cursor, request state or task id works only for the caller, door and revision it was given to, until it expires.',
    source: ['fw-2', 'MCP 2025-11-25, Security Best Practices'],
    tests: [
      'tests/attacks/unknown.test.ts',
      'tests/attacks/handles.test.ts',
      'tests/conformance/tasks.test.ts',
      'packages/guard/src/seal.test.ts',
      'packages/gateway/src/invoke/tasks.test.ts',
    ],
  },
  {
    id: 'tls',
    sentence:
      'TLS 1.2 or newer only, certificates replaced without a dropped connection, no plain HTTP off loopback unless a proxy is declared.',
    source: ['guard-7', 'fw-3', 'plat-6'],
    tests: ['tests/attacks/tls.test.ts', 'tests/attacks/config-tls.test.ts', 'tests/faults/certificate-swap.test.ts'],
  },
  {
    id: 'cors-headers',
    sentence: 'Only listed origins pass CORS, and every answer, errors too, carries the security headers.',
    source: ['fw-3', 'plat-2'],
    tests: ['tests/attacks/cors.test.ts', 'tests/attacks/security-headers.test.ts'],
  },
  {
    id: 'websocket-limits',
    sentence:
      'WebSocket callers are identified at upgrade, capped in number and bytes, and dropped when dead or expired.',
    source: ['fw-4'],
    tests: ['tests/attacks/websocket-door.test.ts', 'tests/faults/slow-callers.test.ts'],
  },
  {
    id: 'same-guards',
    sentence:
      'Each message at the WebSocket and SSE doors passes the stages that judge any other request, under the head and the credential that its connection was opened with.',
    source: ['fw-4', 'guard-10'],
    tests: [
      'tests/attacks/websocket-door.test.ts',
      'tests/attacks/sse-door.test.ts',
      'packages/guard/src/doors/conversation.test.ts',
    ],
  },
  {
    id: 'connection-pace',
    sentence:
      'A connection is served a bounded number of messages in a turn, and ends when it goes on past the limit of its address.',
    source: ['fw-4', 'guard-6'],
    tests: ['tests/attacks/door-limits.test.ts', 'tests/attacks/websocket-door.test.ts'],
  },
  {
    id: 'open-connections',
    sentence:
      'Open connections are bounded for each caller and address, and end when the key ends, the caller is blocked, or the rules would not let it in any more.',
    source: ['fw-4', 'guard-1'],
    tests: [
      'tests/attacks/websocket-door.test.ts',
      'tests/attacks/sse-door.test.ts',
      'packages/guard/src/doors/conversations.test.ts',
      'packages/guard/src/doors/conversation.test.ts',
    ],
  },
  {
    id: 'idle-listeners',
    sentence: 'Callers that only listen stay connected by the hundreds, hear of changes, and delay nobody.',
    source: ['guard-10'],
    tests: ['tests/faults/idle-listeners.test.ts'],
  },
  {
    id: 'silent-connections',
    sentence: 'Connections that make no request are bounded for each address, and end in time.',
    source: ['guard-6', 'guard-10'],
    tests: ['packages/guard/src/doors/silent.test.ts', 'tests/faults/slow-callers.test.ts'],
  },
  {
    id: 'slow-peers',
    sentence:
      'Callers and servers that are slow, stop in the middle or never end are cut off in time, and the calls of others go on.',
    source: ['guard-6', 'guard-10'],
    tests: ['tests/faults/slow-peers.test.ts'],
  },
  {
    id: 'slow-readers',
    sentence:
      'A caller that does not read is not listened to, and is cut off before what waits for it, on one connection or on all of its own, fills the memory.',
    source: ['fw-4', 'guard-10'],
    tests: [
      'tests/faults/slow-callers.test.ts',
      'packages/guard/src/doors/backlog.test.ts',
      'packages/guard/src/doors/session.test.ts',
    ],
  },
  {
    id: 'restart',
    sentence:
      'After a restart a legacy session goes on without a new handshake, for its own caller at its own path, unless it had ended or a server kept something for it; then it is 404.',
    source: ['MCP 2025-11-25, Transports', 'guard-10'],
    tests: [
      'tests/faults/restart.test.ts',
      'tests/attacks/restart.test.ts',
      'packages/guard/src/doors/session-restart.test.ts',
    ],
  },
  {
    id: 'resume',
    sentence:
      'A legacy caller whose stream broke fetches what it missed, the answer too, while it is kept; nobody else gets anything for its event ids.',
    source: ['MCP 2025-11-25, Transports'],
    tests: [
      'tests/attacks/resume.test.ts',
      'tests/journeys/resume.test.ts',
      'packages/guard/src/doors/event-log.test.ts',
    ],
  },
  {
    id: 'doors-off',
    sentence: 'Neither the WebSocket nor the SSE door is there unless the configuration opens it.',
    source: ['fw-4'],
    tests: ['tests/attacks/websocket-door.test.ts', 'packages/guard/src/doors/request.test.ts'],
  },
  {
    id: 'any-caller-any-server',
    sentence:
      'Callers and upstreams of either era work together on every transport; what cannot be bridged is refused and listed.',
    source: ['guard-10'],
    tests: [
      'tests/conformance/matrix.test.ts',
      'tests/conformance/cross-era.test.ts',
      'packages/gateway/src/invoke/parking.test.ts',
      'packages/gateway/src/invoke/rounds.test.ts',
      'packages/gateway/src/invoke/subscriptions.test.ts',
    ],
  },
];
