import type { Egress } from '@sallyport/guard';
import { describe, expect, it } from 'vitest';
import { createIssuers } from './issuers.ts';
import { changingFile, keySetOf, loadIssuers, type ChangingFile } from './tokens.fixture.ts';

const egress: Egress = { request: async () => ({ kind: 'fault', reason: 'name', message: 'nothing is there' }) };

function bench(file: ChangingFile) {
  const passed = { ms: 0 };
  const clock = { now: () => passed.ms, monotonic: () => passed.ms };
  const lines: string[] = [];
  const issuers = createIssuers({
    clock,
    egress,
    files: file.ports,
    log: (level, text) => lines.push(`${level}: ${text}`),
  });
  return { issuers, lines, passed };
}

/** Lets readings in the background end. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

const one = '{ issuer: https://a.example, jwks: file:keys.json }';

describe('the issuers of a configuration', () => {
  it('are read at once, and again when it is time', async () => {
    const file = changingFile(keySetOf('one'));
    const { issuers, passed } = bench(file);
    issuers.change(await loadIssuers(one));
    await settle();
    expect(issuers.status()).toMatchObject([{ issuer: 'https://a.example', state: 'fresh', keys: 1, readings: 1 }]);
    issuers.tend();
    passed.ms += 1000;
    file.content = keySetOf('one', 'two');
    issuers.tend();
    await settle();
    expect(issuers.status()).toMatchObject([{ keys: 2, readings: 2 }]);
  });

  it('keep their keys over a change of their rules, and get new ones with another source', async () => {
    const { issuers } = bench(changingFile(keySetOf('one')));
    issuers.change(await loadIssuers(one));
    await settle();
    issuers.change(await loadIssuers('{ issuer: https://a.example, jwks: file:keys.json, id: oid }'));
    expect(issuers.status()).toMatchObject([{ state: 'fresh', readings: 1 }]);
    issuers.change(await loadIssuers('{ issuer: https://a.example, jwks: file:other.json }'));
    expect(issuers.status()).toMatchObject([{ state: 'waiting', readings: 1 }]);
  });

  it('know the callers of those in force only', async () => {
    const { issuers } = bench(changingFile(keySetOf('one')));
    issuers.change(await loadIssuers(one));
    expect(issuers.knows('jwt:https://a.example|ada')).toBe(true);
    issuers.change(await loadIssuers('{ issuer: https://b.example, jwks: file:keys.json }'));
    expect(issuers.knows('jwt:https://a.example|ada')).toBe(false);
  });

  it('are named in the log when their keys cannot be read, once', async () => {
    const { issuers, lines, passed } = bench(changingFile('absent'));
    issuers.change(await loadIssuers(one));
    for (let i = 0; i < 5; i++) {
      await settle();
      passed.ms += 60_000;
      issuers.tend();
    }
    expect(lines).toEqual(['warning: keys of https://a.example: /etc/sp/keys.json does not exist']);
  });
});
