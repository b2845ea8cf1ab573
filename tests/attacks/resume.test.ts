// Streams of legacy callers that break: what can be fetched again, by whom, and what nobody gets.
import { readFile, writeFile } from 'node:fs/promises';
import {
  createKey,
  LegacySession,
  open,
  postModern,
  progressOf,
  readEvents,
  startGateway,
  startRecordingUpstream,
  waitFor,
  type Gateway,
  type RecordingUpstream,
  type SseEvent,
} from '@sallyport/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let upstream: RecordingUpstream;
let gateway: Gateway;
let key: string;
let other: string;
let release: () => void = () => undefined;

beforeAll(async () => {
  upstream = await startRecordingUpstream({
    script: async (call) => {
      if (call.method !== 'tools/call') return undefined;
      if (call.name !== 'safe') return undefined;
      // The answer comes when the test says so, behind messages that open the stream.
      const gate = new Promise<void>((resolve) => {
        release = resolve;
      });
      if (call.params['arguments'] !== undefined && 'late' in (call.params['arguments'] as object)) await gate;
      const isModern = call.era === 'modern';
      return {
        kind: 'result',
        stream: [progressOf(call, 1), 300, progressOf(call, 2), progressOf(call, 3)],
        result: { content: [{ type: 'text', text: 'the answer' }], ...(isModern ? { resultType: 'complete' } : {}) },
      };
    },
  });
  gateway = await startGateway({
    config: {
      admin: false,
      callers: { keys: true },
      roles: { reader: { tools: ['rec.*'] } },
      limits: { perAddress: '100000/s burst 100000' },
      upstreams: { rec: { url: upstream.url } },
    },
  });
  key = await createKey(gateway.dir, { name: 'one', role: 'reader' });
  other = await createKey(gateway.dir, { name: 'two', role: 'reader' });
  await waitFor(async () => (await postModern(gateway.url, { method: 'tools/list', key: other })).status === 200, {
    what: 'the keys to work',
  });
}, 60_000);
afterAll(async () => {
  release();
  await gateway?.stop();
  await upstream?.close();
});

const slowCall = (id: string | number) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name: 'rec__safe', arguments: {}, _meta: { progressToken: 'p' } },
});

/** Posts a call and breaks off after the given number of events. */
async function breakOff(session: LegacySession, id: string | number, after: number): Promise<SseEvent[]> {
  const response = await open(session.url, JSON.stringify(slowCall(id)), { headers: session.headers() });
  const events: SseEvent[] = [];
  for await (const event of readEvents(response)) {
    events.push(event);
    if (events.length === after) break;
  }
  response.destroy();
  return events;
}

/** Comes back with an event id; the status, and every event until the stream ends. */
async function comeBack(session: LegacySession, lastEventId: string): Promise<{ status: number; events: SseEvent[] }> {
  const response = await open(session.url, undefined, {
    method: 'GET',
    headers: { ...session.headers(), accept: 'text/event-stream', 'last-event-id': lastEventId },
  });
  const events: SseEvent[] = [];
  if (response.statusCode !== 200) response.resume();
  else for await (const event of readEvents(response)) events.push(event);
  return { status: response.statusCode ?? 0, events };
}

const textOf = (events: readonly SseEvent[]): string => events.map(({ data }) => data).join('\n');

describe('a stream that broke', () => {
  it.each(['2025-03-26', '2025-06-18', '2025-11-25'])(
    '[resume] is fetched from where its caller was, the answer too, in %s',
    async (revision) => {
      upstream.clear();
      const session = await LegacySession.open(gateway.url, { key, revision });
      const isPrimed = revision === '2025-11-25';
      const seen = await breakOff(session, 'a', isPrimed ? 2 : 1);
      expect(seen.every(({ id }) => id !== undefined)).toBe(true);
      expect([seen[0]?.data === '', textOf(seen).includes('the answer')]).toEqual([isPrimed, false]);
      const { status, events } = await comeBack(session, seen.at(-1)?.id ?? '');
      expect(status).toBe(200);
      const messages = events.map(({ data }) => JSON.parse(data) as { id?: unknown; params?: { progress?: number } });
      expect(messages.map(({ params, id }) => params?.progress ?? id)).toEqual([2, 3, 'a']);
      expect(textOf(events)).toContain('the answer');
      // Broken off is not cancelled, and resumed is not called again.
      expect(upstream.of('tools/call')).toHaveLength(1);
      expect(upstream.of('notifications/cancelled')).toEqual([]);
      // What was fetched can be fetched again, from any event on.
      expect((await comeBack(session, seen[0]?.id ?? '')).events.length).toBe(isPrimed ? 4 : 3);
      expect((await comeBack(session, events.at(-1)?.id ?? '')).events).toEqual([]);
      await session.close();
    },
  );

  it('[resume] gives nothing to another caller, another session, a made-up id, or after the session', async () => {
    const session = await LegacySession.open(gateway.url, { key });
    const [sibling, foreign] = [
      await LegacySession.open(gateway.url, { key }),
      await LegacySession.open(gateway.url, { key: other }),
    ];
    const [primer] = await breakOff(session, 'a', 2);
    const id = primer?.id ?? '';
    await waitFor(async () => textOf((await comeBack(session, id)).events).includes('the answer'));
    for (const stranger of [sibling, foreign]) {
      expect(await comeBack(stranger, id)).toEqual({ status: 400, events: [] });
    }
    const stolen = await open(session.url, undefined, {
      method: 'GET',
      headers: {
        ...session.headers(),
        accept: 'text/event-stream',
        'last-event-id': id,
        authorization: `Bearer ${other}`,
      },
    });
    stolen.resume();
    expect(stolen.statusCode).toBe(404);
    const stream = id.slice(0, id.lastIndexOf('-'));
    for (const made of [`${stream}-999`, `${stream}--1`, stream, 'x-0', '0', `${id} `.repeat(100)]) {
      expect([made, (await comeBack(session, made)).status]).toEqual([made, 400]);
    }
    await session.close();
    expect((await comeBack(session, id)).status).toBe(404);
    await Promise.all([sibling.close(), foreign.close()]);
  });

  it('[resume] is of one request: what belongs to another stream of the session is not on it', async () => {
    const session = await LegacySession.open(gateway.url, { key });
    const first = await breakOff(session, 'first', 2);
    await breakOff(session, 'second', 2);
    const { events } = await comeBack(session, first[0]?.id ?? '');
    expect(events.flatMap(({ data }) => (JSON.parse(data) as { id?: unknown }).id ?? [])).toEqual(['first']);
    await session.close();
  });

  it('has no event ids for a caller of 2026-07-28 or 2024-11-05', async () => {
    const old = await LegacySession.open(gateway.url, { key, revision: '2024-11-05' });
    expect((await breakOff(old, 1, 10)).map(({ id }) => id)).toEqual([undefined, undefined, undefined, undefined]);
    const answer = await postModern(gateway.url, {
      method: 'tools/call',
      params: { name: 'rec__safe', arguments: {} },
      meta: { progressToken: 'p' },
      key,
    });
    expect(answer.headers['content-type']).toBe('text/event-stream');
    expect(answer.text).not.toMatch(/^(?:id|retry):/m);
  });

  it('goes on where a session’s own stream was, with what was said meanwhile', async () => {
    const session = await LegacySession.open(gateway.url, { key });
    const response = await open(session.url, undefined, {
      method: 'GET',
      headers: { ...session.headers(), accept: 'text/event-stream' },
    });
    let id = '';
    for await (const event of readEvents(response)) {
      id = event.id ?? '';
      break;
    }
    response.destroy();
    // Other rules show other lists, and every session is told.
    const config = JSON.parse(await readFile(gateway.configPath, 'utf8')) as { deny?: string[] };
    await writeFile(gateway.configPath, JSON.stringify({ ...config, deny: ['rec.t'] }), { mode: 0o600 });
    await waitFor(
      async () => !(await postModern(gateway.url, { method: 'tools/list', key })).text.includes('rec__t"'),
      {
        what: 'the reload',
      },
    );
    const resumed = await open(session.url, undefined, {
      method: 'GET',
      headers: { ...session.headers(), accept: 'text/event-stream', 'last-event-id': id },
    });
    expect([resumed.statusCode, id === '']).toEqual([200, false]);
    for await (const event of readEvents(resumed)) {
      expect(event.data).toContain('notifications/tools/list_changed');
      break;
    }
    resumed.destroy();
    await session.close();
  });
});
