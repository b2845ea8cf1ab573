// What is measured: one gateway for each kind of credential, number and size of roles, and condition, before the same
// echo server. Nothing else differs: no limits but the defaults' generous ones, durability `interval`.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CannotServe, type Arm, type ArmSetup, type RunningArm } from '../overhead/arms/arm.ts';
import { startGuarded } from '../overhead/arms/sallyport.ts';
import type { Dialect } from '../overhead/call-template.ts';
import type { Subject } from '../overhead/measure.ts';
import { audience, createSigner, issuer } from './tokens.ts';

/** An arm, and what it is held against. */
export interface Comparison {
  readonly label: string;
  readonly subject: Subject;
  /** Label of the arm that it is held against; undefined for the first. */
  readonly against: string | undefined;
}

const dialect: Dialect = { era: 'modern', path: '/mcp', prefix: 'bench__' };

/** Never reached. */
const generous = '100000000/s';

type Roles = Readonly<Record<string, object>>;

const oneRole: Roles = { caller: { tools: ['bench.*'] } };

interface Wanted {
  readonly roles?: Roles;
  /** What else stands under `callers`. */
  readonly callers?: object;
  /** Roles and networks of the key. */
  readonly like?: object;
}

/** Starts a gateway; an arm whose keys this version does not know cannot serve, and says so. */
async function startWith(setup: ArmSetup, wanted: Wanted): Promise<RunningArm> {
  const config = {
    version: 1,
    listen: '127.0.0.1:0',
    admin: false,
    limits: { perAddress: generous, concurrentPerCaller: 10_000 },
    audit: { durability: 'interval' },
    roles: wanted.roles ?? oneRole,
    upstreams: { bench: { url: `http://127.0.0.1:${setup.upstreamPort}/mcp` } },
    callers: { keys: true, ...wanted.callers },
  };
  try {
    return await startGuarded(setup, config, dialect, { like: wanted.like });
  } catch (error) {
    const unknown = /`(\w+)` is not (?:available in this version|a key of)/.exec(String(error))?.[1];
    if (unknown !== undefined) throw new CannotServe(`skipped: this version does not read \`${unknown}\``);
    throw error;
  }
}

function compare(label: string, about: string, against: string | undefined, start: Arm['start']): Comparison {
  return { label, against, subject: { label, arm: { name: label, about, start }, tools: 10, keys: 1 } };
}

function plain(label: string, about: string, against: string | undefined, wanted: Wanted): Comparison {
  return compare(label, about, against, (setup) => startWith(setup, wanted));
}

/** Tokens of one signer, used in turn. */
function tokens(label: string, about: string, against: string, count: number): Comparison {
  return compare(label, about, against, async (setup) => {
    const signer = createSigner();
    await writeFile(join(setup.folder, 'jwks.json'), JSON.stringify(signer.jwks), { mode: 0o600 });
    const jwt = [
      {
        issuer,
        jwks: 'file:jwks.json',
        audience: [audience],
        algorithms: ['ES256'],
        roles: { claim: 'roles', map: { caller: 'caller' } },
      },
    ];
    const arm = await startWith(setup, { callers: { jwt } });
    return { ...arm, keys: signer.tokens(count, ['caller']) };
  });
}

function manyRoles(count: number): Roles {
  const others = Array.from({ length: count - 1 }, (_, index) => [
    `role-${index}`,
    { tools: [`bench.other-${index}-*`] },
  ]);
  return { ...oneRole, ...(Object.fromEntries(others) as Roles) };
}

function longRole(patterns: number): Roles {
  const others = Array.from({ length: patterns - 1 }, (_, index) => `bench.other-${index}-*`);
  return { caller: { tools: [...others, 'bench.*'] } };
}

const hundred = Array.from({ length: 99 }, (_, index) => `role-${index}`);

/** The arm that everything in the clear is held against. */
export const baseline = 'key';
/** A token that was verified before. */
export const cachedToken = 'jwt';
/** Arms that have to be as fast as one role with one pattern. */
export const flat = ['key, 1,000 roles in the file', 'key of 100 roles', 'key, role of 1,000 patterns'] as const;

/** Every arm, each behind what it is held against. */
export const comparisons: readonly Comparison[] = [
  plain(baseline, 'an API key, one role with one pattern', undefined, {}),
  plain('key bound to networks', 'an API key that is good from some networks only', baseline, {
    like: { from: ['10.0.0.0/8', '127.0.0.0/8', '2001:db8::/32'] },
  }),
  plain('key with limits', 'an API key whose role and grant have limits, so that answers tell what is left', baseline, {
    roles: { caller: { tools: [{ tool: 'bench.*', limit: generous }], limit: generous } },
  }),
  tokens(cachedToken, 'a signed token (ES256) that was verified before', baseline, 1),
  tokens('jwt, 30,000 in turn', 'signed tokens, more than are kept, so that signatures are checked', baseline, 30_000),
  plain(flat[0], 'an API key of one of a thousand roles', baseline, { roles: manyRoles(1000) }),
  plain(flat[1], 'an API key that has a hundred roles', baseline, {
    roles: manyRoles(100),
    like: { roles: ['caller', ...hundred] },
  }),
  plain(flat[2], 'an API key whose role has a thousand patterns', baseline, { roles: longRole(1000) }),
  plain('key, condition', 'a grant with a condition on two arguments, judged for each call', baseline, {
    roles: { caller: { tools: [{ tool: 'bench.*', when: 'args.count < 100 && args.mode in ["exact", "loose"]' }] } },
  }),
];
