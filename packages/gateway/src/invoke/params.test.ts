import { describe, expect, it } from 'vitest';
import {
  beginSession,
  envelope,
  filesPath,
  intended,
  jsonOf,
  makeWorld,
  scriptedLink,
  tool,
  type RequestSpec,
} from '../exchange.fixture.ts';
import type { GatewayTarget } from '../resolve.ts';
import type { AskKind } from '../upstreams/link.ts';
import { carriedCapabilities, encodeParams } from './params.ts';

const world = await makeWorld({
  files: { tools: [tool('read')], prompts: [{ name: 'ask' }], templates: [{ uriTemplate: 'file:///{n}', name: 't' }] },
});
const links = { modern: scriptedLink('modern', {}, () => ({})), legacy: scriptedLink('legacy', {}, () => ({})) };

async function encoded(
  spec: RequestSpec,
  to: 'modern' | 'legacy' = spec.era ?? 'modern',
  ask: readonly AskKind[] = [],
): Promise<string> {
  const exchange = await intended(world, spec);
  const target: GatewayTarget = exchange.target;
  return Buffer.from(encodeParams(exchange, target, links[to], 77, ask)).toString();
}

const call = (params: object) => ({ id: 1, method: 'tools/call', params });

describe('params on their way to a server', () => {
  it('keep the caller’s bytes but for the name', async () => {
    const meta = JSON.stringify(envelope());
    const value = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{ "arguments":{"n":1.0,"s":"\\u0061"} , "name" : "files__read","x":[ ],"_meta":${meta} }}`;
    expect(await encoded({ value })).toBe(
      `{ "arguments":{"n":1.0,"s":"\\u0061"} , "name" : "read","x":[ ],"_meta":${meta} }`,
    );
  });

  it('keep every byte on the server’s own path', async () => {
    const value = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{ "name" : "\\u0072ead","_meta":${JSON.stringify(envelope())}}}`;
    expect(await encoded({ value, path: filesPath })).toBe(
      `{ "name" : "\\u0072ead","_meta":${JSON.stringify(envelope())}}`,
    );
  });

  it.each<[string, object, object]>([
    ['a resource', { id: 1, method: 'resources/read', params: { uri: 'mcp+files:file:///a' } }, { uri: 'file:///a' }],
    ['a prompt', { id: 1, method: 'prompts/get', params: { name: 'files__ask' } }, { name: 'ask' }],
    [
      'a reference to a prompt',
      {
        id: 1,
        method: 'completion/complete',
        params: { ref: { type: 'ref/prompt', name: 'files__ask' }, name: 'kept' },
      },
      { ref: { type: 'ref/prompt', name: 'ask' }, name: 'kept' },
    ],
    [
      'a reference to a template',
      { id: 1, method: 'completion/complete', params: { ref: { uri: 'mcp+files:file:///{n}', type: 'ref/resource' } } },
      { ref: { uri: 'file:///{n}', type: 'ref/resource' } },
    ],
  ])('name %s as the server does', async (_, value, expected) => {
    expect(JSON.parse(await encoded({ value, era: 'legacy' }))).toEqual(expected);
  });

  it('never touch arguments, whatever they hold', async () => {
    const args = {
      name: 'files__read',
      uri: 'mcp+files:x',
      _meta: { progressToken: 1, baggage: 'b' },
      requestState: 's',
    };
    expect(JSON.parse(await encoded({ value: call({ name: 'files__read', arguments: args }), era: 'legacy' }))).toEqual(
      {
        name: 'read',
        arguments: args,
      },
    );
  });

  it('carry the minted id as progress token, and none where the caller gave none', async () => {
    const own = call({ name: 'files__read', _meta: { progressToken: 'mine' } });
    expect(JSON.parse(await encoded({ value: own, era: 'legacy' }))).toMatchObject({ _meta: { progressToken: 77 } });
    expect(await encoded({ value: call({ name: 'files__read' }), era: 'legacy' })).toBe('{"name":"read"}');
  });

  it('carry no baggage, wherever it stands; trace ids pass', async () => {
    for (const meta of [
      { baggage: 'user=ada', traceparent: '00-a-b-01' },
      { traceparent: '00-a-b-01', baggage: 'user=ada' },
      { traceparent: '00-a-b-01', baggage: 'user=ada', progressToken: 1 },
    ]) {
      const sent = await encoded({ value: call({ name: 'files__read', _meta: { ...meta, ...envelope() } }) });
      expect(sent).not.toContain('user=ada');
      expect(JSON.parse(sent)).toMatchObject({ _meta: { traceparent: '00-a-b-01' } });
    }
  });

  it('carry no baggage to a server of the other era either', async () => {
    const modern = call({ name: 'files__read', _meta: { ...envelope(), baggage: 'user=ada' } });
    const legacy = call({ name: 'files__read', _meta: { baggage: 'user=ada' } });
    expect(await encoded({ value: modern }, 'legacy')).not.toContain('user=ada');
    expect(await encoded({ value: legacy, era: 'legacy' }, 'modern')).not.toContain('user=ada');
  });

  it('carry the caller’s capabilities as far as `ask` allows', async () => {
    const capabilities = { elicitation: { form: {} }, sampling: {}, roots: {}, extensions: { x: {} } };
    const value = call({ name: 'files__read', _meta: envelope({}, capabilities) });
    const declared = async (ask: readonly AskKind[]) =>
      (JSON.parse(await encoded({ value }, 'modern', ask)) as { _meta: Record<string, unknown> })._meta[
        'io.modelcontextprotocol/clientCapabilities'
      ];
    expect(await declared([])).toEqual({});
    expect(await declared(['elicitation', 'roots'])).toEqual({ elicitation: { form: {} }, roots: {} });
  });

  it('survive all edits at once, in any order of the members', async () => {
    const meta = { baggage: 'b', ...envelope({ progressToken: 'p' }, { sampling: {} }) };
    for (const names of [Object.keys(meta), Object.keys(meta).reverse()]) {
      const ordered = Object.fromEntries(names.map((name) => [name, (meta as Record<string, unknown>)[name]]));
      const sent = JSON.parse(await encoded({ value: call({ _meta: ordered, name: 'files__read' }) }));
      expect(sent).toEqual({ name: 'read', _meta: envelope({ progressToken: 77 }) });
    }
  });

  it('lose the envelope on the way to a legacy server', async () => {
    const value = call({ name: 'files__read', _meta: envelope({ progressToken: 1 }) });
    expect(JSON.parse(await encoded({ value }, 'legacy'))).toEqual({ name: 'read', _meta: { progressToken: 77 } });
  });

  it('get an envelope of our own on the way from a legacy caller, without capabilities', async () => {
    const session = beginSession(world, { capabilities: { sampling: {} } });
    session.logLevel = 'warning';
    const forged = { 'io.modelcontextprotocol/clientCapabilities': { sampling: {} } };
    const sent = await encoded(
      { value: call({ name: 'files__read', _meta: forged }), era: 'legacy', session },
      'modern',
    );
    expect(JSON.parse(sent)).toMatchObject({
      name: 'read',
      _meta: {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientCapabilities': {},
        'io.modelcontextprotocol/clientInfo': { name: 'sallyport' },
        'io.modelcontextprotocol/logLevel': 'warning',
      },
    });
  });

  it('are an empty object where the caller sent none', async () => {
    const exchange = await intended(world, { value: { id: 1, method: 'ping' }, era: 'legacy' });
    expect(jsonOf(encodeParams(exchange, exchange.target, links.legacy, 1, []))).toEqual({});
  });
});

describe('carried capabilities', () => {
  it('are the very same object where nothing is taken away', () => {
    const declared = { elicitation: {} };
    expect(carriedCapabilities(declared, ['elicitation'], {})).toBe(declared);
  });
});
