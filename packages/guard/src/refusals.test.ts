import { describe, expect, it } from 'vitest';
import {
  describeRefusal,
  isRefusal,
  refusalData,
  refusals,
  refuse,
  type RefusalName,
  type RefusalRow,
  type RefusalView,
} from './refusals.ts';

type Row = readonly [name: RefusalName, stage: RefusalRow['stage'], shows: RefusalView, status: number, code?: number];

/** The contract with callers, written down a second time: a change here is a change of the wire. */
const contract: readonly Row[] = [
  ['malformed-host', 'receive', 'door', 400],
  ['bad-host', 'receive', 'door', 403],
  ['bad-origin', 'receive', 'door', 403],
  ['disputed-address', 'receive', 'door', 400],
  ['no-such-path', 'receive', 'door', 404],
  ['method-not-allowed', 'receive', 'door', 405],
  ['bad-upgrade', 'receive', 'door', 400],
  ['not-text', 'receive', 'door', 415],
  ['body-timeout', 'receive', 'door', 408],
  ['body-too-large', 'receive', 'door', 413],
  ['bad-content-type', 'receive', 'door', 415],
  ['address-limited', 'receive', 'door', 429],
  ['bad-requests-limited', 'receive', 'door', 429],
  ['bad-http-version', 'receive', 'door', 505],
  ['bad-authorization', 'identify', 'door', 400],
  ['unauthenticated', 'identify', 'door', 401],
  ['bad-credential', 'identify', 'door', 401],
  ['expired-credential', 'identify', 'door', 401],
  ['bad-certificate', 'identify', 'door', 401],
  ['credential-in-url', 'receive', 'door', 400],
  ['identity-unavailable', 'identify', 'door', 503],
  ['credential-elsewhere', 'identify', 'door', 403],
  ['login-limited', 'identify', 'door', 429],
  ['malformed-json', 'parse', 'door', 400, -32700],
  ['invalid-request', 'parse', 'door', 400, -32600],
  ['unknown-method', 'parse', 'door', 404, -32601],
  ['invalid-params', 'parse', 'door', 400, -32602],
  ['header-mismatch', 'parse', 'door', 400, -32020],
  ['unsupported-version', 'parse', 'door', 400, -32022],
  ['session-required', 'parse', 'door', 400, -32600],
  ['unknown-session', 'parse', 'door', 404],
  ['missing-capability', 'resolve', 'door', 400, -32021],
  ['caller-blocked', 'resolve', 'call', 403],
  ['unknown-server', 'resolve', 'door', 404],
  ['unknown', 'resolve', 'unknown', 404, -32602],
  ['bad-handle', 'resolve', 'door', 400, -32602],
  ['forbidden', 'authorize', 'unknown', 403, -32602],
  ['step-up', 'authorize', 'door', 403],
  ['denied', 'authorize', 'call', 403],
  ['blocked', 'authorize', 'call', 403],
  ['too-many-open', 'admit', 'door', 429],
  ['limited', 'admit', 'call', 429],
  ['too-many-at-once', 'admit', 'call', 429],
  ['busy', 'admit', 'call', 503],
  ['draining', 'admit', 'call', 503],
  ['bad-arguments', 'inspect', 'call', 400, -32602],
  ['unrecorded', 'intend', 'call', 503],
  ['unavailable', 'invoke', 'call', 502],
  ['bad-answer', 'invoke', 'call', 502],
  ['timeout', 'invoke', 'call', 504],
  ['cancelled', 'invoke', 'call', 499],
  ['unbridgeable', 'invoke', 'call', 501],
  ['cannot-ask', 'invoke', 'call', 403],
  ['upstream-credentials', 'invoke', 'call', 502],
  ['upstream-identity', 'invoke', 'call', 403],
  ['upstream-consent', 'invoke', 'call', 403],
  ['consent-refused', 'invoke', 'call', 403],
  ['answer-too-large', 'screen', 'call', 502],
  ['internal', 'any', 'call', 500],
];

describe('the table of refusals', () => {
  const rows = contract.map(([name, stage, shows, status, code]) => ({ name, stage, shows, status, code }));

  it.each(rows)(
    '$name is refused in $stage, shows as $shows, with status $status',
    ({ name, stage, shows, status, code }) => {
      const row: RefusalRow = refusals[name];
      expect([row.stage, row.shows, row.status, row.code]).toEqual([stage, shows, status, code]);
    },
  );

  it('holds no row that the contract does not know', () => {
    expect(Object.keys(refusals).sort()).toEqual(contract.map(([name]) => name).sort());
  });

  it('answers a forbidden target with the very words of an unknown one', () => {
    const { text, advice, code, shows } = refusals.unknown;
    expect(refusals.forbidden).toMatchObject({ text, advice, code, shows });
  });

  it('fills every place of its texts from facts that the stages give', () => {
    const given = new Set([
      'limit',
      'retryAfter',
      'detail',
      'kind',
      'name',
      'handle',
      'rate',
      'allowed',
      'server',
      'principal',
      'scopes',
    ]);
    for (const row of Object.values<RefusalRow>(refusals)) {
      for (const [, place = ''] of `${row.text} ${row.advice}`.matchAll(/\{(\w+)\}/g)) expect(given).toContain(place);
    }
  });

  it('uses JSON-RPC codes only where the specifications define them', () => {
    const defined = new Set([-32700, -32600, -32601, -32602, -32020, -32021, -32022]);
    for (const { code } of Object.values<RefusalRow>(refusals)) if (code !== undefined) expect(defined).toContain(code);
  });
});

describe('a refusal', () => {
  it('is told from what stages return otherwise', () => {
    expect(isRefusal(refuse('unknown'))).toBe(true);
    for (const value of [undefined, null, 'unknown', {}, { name: 'unknown' }, { isRefusal: 'true' }]) {
      expect(isRefusal(value)).toBe(false);
    }
  });
});

describe('what a caller reads', () => {
  it('names what was asked, why not, what to do, and the exchange', () => {
    expect(describeRefusal(refuse('denied'), 'files.write_file', 'x7Qe')).toBe(
      'Sallyport refused files.write_file: not allowed for you. Do not retry. (x7Qe)',
    );
  });

  it('tells in whole seconds when to come back, never too early', () => {
    const refusal = refuse('limited', { fill: { rate: '10/m' }, retryAfterMs: 22_001 });
    expect(describeRefusal(refusal, 'db.query', 'x7Qf')).toBe(
      'Sallyport refused db.query: limit of 10/m used. Retry after 23 s. (x7Qf)',
    );
    expect(refusalData(refuse('limited', { retryAfterMs: 0.2 }), 'x')).toMatchObject({ retryAfterMs: 1 });
  });

  it('names no subject at the door', () => {
    expect(describeRefusal(refuse('bad-host'), undefined, 'x')).toBe(
      'Sallyport refused: this Host is not served here. Use the configured public address. (x)',
    );
  });

  it('has no empty advice', () => {
    expect(describeRefusal(refuse('cancelled'), undefined, 'x')).toBe('Sallyport refused: the call was cancelled. (x)');
  });

  it('is the protocol’s own sentence for what is unknown, without exchange or product', () => {
    const facts = { fill: { kind: 'tool', name: 'a' } };
    expect(describeRefusal(refuse('unknown', facts), 'files.a', 'x')).toBe('Unknown tool: a');
    expect(describeRefusal(refuse('forbidden', facts), 'files.a', 'x')).toBe('Unknown tool: a');
  });

  it('never fills a place that stands in a value', () => {
    const refusal = refuse('unknown', { fill: { kind: 'tool', name: '{kind} $& {name}' } });
    expect(describeRefusal(refusal, undefined, 'x')).toBe('Unknown tool: {kind} $& {name}');
  });

  it('leaves a place without a value empty', () => {
    expect(describeRefusal(refuse('invalid-params'), undefined, 'x')).toContain('not valid: .');
  });

  it.each(Object.keys(refusals) as RefusalName[])('%s never tells the note or the cause', (name) => {
    const refusal = refuse(name, { note: 'secret note', cause: new Error('secret cause') });
    const told = describeRefusal(refusal, 'files.a', 'x') + JSON.stringify(refusalData(refusal, 'x'));
    expect(told).not.toContain('secret');
  });
});

describe('the machine-readable side', () => {
  it('has the reason and the exchange, and what the case adds', () => {
    expect(refusalData(refuse('unsupported-version', { data: { supported: ['a'] } }), 'x7Qe')).toEqual({
      reason: 'unsupported-version',
      exchange: 'x7Qe',
      supported: ['a'],
    });
  });
});
