import { describe, expect, it } from 'vitest';
import { hasSecretName, hasTokenShape } from './secret-shapes.ts';

describe('hasSecretName', () => {
  it.each([
    'TOKEN',
    'GITHUB_TOKEN',
    'API_KEY',
    'OPENAI_APIKEY',
    'client_secret',
    'DB_PASSWORD',
    'PASSWORD',
    'TOKEN_GITHUB',
    'AWS_CREDENTIALS',
  ])('takes %s for a secret', (name) => expect(hasSecretName(name)).toBe(true));

  it.each([
    'LOG',
    'HOME',
    'MAX_TOKENS',
    'TOKEN_FILE',
    'AWS_ACCESS_KEY_ID',
    'KEYBOARD',
    'SECRET_NAME',
    '',
    '_',
    'TOKENIZER',
  ])('does not take %s for one', (name) => expect(hasSecretName(name)).toBe(false));
});

describe('hasTokenShape', () => {
  it.each([
    ['gh', `p_${'a'.repeat(36)}`],
    ['s', `k-proj-${'a'.repeat(30)}`],
    ['AK', `IA${'A'.repeat(16)}`],
    ['sp', `_${'a'.repeat(12)}_${'b'.repeat(43)}`],
    ['-----BEGIN RSA PRI', 'VATE KEY-----'],
    ['--token=gl', `pat-${'a'.repeat(20)}`],
  ])('knows what begins with %s…', (head, tail) => expect(hasTokenShape(head + tail)).toBe(true));

  it.each([
    '',
    'info',
    './data',
    'https://example.com/ask-me-anything-about-everything-here',
    'task-aaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
    '@scope/package-name',
  ])('leaves %s alone', (text) => expect(hasTokenShape(text)).toBe(false));

  it('takes time linear in the text', () => {
    expect(hasTokenShape('eyJ'.repeat(1_000_000))).toBe(false);
  });
});
