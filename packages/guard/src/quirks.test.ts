import { describe, expect, it } from 'vitest';
import { makeHead, messageOf } from './exchange.fixture.ts';
import type { CallerSession } from './exchange.ts';
import {
  noteHeadQuirks,
  noteQuirk,
  noteSessionQuirks,
  noteUnknownMethod,
  quirks,
  type Noticed,
  type QuirkName,
} from './quirks.ts';
import { createSessionStub } from './session.fixture.ts';

function noted(note: (exchange: Noticed) => void): readonly QuirkName[] {
  const exchange: Noticed = {};
  note(exchange);
  return exchange.quirks ?? [];
}

describe('a habit', () => {
  it('is noted once', () => {
    expect(noted((exchange) => [1, 2].forEach(() => noteQuirk(exchange, 'reused-id')))).toEqual(['reused-id']);
  });

  it('has a name that can be a label', () => {
    for (const name of Object.keys(quirks)) expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
  });
});

describe('the head of a request', () => {
  const shows = (headers: Readonly<Record<string, string>>, more: object = {}) =>
    noted((exchange) => noteHeadQuirks(exchange, { ...makeHead(), headers, ...more }));

  it.each<[string | undefined, readonly QuirkName[]]>([
    ['application/json, text/event-stream', []],
    ['text/event-stream,  application/json;q=0.9', []],
    ['Application/JSON, Text/Event-Stream', []],
    ['*/*', ['odd-accept']],
    ['application/json', ['odd-accept']],
    ['text/event-stream', ['odd-accept']],
    [undefined, ['odd-accept']],
  ])('with Accept %j shows %j', (accept, expected) => {
    expect(shows(accept === undefined ? {} : { accept })).toEqual(expected);
  });

  it.each<[string, string, Readonly<Record<string, string>>, readonly QuirkName[]]>([
    ['GET', '/mcp', {}, ['probe-get']],
    ['DELETE', '/mcp', {}, ['probe-get']],
    ['GET', '/mcp', { 'mcp-session-id': 'x' }, []],
    ['PUT', '/mcp', {}, []],
  ])('%s %s with %j shows %j', (method, target, headers, expected) => {
    expect(shows(headers, { method, target, isKnownPath: true })).toEqual(expected);
  });

  it.each<[string, readonly QuirkName[]]>([
    ['/.well-known/oauth-protected-resource', ['probe-oauth']],
    ['/.well-known/oauth-protected-resource/mcp', ['probe-oauth']],
    ['/.well-known/oauth-authorization-server?x', ['probe-oauth']],
    ['/.well-known/openid-configuration', ['probe-oauth']],
    ['/.well-known/oauth-protected-resources', []],
    ['/.well-known/security.txt', []],
    ['/wp-admin', []],
  ])('with the path %s shows %j', (target, expected) => {
    expect(shows({}, { method: 'GET', target, isKnownPath: false })).toEqual(expected);
  });
});

describe('a message of a session', () => {
  const list = messageOf({ id: 1, method: 'tools/list' });
  const ready = messageOf({ method: 'notifications/initialized' });
  const shows = (
    message: typeof list,
    session: CallerSession | undefined,
    headers?: Readonly<Record<string, string>>,
  ) =>
    noted((exchange) =>
      noteSessionQuirks(
        headers === undefined
          ? exchange
          : Object.assign(exchange, { door: 'http' as const, head: { ...makeHead(), headers } }),
        message,
        session,
      ),
    );
  const fine = { 'mcp-protocol-version': '2025-11-25' };

  it('that is as it should be shows nothing', () => {
    expect(shows(list, createSessionStub(), fine)).toEqual([]);
    expect(shows(list, createSessionStub(), { ...fine, 'mcp-method': 'tools/list' })).toEqual([]);
    expect(shows(list, createSessionStub())).toEqual([]);
    expect(shows(list, undefined, {})).toEqual([]);
  });

  it('shows a header that is missing where the revision has it', () => {
    expect(shows(list, createSessionStub(), {})).toEqual(['missing-version-header']);
    expect(shows(list, createSessionStub({ revision: '2025-03-26' }), {})).toEqual([]);
  });

  it('shows headers that are of another request', () => {
    expect(shows(list, createSessionStub(), { 'mcp-protocol-version': '2025-06-18' })).toEqual([
      'other-version-header',
    ]);
    expect(shows(list, createSessionStub(), { ...fine, 'mcp-method': 'ping' })).toEqual(['stale-method-header']);
  });

  it('shows once that the caller did not wait to say that it is ready', () => {
    const session = createSessionStub({ isBegun: false });
    expect(shows(messageOf({ id: 1, method: 'ping' }), session)).toEqual([]);
    expect([shows(list, session), shows(list, session), shows(ready, session)]).toEqual([['early-request'], [], []]);
    const sound = createSessionStub({ isBegun: false });
    expect([shows(ready, sound), shows(list, sound)]).toEqual([[], []]);
    expect(shows(list, createSessionStub({ isBegun: false, revision: undefined }))).toEqual([]);
  });
});

describe('a method that is unknown', () => {
  const shows = (value: object, era: 'modern' | 'legacy') =>
    noted((exchange) => noteUnknownMethod(exchange, messageOf(value), era));

  it('is a look for the newer revision, or just unknown; a notification is neither', () => {
    expect(shows({ id: 1, method: 'server/discover' }, 'legacy')).toEqual(['probe-discover']);
    expect(shows({ id: 1, method: 'server/discover' }, 'modern')).toEqual(['unknown-method']);
    expect(shows({ id: 1, method: 'x/y' }, 'legacy')).toEqual(['unknown-method']);
    expect(shows({ method: 'x/y' }, 'legacy')).toEqual([]);
  });
});
