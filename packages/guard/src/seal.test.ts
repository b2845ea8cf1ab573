import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { createSeal, isSealFault } from './seal.ts';
import type { SealBinding, SealPurpose } from './seal.ts';

let now = 1_000_000;
const clock = { now: () => now, monotonic: () => now };
let count = 0;
const random = {
  bytes: (length: number) => createHash('sha256').update(`nonce ${count++}`).digest().subarray(0, length),
};
const key = randomBytes(32);
const seal = createSeal([key], clock, random);
const binding: SealBinding = { principal: 'key:a', path: '/mcp/files', revision: '2025-11-25' };
const foreign = { fault: 'foreign' };
const malformed = { fault: 'malformed' };

describe('a seal', () => {
  it('opens what it closed, objects and bytes', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.uint8Array({ maxLength: 300 }), (value, bytes) => {
        expect(seal.open('cursor', binding, seal.close('cursor', binding, { value }, 1000))).toEqual(
          JSON.parse(JSON.stringify({ value })),
        );
        expect(seal.open('task', binding, seal.close('task', binding, bytes, 1000))).toEqual(new Uint8Array(bytes));
      }),
      { seed: 1 },
    );
  });

  it('shows nothing of the payload and never the same text twice', () => {
    const one = seal.close('cursor', binding, { page: 'secret-page' }, 1000);
    expect(one).toMatch(/^[\w-]+$/);
    expect(Buffer.from(one, 'base64url').includes('secret-page')).toBe(false);
    expect(seal.close('cursor', binding, { page: 'secret-page' }, 1000)).not.toBe(one);
  });

  it('refuses a change of any bit', () => {
    const bytes = Buffer.from(seal.close('state', binding, { a: 1 }, 1000), 'base64url');
    for (let at = 0; at < bytes.length * 8; at++) {
      const changed = Buffer.from(bytes);
      changed[at >> 3] = (changed[at >> 3] ?? 0) ^ (1 << (at & 7));
      expect(isSealFault(seal.open('state', binding, changed.toString('base64url')))).toBe(true);
    }
  });

  it('refuses every other spelling of the same bytes', () => {
    for (let length = 0; length < 3; length++) {
      const text = seal.close('state', binding, new Uint8Array(length), 1000);
      for (const last of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_') {
        const other = text.slice(0, -1) + last;
        if (other !== text) expect(isSealFault(seal.open('state', binding, other))).toBe(true);
      }
      expect(seal.open('state', binding, `${text}=`)).toMatchObject(malformed);
      expect(seal.open('state', binding, ` ${text}`)).toMatchObject(malformed);
    }
  });

  it('refuses every truncation', () => {
    const text = seal.close('state', binding, { a: 1 }, 1000);
    for (let length = 0; length < text.length; length++) {
      expect(isSealFault(seal.open('state', binding, text.slice(0, length)))).toBe(true);
    }
  });

  it('[handles-sealed] opens for no other principal, path, revision, subject or purpose', () => {
    const text = seal.close('session', binding, { a: 1 }, 1000);
    expect(seal.open('session', { ...binding, principal: 'key:b' }, text)).toMatchObject(foreign);
    expect(seal.open('session', { ...binding, path: '/mcp' }, text)).toMatchObject(foreign);
    expect(seal.open('session', { ...binding, revision: '2026-07-28' }, text)).toMatchObject(foreign);
    expect(seal.open('session', { ...binding, subject: 'tools/list' }, text)).toMatchObject(foreign);
    expect(seal.open('session', { principal: binding.principal, path: binding.path }, text)).toMatchObject(foreign);
    expect(seal.open('session', { ...binding, principal: 'key:a/mcp', path: '/files' }, text)).toMatchObject(foreign);
    for (const purpose of ['cursor', 'state', 'task'] satisfies SealPurpose[]) {
      expect(seal.open(purpose, binding, text)).toMatchObject(foreign);
    }
    expect(createSeal([randomBytes(32)], clock, random).open('session', binding, text)).toMatchObject(foreign);
  });

  it('[handles-sealed] opens until it expires and not from then on', () => {
    const text = seal.close('session', binding, { a: 1 }, 1000);
    now += 999;
    expect(seal.open('session', binding, text)).toEqual({ a: 1 });
    now += 1;
    expect(seal.open('session', binding, text)).toMatchObject({ fault: 'expired' });
    expect(seal.open('session', { ...binding, principal: 'key:b' }, text)).toMatchObject(foreign);
  });

  it('opens what the key before has closed, and closes with the new one', () => {
    const next = randomBytes(32);
    const old = seal.close('session', binding, { a: 1 }, 1000);
    const rotated = createSeal([next, key], clock, random);
    expect(rotated.open('session', binding, old)).toEqual({ a: 1 });
    const fresh = rotated.close('session', binding, { b: 2 }, 1000);
    expect(createSeal([next], clock, random).open('session', binding, fresh)).toEqual({ b: 2 });
    expect(isSealFault(seal.open('session', binding, fresh))).toBe(true);
    expect(isSealFault(createSeal([next], clock, random).open('session', binding, old))).toBe(true);
  });

  it('never throws on what comes from outside', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.uint8Array().map((bytes) => Buffer.from(bytes).toString('base64url')),
        ),
        (text) => {
          expect(isSealFault(seal.open('cursor', binding, text))).toBe(true);
        },
      ),
      { seed: 1, numRuns: 1000 },
    );
    expect(seal.open('cursor', binding, 'A'.repeat(10_000_000))).toMatchObject(malformed);
  });

  it('does not take a payload that looks like a fault for one', () => {
    const opened = seal.open('cursor', binding, seal.close('cursor', binding, { fault: 'expired' }, 1000));
    expect(opened).toEqual({ fault: 'expired' });
    expect(isSealFault(opened)).toBe(false);
  });
});
