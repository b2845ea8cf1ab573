/**
 * Answers to JSON-RPC messages that the specifications leave open, chosen once. A legacy caller sends each message
 * within its session (2025-11-25); the name is the case's name in the corpus `jsonrpc/messages.jsonl`.
 */

/** What one message gets. `result` also means: the caller's id comes back as it was sent. */
export type MessageAnswer = number | 'result' | 'ignored';

export const openMessageAnswers: Readonly<Record<string, MessageAnswer>> = {
  // MCP ids are strings or integers.
  'id-float': -32600,
  // Longer than the longest id.
  'id-1MB': -32600,
  'error-and-result': -32600,
  'batch-one': -32600,
  // A byte order mark is not JSON (RFC 8259 §8.1 lets a parser ignore it; this one does not).
  bom: -32700,
  // Two readers could pick different ones of two equal keys.
  'dup-method': -32600,
  'dup-params-name': -32600,
  'escaped-key-dup': -32600,
  // Two readers could round an integer beyond 2⁵³ differently.
  'big-int': -32600,
  'lone-surrogate': -32600,
  'deep-args-100k': -32600,
  // Larger than `limits.body`: refused by its declared size with HTTP 413.
  'wide-args-200k': 413,
  // A number that overflows a double would be infinite for one reader and an error for another.
  'float-huge': -32600,
};
