// Promises about the gateway: the servers behind it, its configuration, its start, its speed.
import type { ProductPromise } from './promise.ts';
import { work } from './work.ts';

/** Promises of the gateway. */
export const gateway: readonly ProductPromise[] = [
  {
    id: 'first-run',
    sentence:
      'From a fresh clone, `npm start` runs a guarded gateway and `npm test` proves it; nothing else has to be installed first.',
    source: ['guard-10'],
    tests: ['tests/journeys/fresh-clone.test.ts'],
  },
  {
    id: 'any-client',
    sentence: 'SDK clients of both majors, the MCP Inspector and plain curl list and call through every door.',
    source: ['guard-10'],
    tests: ['tests/journeys/partners.test.ts'],
  },
  {
    id: 'answers-never-cross',
    sentence: 'Callers that all use the same request id on one shared upstream each get their own answer.',
    source: ['guard-10', 'JSON-RPC 2.0 §5'],
    tests: ['tests/attacks/crossing.test.ts'],
  },
  {
    id: 'kept-for-its-caller',
    sentence:
      'A kept answer reaches only callers who may read it now; what a server calls private, only the caller it was for.',
    source: ['MCP 2026-07-28 caching'],
    tests: ['tests/attacks/cache.test.ts'],
  },
  {
    id: 'client-quirks',
    sentence:
      'Known habits of client programs are borne, each by its name with a test and a counter; anything else is strict.',
    source: ['guard-10'],
    tests: ['tests/attacks/quirks.test.ts'],
  },
  {
    id: 'sick-upstream',
    sentence: 'An upstream that is down, slow or lying is named in status and never delays or breaks the others.',
    source: ['guard-10'],
    tests: ['tests/faults/misbehaving.test.ts', 'tests/faults/aggregate.test.ts'],
  },
  {
    id: 'any-server',
    sentence:
      'A server is reached over stdio, Streamable HTTP, HTTP+SSE or WebSocket in the era that it speaks, and found anew when it becomes another.',
    source: ['guard-10', 'MCP 2026-07-28, Transports and Versioning'],
    tests: [
      'tests/conformance/upstream-kinds.test.ts',
      'tests/faults/other-era.test.ts',
      'tests/faults/sse-upstream.test.ts',
      'tests/faults/upstreams.test.ts',
      'tests/faults/websocket-upstream.test.ts',
    ],
  },
  {
    id: 'upstream-origin',
    sentence:
      'Credentials of an upstream and messages for it go to the origin of its URL and nowhere else, whatever it answers.',
    source: ['MCP 2024-11-05, Transports'],
    tests: ['tests/faults/sse-upstream.test.ts', 'tests/faults/websocket-upstream.test.ts'],
  },
  {
    id: 'child-env',
    sentence: "A stdio upstream sees of the gateway's environment only what the file lists.",
    source: ['fw-10'],
    tests: ['tests/faults/upstreams.test.ts'],
  },
  {
    id: 'child-custody',
    sentence:
      'An upstream process that dies, hangs, floods, forks or ignores signals is reaped with its whole group, and the next call works.',
    source: ['fw-10', 'guard-10'],
    tests: ['tests/faults/misbehaving.test.ts', 'tests/faults/orphans.test.ts', 'tests/faults/upstreams.test.ts'],
  },
  {
    id: 'child-shares',
    sentence:
      'A server that is not shared never speaks with two callers, or two sessions, over one conversation, also while its processes die.',
    source: ['fw-10', 'guard-10'],
    tests: ['tests/faults/churn.test.ts', 'tests/faults/shares.test.ts'],
  },
  {
    id: 'child-limits',
    sentence:
      'A stdio upstream that uses more memory, processes, files or processor time than its entry allows is stopped, and status names the limit.',
    source: ['fw-10'],
    tests: ['tests/faults/bounds.test.ts'],
  },
  {
    id: 'child-sandbox',
    sentence:
      'A stdio upstream behind walls reads no home, writes and connects only where its entry says so, and is never started without them.',
    source: ['fw-10'],
    tests: ['tests/faults/bounds.test.ts'],
  },
  {
    id: 'no-passthrough',
    sentence: 'A token given to Sallyport never travels upstream.',
    source: ['MCP 2025-11-25, Authorization', 'gen-4'],
    tests: ['tests/attacks/upstream-credentials.test.ts', 'tests/attacks/door-limits.test.ts'],
  },
  {
    id: 'accounts',
    sentence:
      'People connect their accounts at servers in the middle of their first call; the tokens are encrypted, renewed once, revocable within a second, and never used for anybody else.',
    source: ['fw-1', 'MCP 2026-07-28, Authorization'],
    tests: ['tests/journeys/upstream-oauth.test.ts'],
  },
  {
    id: 'account-links',
    sentence:
      'A link to connect an account is good once, for ten minutes and in one browser; nothing that comes back from elsewhere or in the name of another issuer is redeemed.',
    source: ['fw-1', 'MCP 2026-07-28, Security best practices'],
    tests: ['tests/attacks/account-links.test.ts'],
  },
  {
    id: 'config-errors',
    sentence: 'Each wrong key, type, pattern or rate in the file is refused with file, line, column and a suggestion.',
    source: ['guard-10'],
    tests: ['tests/attacks/config.test.ts'],
  },
  {
    id: 'config-permissions',
    sentence: 'A configuration file that others can write, or that holds secrets that others can read, is refused.',
    source: ['guard-9'],
    tests: ['tests/attacks/config-files.test.ts'],
  },
  {
    id: 'config-reload',
    sentence: 'A changed file is live within a second, whole or not at all; a bad one keeps the old one and says so.',
    source: ['guard-10', 'plat-8'],
    tests: [
      'tests/attacks/config-files.test.ts',
      'tests/attacks/door-limits.test.ts',
      'packages/gateway/src/config/watch.test.ts',
    ],
  },
  {
    id: 'secrets-not-on-disk',
    sentence:
      'Literal secrets of an imported client file move to files that only their owner reads, and no copy stays behind.',
    source: ['gen-5', 'asst-8'],
    tests: ['tests/journeys/clients.test.ts'],
  },
  {
    id: 'overhead',
    sentence: 'What the guard costs beside a bare proxy is printed by a benchmark that anyone can repeat.',
    source: ['guard-11'],
    tests: ['tests/journeys/overhead.test.ts'],
  },
  {
    id: 'bridge-benchmark',
    sentence:
      'What it costs that caller and server are of different eras is printed by a benchmark that anyone can repeat.',
    source: ['guard-10'],
    tests: ['tests/journeys/bridge.test.ts'],
  },
  {
    id: 'admin-restricted',
    sentence: 'Console, admin API and metrics listen apart from the data plane and answer only those who may see them.',
    source: ['guard-9'],
    due: work.team,
  },
  {
    id: 'metrics-traces-alerts',
    sentence: 'Each call can be counted, traced and alerted on, failed logins and hit limits among them.',
    source: ['guard-8', 'plat-7'],
    due: work.observe,
  },
  {
    id: 'redaction',
    sentence: 'Secrets in arguments and answers are found and removed at the printed recall and precision.',
    source: ['guard-5', 'fw-6'],
    due: work.content,
  },
  {
    id: 'encrypted-at-rest',
    sentence: 'Secrets in the store are sealed under a key that is not in it.',
    source: ['plat-6', 'gen-5'],
    due: work.team,
  },
  {
    id: 'updates',
    sentence: 'An update can be tried, rolled out in stages and rolled back; which versions get fixes is published.',
    source: ['plat-8'],
    due: work.release,
  },
  {
    id: 'few-dependencies',
    sentence: 'Production dependencies are few, pinned, explained one by one, and run no install script.',
    source: ['fw-7'],
    tests: ['scripts/dependencies.test.ts'],
  },
];
