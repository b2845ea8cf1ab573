import { randomBytes } from 'node:crypto';
import type { Egress } from '@sallyport/guard';
import { describe, expect, it } from 'vitest';
import { Secret } from '../config/secret.ts';
import { makeSource, sourceWords } from './sources.ts';
import { changingFile, keySetOf, loadIssuers } from './tokens.fixture.ts';

const egress: Egress = {
  request: async ({ url }) => ({ kind: 'fault', reason: 'name', message: `${url} is not there` }),
};

async function sourceOf(issuer: string, file = changingFile('')) {
  const [config] = (await loadIssuers(issuer)).callers.jwt;
  if (config === undefined) return expect.fail('no issuer');
  return { config, source: makeSource(config, { egress, files: file.ports }) };
}

describe('keys in a file', () => {
  const issuer = '{ issuer: https://a.example, jwks: file:keys.json }';

  it('are read once, and again when the file has changed', async () => {
    const file = changingFile(keySetOf('one'));
    const { source } = await sourceOf(issuer, file);
    expect(await source.load()).toMatchObject({ keys: [{ kid: 'one' }] });
    expect(await source.load()).toBe('unchanged');
    expect(file.reads).toBe(1);
    file.content = keySetOf('two');
    expect(await source.load()).toMatchObject({ keys: [{ kid: 'two' }] });
    expect(source.everyMs).toBe(1000);
  });

  it('are tried again until they are right', async () => {
    const file = changingFile('{"keys":');
    const { source } = await sourceOf(issuer, file);
    expect(await source.load()).toMatchObject({ kind: 'fault' });
    expect(await source.load()).toMatchObject({ kind: 'fault' });
    file.content = keySetOf('one');
    expect(await source.load()).toMatchObject({ kind: 'keys' });
  });

  it.each<[string, (file: ReturnType<typeof changingFile>) => void]>([
    ['/etc/sp/keys.json does not exist', (file) => (file.content = 'absent')],
    ['can be changed by everyone', (file) => (file.mode = 0o666)],
    ['can be changed by a group that is not ours', (file) => (file.mode = 0o664)],
  ])('are not taken when it %s', async (reason, spoil) => {
    const file = changingFile(keySetOf('one'));
    const { source } = await sourceOf(issuer, file);
    spoil(file);
    const loaded = await source.load();
    expect(JSON.stringify(loaded)).toContain(reason);
    expect(file.reads).toBe(0);
  });
});

describe('a shared secret', () => {
  const issuer = '{ issuer: partner, secret: env:SECRET, algorithms: [HS256] }';

  it('is one key without a name, for tokens that name any', async () => {
    const { source } = await sourceOf(issuer);
    expect(await source.load()).toMatchObject({ keys: [{ algorithm: 'HS256', kid: undefined }], skipped: [] });
  });

  it('may be a key set of secrets, each with a name', async () => {
    const { config } = await sourceOf(issuer);
    const keys = ['old', 'new'].map((kid) => ({ kty: 'oct', kid, k: randomBytes(32).toString('base64url') }));
    const secret = new Secret(JSON.stringify({ keys }), 'env:SECRET');
    const source = makeSource(
      { ...config, keys: { kind: 'secret', secret } },
      { egress, files: changingFile('').ports },
    );
    expect(await source.load()).toMatchObject({ keys: [{ kid: 'old' }, { kid: 'new' }] });
  });

  it('is named by its reference and never by its value', async () => {
    const { config } = await sourceOf(issuer);
    expect(sourceWords(config)).toBe('env:SECRET');
    expect(JSON.stringify(config)).not.toContain('the length');
  });
});

describe('keys elsewhere', () => {
  it.each([
    ['{ issuer: https://a.example }', 'https://a.example/.well-known/', 'the metadata of https://a.example'],
    ['{ issuer: a, jwks: https://b.example/k }', 'https://b.example/k', 'https://b.example/k'],
  ])('are asked for where %s says', async (issuer, asked, words) => {
    const { config, source } = await sourceOf(issuer);
    expect(JSON.stringify(await source.load())).toContain(asked);
    expect(sourceWords(config)).toBe(words);
    expect(source.everyMs).toBe(300_000);
  });
});
