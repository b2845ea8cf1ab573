import { describe, expect, it } from 'vitest';
import { randomBytes } from 'node:crypto';
import { createEnvelope } from './envelope.ts';

const random = { bytes: (length: number) => randomBytes(length) };
const place = ['grants', 'key:ada', 'files', 'https://login.example.com'];

describe('an envelope', () => {
  it('opens what it closed, and shows nothing of it', () => {
    const envelope = createEnvelope([randomBytes(32)], random);
    const secret = randomBytes(40).toString('hex');
    const sealed = envelope.close(place, Buffer.from(secret));
    expect(Buffer.from(sealed).includes(secret)).toBe(false);
    expect(Buffer.from(envelope.open(place, sealed) ?? []).toString()).toBe(secret);
    expect(Buffer.compare(sealed, envelope.close(place, Buffer.from(secret)))).not.toBe(0);
  });

  it('does not open elsewhere, whichever part of the place differs', () => {
    const envelope = createEnvelope([randomBytes(32)], random);
    const sealed = envelope.close(place, Buffer.from('secret'));
    for (const [at] of place.entries()) {
      expect(envelope.open(place.with(at, 'other'), sealed)).toBeUndefined();
    }
    expect(envelope.open(['grants', 'key:adafiles', '', 'https://login.example.com'], sealed)).toBeUndefined();
    expect(envelope.open(place.slice(1), sealed)).toBeUndefined();
  });

  it('does not open once a bit has changed, wherever', () => {
    const envelope = createEnvelope([randomBytes(32)], random);
    const sealed = envelope.close(place, Buffer.from('secret'));
    for (let at = 0; at < sealed.length; at++) {
      const changed = Buffer.from(sealed);
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
      expect(envelope.open(place, changed)).toBeUndefined();
    }
    for (let length = 0; length < sealed.length; length++) {
      expect(envelope.open(place, sealed.subarray(0, length))).toBeUndefined();
    }
  });

  it('opens under the key before, and under no other', () => {
    const [old, current] = [randomBytes(32), randomBytes(32)];
    const sealed = createEnvelope([old], random).close(place, Buffer.from('secret'));
    expect(createEnvelope([current, old], random).open(place, sealed)).toBeDefined();
    expect(createEnvelope([current], random).open(place, sealed)).toBeUndefined();
  });
});
