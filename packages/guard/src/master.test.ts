import { execFileSync } from 'node:child_process';
import { createHash, sign, verify } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deriveKeys, openMasterKey, parseMasterKey, readMasterKey } from './master.ts';

let count = 0;
const random = {
  bytes: (length: number) => createHash('sha256').update(`master ${count++}`).digest().subarray(0, length),
};
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-master-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the master key', () => {
  it('is made when absent, for its owner only, and read again', async () => {
    const path = join(folder, 'state', 'master.key');
    const made = await openMasterKey(path, random);
    expect(made).toMatchObject({ current: expect.any(Uint8Array) as unknown });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const again = await openMasterKey(path, random);
    expect('fault' in again || 'fault' in made ? undefined : Buffer.compare(again.current, made.current)).toBe(0);
  });

  it('is only read, and not made, by whoever just looks', async () => {
    const path = join(folder, 'state', 'master.key');
    expect(await readMasterKey(path)).toMatchObject({ fault: 'missing' });
    expect(existsSync(join(folder, 'state'))).toBe(false);
    const made = await openMasterKey(path, random);
    const read = await readMasterKey(path);
    expect('fault' in read || 'fault' in made ? undefined : Buffer.compare(read.current, made.current)).toBe(0);
  });

  it('is one key when several start at once', async () => {
    const path = join(folder, 'master.key');
    const keys = await Promise.all(Array.from({ length: 10 }, () => openMasterKey(path, random)));
    expect(
      new Set(keys.map((key) => ('fault' in key ? key.message : Buffer.from(key.current).toString('hex')))).size,
    ).toBe(1);
  });

  it.each([0o604, 0o602, 0o644, 0o666, 0o620])(
    'is refused when others can read it or change it (mode %o)',
    async (mode) => {
      const path = join(folder, 'master.key');
      await openMasterKey(path, random);
      chmodSync(path, mode);
      const fault = await openMasterKey(path, random);
      expect(fault).toMatchObject({ fault: 'unsafe' });
      expect('message' in fault ? fault.message : '').toContain('defaultMode: 0440');
    },
  );

  it('may be readable by its group', async () => {
    const path = join(folder, 'master.key');
    await openMasterKey(path, random);
    chmodSync(path, 0o440);
    expect(await openMasterKey(path, random)).toHaveProperty('current');
  });

  describe.skipIf(process.platform === 'win32')('and who could put another in its place', () => {
    const own = process.geteuid?.() ?? 0;
    const stranger = own + 4242;

    it('is refused when it belongs to another user', async () => {
      const path = join(folder, 'master.key');
      await openMasterKey(path, random);
      chmodSync(folder, 0o1777);
      // Seen by somebody else, what is ours is another user's. What belongs to root never is, so root gives it away.
      if (own === 0) chownSync(path, stranger, stranger);
      const fault = await openMasterKey(path, random, own === 0 ? own : stranger);
      expect(fault).toMatchObject({ fault: 'unsafe', message: expect.stringContaining('another user') as unknown });
    });

    it('is refused behind a symbolic link of another user, and read through one of ours', async () => {
      const [path, link] = [join(folder, 'master.key'), join(folder, 'link.key')];
      await openMasterKey(path, random);
      symlinkSync(path, link);
      expect(await openMasterKey(link, random)).toHaveProperty('current');
      if (own !== 0) return;
      lchownSync(link, stranger, stranger);
      expect(await openMasterKey(link, random)).toMatchObject({
        ...{ fault: 'unsafe', message: expect.stringContaining('symbolic link of another user') as unknown },
      });
    });

    it('is refused in a folder in which others can replace it, also behind a link', async () => {
      const open = join(folder, 'open');
      mkdirSync(open);
      await openMasterKey(join(open, 'master.key'), random);
      symlinkSync(join(open, 'master.key'), join(folder, 'link.key'));
      chmodSync(open, 0o777);
      for (const path of [join(open, 'master.key'), join(folder, 'link.key')]) {
        const fault = await openMasterKey(path, random);
        expect(fault).toMatchObject({ fault: 'unsafe', message: expect.stringContaining('chmod go-w') as unknown });
      }
    });

    it('is refused when it is a pipe, without waiting for it', async () => {
      const path = join(folder, 'master.key');
      execFileSync('mkfifo', [path]);
      expect(await openMasterKey(path, random)).toMatchObject({ fault: 'unusable' });
    });
  });

  it('is refused when the file holds something else, without showing it', async () => {
    const path = join(folder, 'master.key');
    for (const text of ['', 'short', 'x'.repeat(43) + '!', `${'A'.repeat(43)}\nnonsense`, 'A'.repeat(5000)]) {
      writeFileSync(path, text, { mode: 0o600 });
      const fault = await openMasterKey(path, random);
      expect(fault).toMatchObject({ fault: 'malformed' });
      if (text.length > 10) expect(JSON.stringify(fault)).not.toContain(text.slice(0, 20));
    }
  });

  it('reads hex and base64url, and a second line as the generation before', () => {
    const [one, two] = [Buffer.from(random.bytes(32)), Buffer.from(random.bytes(32))];
    const parsed = parseMasterKey(`${one.toString('hex')}\n${two.toString('base64url')}\n`, 'here');
    expect(parsed).toEqual({ current: new Uint8Array(one), previous: new Uint8Array(two) });
  });
});

describe('derived keys', () => {
  it('differ from each other and between masters, and are the same each time', () => {
    const [one, two] = [random.bytes(32), random.bytes(32)];
    const ring = deriveKeys({ current: one, previous: two });
    const again = deriveKeys({ current: two });
    const all = [ring.current, ring.previous ?? ring.current].flatMap(({ pepper, seal, envelope, auditDigest }) =>
      [pepper, seal, envelope, auditDigest].map((bytes) => Buffer.from(bytes).toString('hex')),
    );
    expect(new Set(all).size).toBe(8);
    expect(again.current.pepper).toEqual(ring.previous?.pepper);
    expect(again.current.auditSigning.id).toBe(ring.previous?.auditSigning.id);
  });

  it('include a signing key whose public half verifies', () => {
    const { auditSigning } = deriveKeys({ current: random.bytes(32) }).current;
    const bytes = Buffer.from('checkpoint');
    expect(verify(null, bytes, auditSigning.publicKey, sign(null, bytes, auditSigning.privateKey))).toBe(true);
    expect(auditSigning.publicKey.asymmetricKeyType).toBe('ed25519');
  });
});
