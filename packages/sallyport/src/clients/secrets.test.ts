import { describe, expect, it } from 'vitest';
import { isSecret, isSecretName } from './secrets.ts';

describe('isSecret', () => {
  it('knows secrets by their name', () => {
    for (const name of [
      'GITHUB_TOKEN',
      'apiKey',
      'x-api-key',
      'DB_PASSWORD',
      'Authorization',
      'OPENAI_API_KEY',
      'PGPASSWORD',
    ]) {
      expect(isSecret(name, 'some-value'), name).toBe(true);
    }
  });

  it('knows secrets by their look whatever their name is', () => {
    const token = `ghp${'_'}${'a1'.repeat(18)}`;
    const url = `postgres://app:${'pw'}@db.example.com/shop`;
    const query = `https://mcp.example.com/mcp?api_key=${'k'.repeat(8)}`;
    for (const value of [token, url, query, `Bearer ${'x'.repeat(9)}`, '5f2c8e1a-9b3d-4c7f-8a6e-0d1b2c3e4f5a']) {
      expect(isSecret('VALUE', value), value).toBe(true);
    }
  });

  it('leaves settings, places and switches where they are', () => {
    const settings: [string, string][] = [
      ['LOG_LEVEL', 'debug'],
      ['GOOGLE_APPLICATION_CREDENTIALS_FILE', '/srv/key.json'],
      ['SSH_AUTH_SOCK', '/run/agent.sock'],
      ['USE_AUTH', 'true'],
      ['TOKEN', ''],
      ['PACKAGE', '@modelcontextprotocol/server-filesystem@2026.8.31'],
      ['SERVER', 'mcp-server-sqlite-for-everyone-2'],
      ['BASE', 'https://api.example.com/v1/mcp?mode=read'],
      ['KEYBOARD', 'qwerty'],
    ];
    for (const [name, value] of settings) expect(isSecret(name, value), name).toBe(false);
  });

  it('reads names in any spelling', () => {
    expect(isSecretName('--api-key')).toBe(true);
    expect(isSecretName('accessToken')).toBe(true);
    expect(isSecretName('KEY_ID')).toBe(false);
    expect(isSecretName('TOKEN_ENDPOINT')).toBe(true);
    expect(isSecretName('tokenizer')).toBe(false);
  });
});
