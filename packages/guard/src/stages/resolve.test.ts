import { describe, expect, it } from 'vitest';
import { grantOf, makePorts, makeRules, parsed, policyOf, readTarget } from '../exchange.fixture.ts';
import { refuse } from '../refusals.ts';
import { resolve } from './resolve.ts';

describe('resolve', () => {
  it('hands on the target that the product found, found now or later', async () => {
    expect(resolve(parsed(), makePorts())).toMatchObject({ target: readTarget });
    const later = resolve(parsed(), makePorts({ resolve: () => Promise.resolve(readTarget) }));
    expect(later).toBeInstanceOf(Promise);
    expect(await later).toMatchObject({ target: readTarget });
  });

  it('hands on what the product refused, refused now or later', async () => {
    const refused = refuse('unknown');
    expect(resolve(parsed(), makePorts({ resolve: () => refused }))).toBe(refused);
    expect(await resolve(parsed(), makePorts({ resolve: () => Promise.resolve(refused) }))).toBe(refused);
  });

  it('refuses the path of a server that is not configured without asking the product', () => {
    const ports = makePorts({
      resolve: () => {
        throw new Error('asked');
      },
    });
    const path = { kind: 'server', server: 'ghost' } as const;
    expect(resolve(parsed({ path }), ports)).toMatchObject({ name: 'unknown-server' });
  });

  it('[unknown-equals-forbidden] refuses the path of a server that the caller can reach nothing of in the same way', () => {
    const ports = makePorts({
      resolve: () => {
        throw new Error('asked');
      },
    });
    const rules = makeRules({ servers: new Set(['files', 'vault']) });
    const refused = (server: string) => resolve(parsed({ path: { kind: 'server', server }, rules }), ports);
    expect(refused('vault')).toEqual(refused('ghost'));
    expect(refused('vault')).toMatchObject({ name: 'unknown-server' });
    // A prompt is enough to know the server.
    const one = makeRules({
      servers: new Set(['files', 'vault']),
      policy: policyOf({ prompts: [grantOf('vault.help')] }),
    });
    const path = { kind: 'server', server: 'vault' } as const;
    expect(resolve(parsed({ path, rules: one }), makePorts())).toMatchObject({ target: readTarget });
  });

  it('stops a blocked caller before anything is looked up, so that it learns nothing of what is there', () => {
    const ports = makePorts({
      blocks: { isBlocked: (kind, name) => kind === 'caller' && name === 'key:ada' },
      resolve: () => {
        throw new Error('asked');
      },
    });
    for (const path of [{ kind: 'all' }, { kind: 'server', server: 'ghost' }] as const) {
      expect(resolve(parsed({ path }), ports)).toMatchObject({ name: 'caller-blocked' });
    }
  });

  it('judges the path by the rules that the exchange began with', () => {
    const path = { kind: 'server', server: 'files' } as const;
    expect(resolve(parsed({ path }), makePorts())).toMatchObject({ target: readTarget });
  });
});
