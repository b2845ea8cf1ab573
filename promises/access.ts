// Promises about who may call what, how often, and what a caller can learn from a refusal.
import type { ProductPromise } from './promise.ts';
import { work } from './work.ts';

/** Promises of identity, permission and limits. */
export const access: readonly ProductPromise[] = [
  {
    id: 'api-keys',
    sentence:
      'Keys are shown once, stored only as a keyed digest, compared in constant time, and a revoked key stops working within a second.',
    source: ['guard-1', 'plat-3'],
    tests: [
      'tests/attacks/api-keys.test.ts',
      'tests/attacks/door-limits.test.ts',
      'packages/guard/src/store/store.test.ts',
    ],
  },
  {
    id: 'list-equals-call',
    sentence: 'A target is listed for a caller exactly when some call of it is allowed.',
    source: ['guard-3', 'fw-8'],
    tests: ['tests/attacks/listing.test.ts', 'tests/attacks/unknown.test.ts'],
  },
  {
    id: 'unknown-equals-forbidden',
    sentence: 'A target that no role of the caller could reach is answered exactly as one that does not exist.',
    source: ['guard-3'],
    tests: ['tests/attacks/unknown.test.ts'],
  },
  {
    id: 'limits-truthful',
    sentence:
      'Calls allowed in a window are burst plus rate times time, give or take one, and a retry after the promised time succeeds.',
    source: ['guard-2', 'plat-2', 'fw-3'],
    tests: [
      'tests/attacks/limits.test.ts',
      'tests/attacks/door-limits.test.ts',
      'packages/guard/src/limits/buckets.test.ts',
    ],
  },
  {
    id: 'valid-never-blocked',
    sentence: "A valid credential is never locked out by other callers' failures.",
    source: ['guard-2', 'fw-6'],
    tests: ['tests/attacks/door-limits.test.ts'],
  },
  {
    id: 'schema-bounded',
    sentence:
      'Arguments are checked against the accepted input schema in linear time; a schema that cannot be compiled within bounds quarantines its tool.',
    source: ['guard-6', 'fw-5'],
    tests: [
      'tests/attacks/door-limits.test.ts',
      'tests/attacks/redos.test.ts',
      'packages/guard/src/inspect/schema.test.ts',
    ],
  },
  {
    id: 'explain',
    sentence:
      "`explain` names the stage and the rule's file, line and column that decided, and the smallest change that would allow.",
    source: ['guard-3'],
    tests: ['tests/journeys/clients.test.ts', 'packages/guard/src/policy/explain.test.ts'],
  },
  {
    id: 'views',
    sentence:
      'A view shows what it lists and the caller may reach, by every method and door; all else is unknown there, and so is the view to others.',
    source: ['guard-3'],
    tests: ['tests/attacks/views.test.ts', 'tests/journeys/views.test.ts', 'tests/attacks/views-listing.test.ts'],
  },
  {
    id: 'views-search',
    sentence:
      'Where tools are searched, policy, limits, schema and record are those of the tool that is called, and a search tells of no other.',
    source: ['guard-3'],
    tests: [
      'tests/attacks/views.test.ts',
      'tests/journeys/views.test.ts',
      'packages/gateway/src/search/ranking.test.ts',
    ],
  },
  {
    id: 'effects',
    sentence: 'What a tool does is what an administrator says; what its server says of it decides nothing.',
    source: ['guard-3'],
    tests: ['tests/attacks/views.test.ts'],
  },
  {
    id: 'observe',
    sentence:
      'A gateway that only observes policy says so, records and counts what it would refuse, and never calls that allowed.',
    source: ['guard-3'],
    tests: ['tests/attacks/observe.test.ts'],
  },
  {
    id: 'jwt',
    sentence:
      'Every forged, foreign, expired or malformed token of the corpus is refused, and validation fails closed when keys cannot be had.',
    source: ['guard-1', 'gen-2', 'plat-1'],
    tests: ['tests/attacks/jwt.test.ts', 'tests/attacks/wycheproof.test.ts', 'tests/faults/key-rotation.test.ts'],
  },
  {
    id: 'mutual-tls',
    sentence:
      'A client certificate that is wrong, expired or of an unknown authority is refused; a forged proxy header is never believed.',
    source: ['guard-1', 'plat-6'],
    tests: [
      'tests/attacks/tls.test.ts',
      'tests/attacks/proxy-headers.test.ts',
      'tests/faults/certificate-swap.test.ts',
      'packages/guard/src/identity/certificate.test.ts',
    ],
  },
  {
    id: 'key-rotation',
    sentence: 'API keys and signing keys rotate under load with no valid request failing.',
    source: ['plat-1', 'plat-3'],
    tests: ['tests/attacks/api-keys.test.ts', 'tests/faults/key-rotation.test.ts'],
  },
  {
    id: 'conditions',
    sentence:
      'A grant with a condition allows only where that is exactly true: errors, missing fields, unsure numbers and huge arguments deny, within milliseconds.',
    source: ['guard-3', 'fw-8'],
    tests: ['tests/attacks/conditions.test.ts', 'packages/guard/src/policy/cel/oracle.test.ts'],
  },
  {
    id: 'policy-tests',
    sentence:
      '`check` runs the tests that a file holds about its own rules, and names file, line and the rule that decided of each that fails.',
    source: ['guard-3'],
    tests: ['packages/gateway/src/config/run-tests.test.ts'],
  },
  {
    id: 'step-up',
    sentence: 'A call that more scopes would allow is answered 403 insufficient_scope, naming all of them.',
    source: ['gen-3', 'fw-8'],
    tests: ['tests/journeys/login.test.ts', 'tests/attacks/resource-server.test.ts'],
  },
  {
    id: 'token-audience',
    sentence:
      'A token holds only at the doors that its audience names, and what a door is called comes from the configuration, never from a request.',
    source: ['fw-1', 'RFC 8707 §2'],
    tests: ['packages/guard/src/identity/audience.test.ts', 'tests/attacks/resource-server.test.ts'],
  },
  {
    id: 'opaque-tokens',
    sentence:
      'An opaque token that its authorization server has revoked stops working within the cache time, and while that server cannot be asked nobody is let in.',
    source: ['fw-1', 'RFC 7662 §4'],
    tests: ['packages/guard/src/identity/introspection.test.ts', 'tests/attacks/resource-server.test.ts'],
  },
  {
    id: 'resource-metadata',
    sentence:
      'Each door says in a public document and in every challenge who issues its tokens and what to ask for; no header of a request changes a letter of it.',
    source: ['fw-1', 'RFC 9728 §3'],
    tests: ['tests/attacks/resource-server.test.ts'],
  },
  {
    id: 'egress',
    sentence:
      'No address that a document, redirect, token or caller names can make Sallyport connect into a private network.',
    source: ['asst-3', 'plat-6'],
    tests: ['tests/attacks/ssrf.test.ts', 'tests/attacks/egress.test.ts'],
  },
  {
    id: 'egress-bounds',
    sentence:
      'Requests that Sallyport sends are bounded in time, size and unpacked size, and no redirect takes a credential to another origin.',
    source: ['asst-3'],
    tests: ['tests/attacks/egress.test.ts'],
  },
  {
    id: 'egress-tls',
    sentence:
      'The certificates of servers are always checked, whatever the environment says; a private authority is added to those of Node.',
    source: ['plat-6'],
    tests: ['tests/attacks/egress.test.ts'],
  },
  {
    id: 'oauth-server',
    sentence:
      'The authorization server requires PKCE, registers clients with validation, and stores only digests of expiring tokens.',
    source: ['fw-1', 'guard-1'],
    due: work.team,
  },
  {
    id: 'browser-sessions',
    sentence:
      'Console sessions live in host-only secure cookies, rotate at each rise in rights, expire, and refuse cross-site requests.',
    source: ['fw-2', 'asst-7'],
    due: work.team,
  },
  {
    id: 'identity-providers',
    sentence:
      'Logins at OpenID Connect providers check issuer, nonce, audience and time, and refresh without losing scopes.',
    source: ['fw-11'],
    due: work.team,
  },
  {
    id: 'admin-mfa',
    sentence: 'Administrators need a second factor, and each account holds the least role that its work needs.',
    source: ['plat-5'],
    due: work.team,
  },
];
