import { describe, expect, it } from 'vitest';
import { ERROR_TABLE, httpStatusOf } from './errors.ts';
import {
  eraOf,
  LEGACY_REVISIONS,
  lookupMethod,
  METHOD_TABLE,
  MODERN_REVISION,
  SUPPORTED_REVISIONS,
} from './methods.ts';

describe('the method table', () => {
  it('has one row for a name in a revision', () => {
    for (const revision of SUPPORTED_REVISIONS) {
      const names = METHOD_TABLE.filter((row) => row.revisions.includes(revision)).map((row) => row.name);
      expect(new Set(names).size).toBe(names.length);
    }
  });

  it('does not know on modern what 2026-07-28 removed', () => {
    const removed = ['initialize', 'notifications/initialized', 'ping', 'logging/setLevel', 'resources/subscribe'];
    const more = ['resources/unsubscribe', 'notifications/roots/list_changed', 'tasks/list', 'tasks/result'];
    for (const method of [...removed, ...more, 'roots/list', 'sampling/createMessage', 'elicitation/create']) {
      expect(lookupMethod(MODERN_REVISION, method)).toBeUndefined();
      expect(lookupMethod('2025-11-25', method)).toBeDefined();
    }
  });

  it('does not know on legacy what 2026-07-28 brought', () => {
    for (const revision of LEGACY_REVISIONS) {
      for (const method of ['server/discover', 'subscriptions/listen', 'tasks/update']) {
        expect(lookupMethod(revision, method)).toBeUndefined();
      }
    }
  });

  it('knows when elicitation and tasks came', () => {
    expect(LEGACY_REVISIONS.filter((revision) => lookupMethod(revision, 'elicitation/create'))).toEqual([
      '2025-11-25',
      '2025-06-18',
    ]);
    expect(LEGACY_REVISIONS.filter((revision) => lookupMethod(revision, 'tasks/get'))).toEqual(['2025-11-25']);
  });

  it('finds nothing under names that objects inherit', () => {
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '']) {
      expect(lookupMethod('2025-11-25', name)).toBeUndefined();
      expect(lookupMethod(name, 'ping')).toBeUndefined();
    }
  });

  it('asks for an intent wherever something is read, called or begun', () => {
    const names = new Set(METHOD_TABLE.filter((row) => row.needsIntent).map((row) => row.name));
    expect([...names].toSorted()).toEqual([
      'completion/complete',
      'prompts/get',
      'resources/read',
      'resources/subscribe',
      'resources/unsubscribe',
      'subscriptions/listen',
      'tasks/cancel',
      'tasks/get',
      'tasks/list',
      'tasks/result',
      'tasks/update',
      'tools/call',
    ]);
  });

  it('tells the eras apart by date', () => {
    expect(SUPPORTED_REVISIONS.map(eraOf)).toEqual(['modern', 'legacy', 'legacy', 'legacy', 'legacy']);
    expect([eraOf('2999-01-01'), eraOf('2024-10-07'), eraOf('')]).toEqual(['modern', 'legacy', 'legacy']);
  });
});

describe('the error table', () => {
  it('has one row a code, and says how each travels', () => {
    expect(new Set(ERROR_TABLE.map((row) => row.code)).size).toBe(ERROR_TABLE.length);
    expect([httpStatusOf(-32601, 'modern'), httpStatusOf(-32601, 'legacy')]).toEqual([404, 200]);
    expect([httpStatusOf(-32700, 'legacy'), httpStatusOf(-32600, 'legacy')]).toEqual([400, 400]);
    expect([-32020, -32021, -32022].map((code) => httpStatusOf(code, 'modern'))).toEqual([400, 400, 400]);
    expect(httpStatusOf(-32602, 'modern')).toBe(200);
    expect(httpStatusOf(12345, 'modern')).toBe(200);
  });
});
