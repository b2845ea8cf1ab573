/** Servers at one URL that come back as another kind: of the other era, or without the sessions that they gave out. */
import { createUpstream, realUpstreamPorts, type Upstream } from '@sallyport/gateway';
import { waitFor } from '@sallyport/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import {
  discovery,
  initialization,
  sendJson,
  startHttpFixture,
  type Call,
  type HttpFixture,
} from '../fixtures/upstreams/http-server.ts';
import { callerOf, callTool, takeLink, textOf } from '../fixtures/upstreams/links.ts';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

const done = (text: string): object => ({ resultType: 'complete', content: [{ type: 'text', text }] });

let given = 0;

/** As servers made with the first generation of the official SDK answer: an error with no id, under status 400. */
const sessionful = (sessions: Set<string>) => (incoming: Call) => {
  const { request, response, message } = incoming;
  const session = request.headers['mcp-session-id'];
  if (request.method !== 'POST') response.writeHead(request.method === 'DELETE' ? 200 : 405).end();
  else if (message.method === 'initialize') {
    const id = `session-${(given += 1)}`;
    sessions.add(id);
    sendJson(response, { id: message.id, result: initialization() }, 200, { 'mcp-session-id': id });
  } else if (typeof session !== 'string' || !sessions.has(session)) {
    const error = { code: -32_000, message: 'Bad Request: No valid session ID provided' };
    sendJson(response, { id: null, error }, 400);
  } else if (message.id === undefined) response.writeHead(202).end();
  else sendJson(response, { id: message.id, result: done('legacy') });
};

/** As modern servers answer: what lacks the headers of 2026-07-28 is refused. */
const stateless = ({ request, response, message }: Call): void => {
  if (request.method !== 'POST') response.writeHead(405).end();
  else if (request.headers['mcp-method'] !== message.method) {
    const error = { code: -32_020, message: 'Header mismatch' };
    sendJson(response, { id: message.id ?? null, error }, 400);
  } else if (message.method === 'server/discover') sendJson(response, { id: message.id, result: discovery() });
  else sendJson(response, { id: message.id, result: done('modern') });
};

/** A server whose behaviour can be changed while it runs, as behind a load balancer. */
const serve = async (
  first: (call: Call) => void,
): Promise<HttpFixture & { become(next: (call: Call) => void): void }> => {
  let behave = first;
  const fixture = await startHttpFixture((incoming) => behave(incoming));
  ends.push(() => fixture.close());
  return { ...fixture, become: (next) => void (behave = next) };
};

/** Starts an upstream whose clock can be put forward, since what is new is not doubted. */
const start = async (url: string, verdictMs = 600_000): Promise<{ upstream: Upstream; later(ms: number): void }> => {
  let skew = 0;
  const clock = { now: () => Date.now() + skew, monotonic: () => performance.now() + skew };
  const upstream = createUpstream(
    { name: 'fixture', transport: { kind: 'http', url, headers: {} }, tuning: { verdictMs } },
    realUpstreamPorts({ clock }),
    { name: 'sallyport-test', version: '0.0.0' },
  );
  ends.push(() => upstream.stop());
  upstream.start();
  await upstream.settled();
  return { upstream, later: (ms) => void (skew += ms) };
};

const said = async (upstream: Upstream): Promise<string> => textOf(await callTool(await takeLink(upstream), 'echo'));

describe('an upstream that becomes another', () => {
  it('[any-server] is spoken to as a legacy one once a modern one has come back as that', async () => {
    const server = await serve(stateless);
    const { upstream } = await start(server.url);
    expect(await said(upstream)).toBe('modern');
    server.become(sessionful(new Set()));
    expect(await said(upstream)).not.toBe('modern');
    await waitFor(() => upstream.status().era === 'legacy', { what: 'the legacy server to be found' });
    expect(await said(upstream)).toBe('legacy');
  });

  it('[any-server] is spoken to as a modern one once a legacy one has come back as that, by those with sessions too', async () => {
    const server = await serve(sessionful(new Set()));
    const { upstream } = await start(server.url);
    expect(await said(upstream)).toBe('legacy');
    const old = await takeLink(upstream);
    server.become(stateless);
    expect(await said(upstream)).not.toBe('legacy');
    await waitFor(() => upstream.status().era === 'modern', { what: 'the modern server to be found' });
    expect(await said(upstream)).toBe('modern');
    await waitFor(() => old.state === 'closed', { what: 'the old conversation to be ended' });
    const legacyCaller = await takeLink(upstream, callerOf('legacy'));
    expect(textOf(await callTool(legacyCaller, 'echo'))).toBe('modern');
  });

  it('[any-server] gives each caller a new session when it forgot the old ones and says so with 400', async () => {
    const sessions = new Set<string>();
    const server = await serve(sessionful(sessions));
    const { upstream, later } = await start(server.url);
    expect(await said(upstream)).toBe('legacy');
    sessions.clear();
    later(10_000);
    expect(await said(upstream)).not.toBe('legacy');
    expect(await said(upstream)).toBe('legacy');
  });

  it('[any-server] is found to have learned 2026-07-28, though it still knows its sessions', async () => {
    const old = sessionful(new Set());
    const server = await serve(old);
    const { upstream } = await start(server.url, 100);
    expect(upstream.status().era).toBe('legacy');
    server.become((incoming) => (incoming.request.headers['mcp-method'] === undefined ? old : stateless)(incoming));
    await waitFor(() => upstream.status().era === 'modern', { what: 'the server to be asked again' });
    expect(await said(upstream)).toBe('modern');
  });
});
