import { describe, expect, it } from 'vitest';
import type { Classification, Inbound } from './classify.ts';
import { classify } from './classify.ts';
import { CLIENT_CAPABILITIES_KEY, CLIENT_INFO_KEY, LOG_LEVEL_KEY, PROTOCOL_VERSION_KEY } from './envelope.ts';
import type { HeaderFields } from './headers.ts';
import { messageOf } from './message-of.test-support.ts';
import { isObject } from './object.ts';
import { checkParamHeaders, readParamHeaderAnnotations } from './param-headers.ts';
import { corpusLines, corpusNote, hasCorpus } from './shared-corpus.test-support.ts';

const _meta = { [PROTOCOL_VERSION_KEY]: '2026-07-28', [CLIENT_CAPABILITIES_KEY]: {} };
const listHeaders = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/list' };

function http(value: object, headers: HeaderFields = {}, more: Partial<Inbound> = {}): Classification {
  return classify({ transport: 'http', message: messageOf(value), headers, ...more });
}

function stdio(value: object, sessionRevision?: string): Classification {
  return classify({ transport: 'stdio', message: messageOf(value), sessionRevision });
}

function list(meta: object): object {
  return { id: 1, method: 'tools/list', params: { _meta: meta } };
}

describe('classify on modern messages', () => {
  it('takes a request with envelope and headers, with its method', () => {
    expect(http(list(_meta), listHeaders)).toMatchObject({
      kind: 'request',
      era: 'modern',
      revision: '2026-07-28',
      method: { name: 'tools/list', isCacheable: true },
    });
    expect(stdio(list(_meta))).toMatchObject({ kind: 'request', era: 'modern' });
  });

  it('asks for the envelope as soon as header or body say modern', () => {
    const bad = { kind: 'fault', era: 'modern', fault: { name: 'bad-envelope', code: -32602, status: 400 } };
    expect(http({ id: 1, method: 'tools/list' }, listHeaders)).toMatchObject(bad);
    for (const [key, value] of [
      [PROTOCOL_VERSION_KEY, 20260728],
      [CLIENT_CAPABILITIES_KEY, undefined],
      [CLIENT_CAPABILITIES_KEY, []],
      [CLIENT_INFO_KEY, 'me'],
      [CLIENT_INFO_KEY, { name: 'me' }],
      [LOG_LEVEL_KEY, 'loud'],
    ] as const) {
      const faulty = list({ ..._meta, [key]: value });
      expect(http(faulty, listHeaders)).toMatchObject(bad);
      expect(stdio(faulty)).toMatchObject({ ...bad, fault: { data: { envelope: { key } } } });
    }
  });

  it('does not take any other reserved member for a claim', () => {
    expect(stdio(list({ [CLIENT_CAPABILITIES_KEY]: {} }))).toMatchObject({ era: 'legacy' });
  });

  it('answers an unsupported version with what is supported', () => {
    const fault = { name: 'unsupported-version', code: -32022, status: 400 };
    for (const requested of ['2999-01-01', '2025-11-25', 'draft']) {
      const data = { supported: ['2026-07-28'], requested };
      const message = list({ ..._meta, [PROTOCOL_VERSION_KEY]: requested });
      expect(http(message, { 'mcp-protocol-version': requested })).toMatchObject({ fault: { ...fault, data } });
      expect(stdio(message)).toMatchObject({ fault: { ...fault, data } });
    }
  });

  it('answers headers that disagree before the version, and the version before the method', () => {
    const unknown = { id: 1, method: 'nope', params: { _meta: { ..._meta, [PROTOCOL_VERSION_KEY]: '2999-01-01' } } };
    expect(http(unknown, listHeaders)).toMatchObject({ fault: { name: 'header-mismatch', code: -32020, status: 400 } });
    expect(http(unknown, { ...listHeaders, 'mcp-protocol-version': '2999-01-01' })).toMatchObject({
      fault: { name: 'unsupported-version' },
    });
    const nope = { id: 1, method: 'nope', params: { _meta } };
    expect(http(nope, listHeaders)).toMatchObject({ fault: { name: 'header-mismatch' } });
    expect(http(nope, { ...listHeaders, 'mcp-method': 'nope' })).toMatchObject({
      fault: { name: 'unknown-method', code: -32601, status: 404 },
    });
  });

  it('refuses a repeated header before anything else', () => {
    const repeated = new Set(['mcp-method']);
    expect(http(list(_meta), listHeaders, { repeated })).toMatchObject({
      fault: { name: 'header-repeated', code: -32020, status: 400 },
    });
    expect(http({ id: 1, method: 'ping' }, {}, { repeated })).toMatchObject({
      era: 'legacy',
      fault: { name: 'header-repeated', code: -32600, status: 400 },
    });
  });

  it('does not know requests sent as notifications, notifications sent as requests, or what servers send', () => {
    const unknown = { kind: 'fault', fault: { name: 'unknown-method', code: -32601 } };
    expect(stdio({ method: 'tools/list', params: { _meta } })).toMatchObject(unknown);
    expect(stdio({ id: 1, method: 'notifications/cancelled', params: { _meta } })).toMatchObject(unknown);
    expect(stdio({ method: 'notifications/message', params: { _meta } })).toMatchObject(unknown);
  });

  it('takes a notification by its header alone', () => {
    const note = { method: 'notifications/cancelled', params: { requestId: 1 } };
    const header = { 'mcp-protocol-version': '2026-07-28' };
    expect(http(note, header)).toMatchObject({ kind: 'notification', era: 'modern', revision: '2026-07-28' });
    expect(http(note, {})).toMatchObject({ kind: 'notification', era: 'legacy' });
    expect(http({ method: 'x', params: { _meta: { [PROTOCOL_VERSION_KEY]: 1 } } }, header)).toMatchObject({
      fault: { name: 'bad-envelope' },
    });
  });

  it('takes no responses', () => {
    expect(http({ id: 1, result: {} }, { 'mcp-protocol-version': '2026-07-28' })).toMatchObject({
      fault: { name: 'response-not-taken', code: -32600, status: 400 },
    });
  });
});

describe('classify on legacy messages', () => {
  it('takes the revision from header, session or what is assumed, in this order', () => {
    const ping = { id: 1, method: 'ping' };
    expect(http(ping)).toMatchObject({
      kind: 'request',
      era: 'legacy',
      revision: '2025-03-26',
      method: { name: 'ping' },
    });
    expect(http(ping, {}, { sessionRevision: '2025-11-25' })).toMatchObject({ revision: '2025-11-25' });
    expect(http(ping, { 'mcp-protocol-version': ' 2025-06-18 ' }, { sessionRevision: '2025-11-25' })).toMatchObject({
      revision: '2025-06-18',
    });
    expect(stdio(ping)).toMatchObject({ revision: '2025-11-25' });
    expect(stdio(ping, '2024-11-05')).toMatchObject({ revision: '2024-11-05' });
    expect(http({ id: 1, result: {} })).toEqual({ kind: 'response', era: 'legacy', revision: '2025-03-26' });
  });

  it('reads headers of an HTTP request only', () => {
    const message = messageOf({ id: 1, method: 'ping' });
    expect(
      classify({ transport: 'stdio', message, headers: listHeaders, repeated: new Set(['mcp-name']) }),
    ).toMatchObject({
      kind: 'request',
      era: 'legacy',
    });
  });

  it('answers a header that names an unknown revision with 400', () => {
    for (const named of ['2025-01-01', '2024-10-07', '1.0', '']) {
      expect(http({ id: 1, method: 'ping' }, { 'mcp-protocol-version': named })).toMatchObject({
        era: 'legacy',
        fault: { name: 'unsupported-version', code: -32600, status: 400, data: { requested: named } },
      });
    }
  });

  it('takes initialize whatever version it asks for, and says which to answer with', () => {
    const initialize = (protocolVersion: unknown, meta?: object) => ({
      id: 1,
      method: 'initialize',
      params: { protocolVersion, ...(meta === undefined ? {} : { _meta: meta }) },
    });
    expect(http(initialize('2025-03-26'))).toMatchObject({
      era: 'legacy',
      revision: '2025-03-26',
      method: { name: 'initialize' },
    });
    for (const asked of ['2026-07-28', '2024-10-07', 7, undefined, '__proto__']) {
      expect(http(initialize(asked), { 'mcp-protocol-version': 'x'.slice(1) })).toMatchObject({
        revision: '2025-11-25',
      });
    }
    expect(http(initialize('2025-03-26'), listHeaders)).toMatchObject({
      fault: { name: 'header-mismatch', code: -32020, status: 400 },
    });
    expect(stdio(initialize('2025-03-26', _meta))).toMatchObject({ era: 'modern', fault: { name: 'unknown-method' } });
    expect(stdio(initialize('2025-03-26', { [PROTOCOL_VERSION_KEY]: '2026-07-28' }))).toMatchObject({
      era: 'legacy',
      kind: 'request',
    });
  });

  it('answers unknown methods in-band, and drops unknown notifications', () => {
    for (const method of [
      'nope',
      '',
      '__proto__',
      'constructor',
      'toString',
      'Ping',
      'ping ',
      'server/discover',
      'roots/list',
    ]) {
      expect(http({ id: 1, method })).toMatchObject({ fault: { name: 'unknown-method', code: -32601, status: 200 } });
    }
    expect(http({ method: 'notifications/nope' })).toMatchObject({ fault: { name: 'unknown-method', status: 202 } });
  });

  it('does not know methods that came after the revision', () => {
    const tasks = { id: 1, method: 'tasks/get', params: { taskId: 't' } };
    expect(http(tasks, { 'mcp-protocol-version': '2025-11-25' })).toMatchObject({ kind: 'request' });
    expect(http(tasks, { 'mcp-protocol-version': '2025-06-18' })).toMatchObject({ fault: { name: 'unknown-method' } });
  });
});

describe.skipIf(!hasCorpus)(`classify over the 2026-07-28 corpus${corpusNote}`, () => {
  const rows = (hasCorpus ? corpusLines('jsonrpc/mcp-2026-07-28.jsonl') : []).filter(isObject);

  /** Runs one row as the HTTP door would, and gives `<status> <code>` or `taken`. */
  function answer(row: { readonly [name: string]: unknown }): string {
    const fields = isObject(row['headers']) ? Object.entries(row['headers']) : [];
    const headers = Object.fromEntries(fields.map(([name, value]) => [name, String(value)]));
    const duplicate = isObject(row['duplicate']) ? row['duplicate'] : undefined;
    const repeated = new Set(duplicate === undefined ? [] : [String(duplicate['header'])]);
    const result = http(Object(row['body']), headers, { repeated });
    return result.kind === 'fault' ? `${result.fault.status} ${result.fault.code}` : 'taken';
  }

  it.each([
    ['control', 3, 'taken'],
    ['header-mismatch', 27, '400 -32020'],
    ['header-duplicate', 5, '400 -32020'],
    ['removed-method', 7, '404 -32601'],
  ])('answers all of %s, which are %i, with %s', (group, count, expected) => {
    const cases = rows.filter((row) => row['group'] === group);
    expect(cases).toHaveLength(count);
    expect(cases.map((row) => [row['name'], answer(row)])).toEqual(cases.map((row) => [row['name'], expected]));
  });

  it('answers all 11 of envelope', () => {
    const cases = rows.filter((row) => row['group'] === 'envelope');
    const answers = cases.map((row): [string, string] => {
      const isTokenCase = row['name'] === 'progress-token-object';
      return [String(row['name']), isTokenCase ? 'see readMessage' : answer(row)];
    });
    expect(Object.fromEntries(answers)).toEqual({
      'meta-missing': '400 -32602',
      'meta-version-missing': '400 -32602',
      'meta-version-number': '400 -32602',
      'meta-version-unknown': '400 -32020',
      'meta-capabilities-missing': '400 -32602',
      'meta-capabilities-array': '400 -32602',
      'meta-client-info-impersonates': 'taken',
      'meta-proto': 'taken',
      'traceparent-injection': 'taken',
      'progress-token-object': 'see readMessage',
      'baggage-secret': 'taken',
    });
  });

  it('answers all 10 of mcp-param', () => {
    const cases = rows.filter((row) => row['group'] === 'mcp-param');
    const answers = cases.map((row): [string, string] => {
      const args = isObject(row['arguments']) ? row['arguments'] : {};
      const names = isObject(row['xMcpHeader']) ? Object.entries(row['xMcpHeader']) : [];
      const properties = Object.fromEntries(
        names.map(([property, header]) => {
          const type = { number: 'integer', boolean: 'boolean' }[typeof args[property] as string] ?? 'string';
          return [property, { type, 'x-mcp-header': header }];
        }),
      );
      const reading = readParamHeaderAnnotations({ type: 'object', properties });
      if (reading.kind === 'fault') return [String(row['name']), `tool refused: ${reading.fault.name}`];
      const fault = checkParamHeaders(args, Object(row['headers']), reading.annotations);
      return [String(row['name']), fault === undefined ? 'taken' : `${fault.code} ${fault.name}`];
    });
    expect(Object.fromEntries(answers)).toEqual({
      mismatch: '-32020 header-mismatch',
      missing: '-32020 header-missing',
      'null-with-header': '-32020 header-mismatch',
      'integer-form': '-32020 header-mismatch',
      'integer-exp': 'taken',
      'bool-case': '-32020 header-mismatch',
      'unknown-param-forwarded': 'taken',
      'crlf-in-value': '-32020 header-missing',
      'header-named-authorization': '-32020 header-missing',
      'dup-annotation': 'tool refused: repeated-name',
    });
  });
});
