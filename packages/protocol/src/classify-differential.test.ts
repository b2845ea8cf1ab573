import { classifyInboundRequest } from '@modelcontextprotocol/server';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Classification } from './classify.ts';
import { classify } from './classify.ts';
import { CLIENT_CAPABILITIES_KEY, CLIENT_INFO_KEY, LOG_LEVEL_KEY, PROTOCOL_VERSION_KEY } from './envelope.ts';
import type { JsonObject, Message } from './message.ts';
import { messageOf } from './message-of.test-support.ts';

interface Case {
  readonly body: JsonObject;
  readonly headers: Readonly<Record<string, string>>;
}

interface Pair {
  readonly message: Message;
  readonly headers: Case['headers'];
  readonly ours: Classification;
  /** What the official SDK says: era and kind, or the code that it refuses with. */
  readonly theirs: string;
}

function ourAnswer(ours: Classification): string {
  if (ours.kind === 'fault') return `${ours.fault.status} ${ours.fault.code}`;
  return ours.era === 'legacy' ? 'legacy' : `modern ${ours.kind}`;
}

function theirAnswer({ body, headers }: Case): string {
  const [version, method, name] = ['mcp-protocol-version', 'mcp-method', 'mcp-name'].map((header) => headers[header]);
  const outcome = classifyInboundRequest({
    httpMethod: 'POST',
    ...(version === undefined ? {} : { protocolVersionHeader: version }),
    ...(method === undefined ? {} : { mcpMethodHeader: method }),
    ...(name === undefined ? {} : { mcpNameHeader: name }),
    body,
  });
  if (outcome.kind === 'reject') return `${outcome.httpStatus} ${outcome.code}`;
  return outcome.kind === 'legacy' ? 'legacy' : `modern ${outcome.messageKind}`;
}

const faultName = ({ ours }: Pair): string => (ours.kind === 'fault' ? ours.fault.name : '');
const isOver = (pair: Pair): boolean => !pair.theirs.startsWith('400');

/** Where we differ on purpose, and why. */
const DIFFERENCES: readonly { readonly reason: string; readonly holds: (pair: Pair) => boolean }[] = [
  {
    reason: 'unknown and removed methods: the SDK finds out when it dispatches, with the same code',
    holds: (pair) => faultName(pair) === 'unknown-method' && isOver(pair),
  },
  {
    reason: 'unsupported revisions: the SDK finds out in its handler, with the same code on modern and 400 on legacy',
    holds: (pair) => faultName(pair) === 'unsupported-version' && isOver(pair),
  },
  {
    reason: 'Mcp-Method of a revision that we do not serve: its rules are not known, so the version is answered first',
    holds: (pair) => faultName(pair) === 'unsupported-version' && pair.theirs === '400 -32020',
  },
  {
    reason: 'missing headers and Mcp-Name: the SDK checks them one step later, with the same code',
    holds: (pair) => ['header-missing', 'header-mismatch', 'header-encoding'].includes(faultName(pair)) && isOver(pair),
  },
  {
    reason: 'responses under a modern version: 2026-07-28 has none from clients, the SDK takes them for legacy',
    holds: (pair) => faultName(pair) === 'response-not-taken' && pair.theirs === 'legacy',
  },
  {
    reason: 'revisions between 2025-11-25 and 2026-07-28: none exists, so we read them as newer than legacy',
    holds: (pair) => JSON.stringify([pair.message.value, pair.headers]).includes('2026-01-01'),
  },
  {
    reason: 'what capabilities hold: we forward them and judge only that they are an object',
    holds: (pair) => JSON.stringify(pair.message.value).includes('"roots":1'),
  },
];

const version = fc.constantFrom(
  '2026-07-28',
  '2025-11-25',
  '2025-06-18',
  '2024-10-07',
  '2999-01-01',
  '2026-01-01',
  'x',
  '',
);
const mostly = <T>(usual: T, others: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: others });
const absent = Symbol('absent');
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | symbol> =>
  fc.oneof({ weight: 5, arbitrary }, { weight: 1, arbitrary: fc.constant(absent) });

function withoutAbsent(value: object): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== absent));
}

const meta = fc
  .record({
    [PROTOCOL_VERSION_KEY]: maybe(mostly<unknown>('2026-07-28', fc.oneof(version, fc.constant(7)))),
    [CLIENT_CAPABILITIES_KEY]: maybe(mostly<unknown>({}, fc.constantFrom<unknown>([], null, { roots: 1 }))),
    [CLIENT_INFO_KEY]: maybe(
      mostly<unknown>({ name: 'c', version: '1' }, fc.constantFrom<unknown>('c', { name: 'c' })),
    ),
    [LOG_LEVEL_KEY]: maybe(mostly<unknown>('info', fc.constant('loud'))),
    progressToken: maybe(fc.integer()),
  })
  .map(withoutAbsent);
const method = fc.constantFrom(
  'tools/call',
  'tools/list',
  'resources/read',
  'initialize',
  'ping',
  'nope',
  'notifications/cancelled',
);
const params = fc
  .record({ name: maybe(fc.constantFrom('echo', 'é')), uri: maybe(fc.constant('file:///a')), _meta: maybe(meta) })
  .map(withoutAbsent);
const body = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record({ id: maybe(fc.integer()), method, params: maybe(params) }).map(withoutAbsent),
  },
  { weight: 1, arbitrary: fc.constant<JsonObject>({ id: 1, result: {} }) },
);

const cases: fc.Arbitrary<Case> = body.chain((message) =>
  fc
    .record({
      'mcp-protocol-version': maybe(mostly('2026-07-28', version)),
      'mcp-method': maybe(mostly(String(message['method']), fc.constantFrom('tools/call', ' tools/list\t', ''))),
      'mcp-name': maybe(fc.constantFrom('echo', 'file:///a', '=?base64?w6k=?=', '=?base64?!?=')),
    })
    .map((headers) => ({
      body: { jsonrpc: '2.0', ...message },
      headers: withoutAbsent(headers) as Readonly<Record<string, string>>,
    })),
);

describe('classify beside the official SDK', () => {
  it('agrees with it on 20,000 requests, but for the differences that the table gives a reason for', () => {
    const met = new Map(DIFFERENCES.map(({ reason }) => [reason, 0]));
    let agreed = 0;
    fc.assert(
      fc.property(cases, (given) => {
        const message = messageOf(given.body);
        const ours = classify({ transport: 'http', message, headers: given.headers });
        const pair: Pair = { message, headers: given.headers, ours, theirs: theirAnswer(given) };
        if (ourAnswer(ours) === pair.theirs) {
          agreed += 1;
          return;
        }
        const difference = DIFFERENCES.find(({ holds }) => holds(pair));
        expect([ourAnswer(ours), pair.theirs, given, difference?.reason]).toEqual([
          ourAnswer(ours),
          pair.theirs,
          given,
          expect.any(String),
        ]);
        met.set(difference?.reason ?? '', (met.get(difference?.reason ?? '') ?? 0) + 1);
      }),
      { seed: 20261120, numRuns: 20_000 },
    );
    expect(agreed).toBeGreaterThan(5000);
    expect([...met].filter(([, count]) => count === 0)).toEqual([]);
  });
});
