import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { makePrincipal, makeRules } from '../exchange.fixture.ts';
import { isRefusal, type Refusal } from '../refusals.ts';
import { bodyOwner, createBodies } from './body.ts';

const limits = { body: 1024, concurrentPerCaller: 4 };

/** A request that has sent its head. */
function open(): PassThrough & IncomingMessage {
  return new PassThrough() as unknown as PassThrough & IncomingMessage;
}

async function turn(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function nameOf(outcome: Uint8Array | Refusal): string {
  return isRefusal(outcome) ? outcome.name : Buffer.from(outcome).toString();
}

describe('a body', () => {
  it('that comes in one piece is that piece', async () => {
    const request = open();
    const read = createBodies().read(request, 'a', limits);
    const piece = Buffer.from('{"a":1}');
    request.end(piece);
    expect(await read).toBe(piece);
  });

  it('[size-limits] in pieces of one byte is held in one buffer no larger than the limit', async () => {
    const request = open();
    const read = createBodies().read(request, 'a', limits);
    for (let i = 0; i < limits.body; i += 1) request.write(Buffer.from([97 + (i % 26)]));
    request.end();
    const body = await read;
    if (isRefusal(body)) throw new Error(body.name);
    expect(body).toHaveLength(limits.body);
    expect(Buffer.from(body.subarray(24, 28)).toString()).toBe('yzab');
    expect(body.buffer.byteLength).toBeLessThanOrEqual(limits.body);
  });

  it('[size-limits] over the limit is refused with the piece that is too much', async () => {
    const request = open();
    const bodies = createBodies();
    const read = bodies.read(request, 'a', limits);
    request.write(Buffer.alloc(limits.body));
    request.write('x');
    expect(nameOf(await read)).toBe('body-too-large');
    expect(bodies.size).toBe(0);
  });

  it('that breaks off gives its place back', async () => {
    const request = open();
    const bodies = createBodies();
    const read = bodies.read(request, 'a', limits);
    request.write('{');
    await turn();
    expect(bodies.size).toBe(1);
    request.destroy();
    expect(nameOf(await read)).toBe('body-timeout');
    expect(bodies.size).toBe(0);
  });
});

describe('the bodies of one caller', () => {
  it('[size-limits] are bounded in number, for each caller apart, and an ended one makes room', async () => {
    const bodies = createBodies();
    const requests = Array.from({ length: 64 }, open);
    for (const request of requests) void bodies.read(request, 'a', limits);
    expect(nameOf(await bodies.read(open(), 'a', limits))).toBe('too-many-at-once');
    const others = open();
    const read = bodies.read(others, 'b', limits);
    others.end('{}');
    expect(nameOf(await read)).toBe('{}');
    requests[0]?.end('{}');
    await turn();
    const next = open();
    const again = bodies.read(next, 'a', limits);
    next.end('[]');
    expect(nameOf(await again)).toBe('[]');
  });

  it('[size-limits] are bounded in bytes, and what was refused is held no longer', async () => {
    const bodies = createBodies();
    const held = Array.from({ length: 16 }, open);
    const reads = held.map((request) => bodies.read(request, 'a', limits));
    for (const request of held) request.write(Buffer.alloc(limits.body));
    await turn();
    const small = open();
    const refused = bodies.read(small, 'a', limits);
    small.write('x');
    expect(nameOf(await refused)).toBe('too-many-at-once');
    held[0]?.end();
    await reads[0];
    const next = open();
    const read = bodies.read(next, 'a', limits);
    next.end('{}');
    expect(nameOf(await read)).toBe('{}');
  });

  it('are those of one address where nobody proved who they are', () => {
    const rules = makeRules();
    expect(bodyOwner(makePrincipal(rules), '192.0.2.7')).toBe('key:ada');
    const anonymous = makePrincipal(rules, { id: 'anonymous', kind: 'anonymous' });
    expect(bodyOwner(anonymous, '192.0.2.7')).not.toBe(bodyOwner(anonymous, '192.0.2.8'));
  });
});
