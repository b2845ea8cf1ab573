import { PassThrough } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createRelay } from './relay.ts';

/** Both ends of a conversation: what the relay reads and writes, and what is seen on the other side. */
function side() {
  const input = new PassThrough();
  const output = new PassThrough();
  const seen: unknown[] = [];
  let text = '';
  output.on('data', (chunk: Buffer) => {
    text += String(chunk);
    const lines = text.split('\n');
    text = lines.pop() ?? '';
    seen.push(...lines.map((line) => JSON.parse(line) as unknown));
  });
  const say = async (...messages: object[]) => {
    for (const message of messages) input.write(`${JSON.stringify(message)}\n`);
    for (let turns = 0; turns < 5; turns += 1) await turn();
  };
  return { streams: { input, output }, input, output, seen, say };
}

const hello = { jsonrpc: '2.0', id: 0, method: 'initialize', params: {} };
const welcome = { jsonrpc: '2.0', id: 0, result: {} };
const ready = { jsonrpc: '2.0', method: 'notifications/initialized' };
const call = (id: number) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'x' } });
const answer = (id: number) => ({ jsonrpc: '2.0', id, result: { content: [] } });

describe('a relay', () => {
  it('introduces the client again at the next door, and answers what was under way', async () => {
    const [client, first, second] = [side(), side(), side()];
    const relay = createRelay(client.streams);
    const leaving = relay.attach(first.streams);
    await client.say(hello);
    await first.say(welcome);
    await client.say(ready, call(1), call(2));
    await first.say(answer(1));
    expect(first.seen).toEqual([hello, ready, call(1), call(2)]);
    first.input.end();
    expect(await leaving).toBe('door closed');
    expect(client.seen).toMatchObject([welcome, answer(1), { id: 2, error: { code: -32603 } }]);

    await client.say(call(3));
    void relay.attach(second.streams);
    await turn();
    expect(second.seen).toEqual([hello]);
    await second.say(welcome);
    await second.say(answer(3));
    expect(second.seen).toEqual([hello, ready, call(3)]);
    expect(client.seen.slice(3)).toEqual([answer(3)]);
  });

  it('hands the answer on when the first introduction was not answered', async () => {
    const [client, first, second] = [side(), side(), side()];
    const relay = createRelay(client.streams);
    const leaving = relay.attach(first.streams);
    await client.say(hello);
    first.input.end();
    await leaving;
    void relay.attach(second.streams);
    await second.say(welcome);
    expect(client.seen).toEqual([welcome]);
  });

  it('lets a client without an introduction go on, and ends with the client', async () => {
    const [client, first, second] = [side(), side(), side()];
    const relay = createRelay(client.streams);
    const leaving = relay.attach(first.streams);
    first.input.end();
    await leaving;
    const last = relay.attach(second.streams);
    await client.say(call(7));
    expect(second.seen).toEqual([call(7)]);
    let hasEnded = false;
    second.output.on('end', () => (hasEnded = true));
    client.input.end();
    for (let turns = 0; turns < 5; turns += 1) await turn();
    expect(hasEnded).toBe(true);
    second.input.end();
    expect(await last).toBe('client left');
  });
});
