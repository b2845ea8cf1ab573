import { createCanceller } from '@sallyport/guard';
import type { Era } from '@sallyport/protocol';
import { describe, expect, it } from 'vitest';
import {
  beginSession,
  envelope,
  intended,
  jsonOf,
  makeWorld,
  messageOf,
  tool,
  type RequestSpec,
  type ServerSpec,
} from '../exchange.fixture.ts';
import { linkFailure } from '../upstreams/link.ts';
import { forward } from './forward.ts';

const call: RequestSpec = {
  value: { id: 1, method: 'tools/call', params: { name: 'files__read', arguments: { path: 'a' }, _meta: envelope() } },
};

const world = (spec: ServerSpec) => makeWorld({ files: { tools: [tool('read')], ...spec } });
const failure = (reason: Parameters<typeof linkFailure>[0]) => ({
  kind: 'failure',
  failure: linkFailure(reason, 'Text.'),
});

describe('forwarding', () => {
  it('sends the call under an id of ours, within the server’s deadlines, and brings the answer back', async () => {
    const made = await world({ script: () => ({ content: [], n: 1 }) });
    const answer = await forward(await intended(made, call), made);
    expect(jsonOf('body' in answer ? answer.body : undefined)).toEqual({ content: [], n: 1 });
    const request = made.server('files').link.requests.at(-1);
    expect(request).toMatchObject({ method: 'tools/call', name: 'read', timeoutMs: 60_000, maxTimeMs: 600_000 });
    expect(request?.id).toBeGreaterThan(100);
    expect(jsonOf(request?.params)).toMatchObject({ name: 'read', arguments: { path: 'a' } });
  });

  it('never gives two calls one id, whatever ids callers use', async () => {
    const made = await world({});
    await Promise.all(Array.from({ length: 50 }, async () => forward(await intended(made, call), made)));
    const ids = made.server('files').link.requests.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('tries once more when the server had lost the session, because the call was not looked at', async () => {
    let tries = 0;
    const made = await world({ script: () => ((tries += 1) === 1 ? failure('session-lost') : { content: [] }) });
    expect(await forward(await intended(made, call), made)).toMatchObject({ kind: 'result' });
    expect(tries).toBe(2);
  });

  it('tries no third time', async () => {
    let tries = 0;
    const made = await world({ script: () => ((tries += 1), failure('session-lost')) });
    expect(await forward(await intended(made, call), made)).toMatchObject({ name: 'unavailable' });
    expect(tries).toBe(2);
  });

  it.each(['timeout', 'unreachable', 'closed', 'bad-answer', 'busy'] as const)(
    'never sends a call again after %s',
    async (reason) => {
      let tries = 0;
      const made = await world({ script: () => ((tries += 1), failure(reason)) });
      expect(await forward(await intended(made, call), made)).toHaveProperty('isRefusal', true);
      expect(tries).toBe(1);
    },
  );

  it('never sends a call again whose caller has heard of it', async () => {
    let tries = 0;
    const value = {
      id: 1,
      method: 'tools/call',
      params: { name: 'files__read', _meta: envelope({ progressToken: 'p' }) },
    };
    const made = await world({
      script: (request, listener) => {
        tries += 1;
        listener.onMessage(
          messageOf({ method: 'notifications/progress', params: { progressToken: request.id, progress: 1 } }),
        );
        return failure('session-lost');
      },
    });
    expect(await forward(await intended(made, { value }), made)).toMatchObject({ name: 'unavailable' });
    expect(tries).toBe(1);
  });

  it('fails at once when the server is sick, and says when it may be well', async () => {
    const made = await world({});
    const exchange = await intended(made, call);
    made.server('files').failure = linkFailure('unreachable', 'Text.', { retryAfterMs: 7 });
    expect(await forward(exchange, made)).toMatchObject({ name: 'unavailable', retryAfterMs: 7 });
  });

  it('fails when the server was removed meanwhile', async () => {
    const made = await world({});
    const exchange = await intended(made, call);
    expect(await forward(exchange, { ...made, servers: new Map() })).toMatchObject({ name: 'unavailable' });
  });

  it('fails when a message before the answer was too large, whatever the answer', async () => {
    const made = await world({
      script: (_, listener) => {
        listener.onMessage(messageOf({ method: 'notifications/message', params: { data: 'x'.repeat(2 << 20) } }));
        return { content: [] };
      },
    });
    expect(await forward(await intended(made, { ...call, era: 'legacy' }), made)).toMatchObject({
      name: 'answer-too-large',
    });
  });

  it('hands the caller’s cancellation on', async () => {
    const made = await world({});
    const cancellation = createCanceller();
    const exchange = await intended(made, { ...call, cancellation });
    cancellation.cancel('gone');
    expect(await forward(exchange, made)).toMatchObject({ name: 'cancelled' });
  });

  it.each<[Era, Readonly<Record<string, string>>]>([
    ['modern', { 'mcp-param-region': 'eu', 'mcp-param-other': 'kept' }],
    // Nobody held what a legacy caller sends under these names against its arguments.
    ['legacy', { 'mcp-param-region': 'eu' }],
  ])('mirrors annotated arguments of a %s caller once, into headers made anew', async (era, expected) => {
    const inputSchema = { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' } } };
    const made = await world({ tools: [tool('read', { inputSchema })] });
    const value = {
      id: 1,
      method: 'tools/call',
      params: { name: 'files__read', arguments: { region: 'eu' }, _meta: envelope() },
    };
    const headers = { 'mcp-param-region': 'forged', 'mcp-param-other': 'kept', authorization: 'Bearer x', cookie: 'c' };
    await forward(await intended(made, { value, headers, era }), made);
    const sent = made.server('files').link.requests.at(-1)?.headers ?? {};
    const names = Object.keys(sent).map((name) => name.toLowerCase());
    expect(new Set(names).size).toBe(names.length);
    expect(Object.fromEntries(Object.entries(sent).map(([name, given]) => [name.toLowerCase(), given]))).toEqual(
      expected,
    );
  });

  it('wants the conversation of the caller’s scope, with the capabilities that it declared at initialize', async () => {
    const made = await world({ era: 'legacy', share: 'caller' });
    const session = beginSession(made, { capabilities: { sampling: {} } });
    const value = { id: 1, method: 'tools/call', params: { name: 'files__read' } };
    await forward(await intended(made, { value, era: 'legacy', session }), made);
    expect(made.server('files').wishes.at(-1)).toEqual({
      era: 'legacy',
      scope: 'key:ada',
      owner: 'key:ada',
      clientCapabilities: { sampling: {} },
    });
  });
});
