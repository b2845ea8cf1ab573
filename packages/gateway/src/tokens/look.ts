/** Reads the keys of issuers once, to tell an operator before callers notice. */
import { createEgress, type Egress } from '@sallyport/guard';
import type { ConfigPorts } from '../config/ports.ts';
import type { Problem } from '../config/problem.ts';
import type { Config, JwtConfig } from '../config/types.ts';
import { egressSettings } from '../egress-settings.ts';
import { makeSource, sourceWords } from './sources.ts';

/** What came of reading an issuer's keys. */
export interface IssuerLook {
  readonly issuer: string;
  /** Where its keys come from. */
  readonly source: string;
  /** Keys that can be used. */
  readonly keys: number;
  /** Why there are none, or what is wrong with others. */
  readonly trouble: readonly string[];
}

/** Reads the keys of every issuer, also over the network. */
export async function lookAtIssuers(
  config: Pick<Config, 'callers' | 'egress'>,
  files: ConfigPorts,
): Promise<readonly IssuerLook[]> {
  const egress = createEgress(egressSettings(config));
  try {
    return await Promise.all(config.callers.jwt.map((issuer) => lookAt(issuer, egress, files)));
  } finally {
    await egress.close();
  }
}

/** Returns a problem for each issuer whose keys are on this machine and cannot be used. */
export async function findKeyProblems({ callers }: Pick<Config, 'callers'>, files: ConfigPorts): Promise<Problem[]> {
  const local = callers.jwt.filter(({ keys }) => keys.kind === 'file' || keys.kind === 'secret');
  const looks = await Promise.all(local.map((issuer) => lookAt(issuer, nowhere, files)));
  return looks.flatMap(({ keys, source, trouble, issuer }, index) => {
    const origin = local[index]?.origin;
    if (keys > 0 || origin === undefined) return [];
    const why = trouble.length === 0 ? `${source} holds no key` : trouble.join('; ');
    return [
      {
        code: 'machine',
        ...origin,
        length: 1,
        message: `no token of ${issuer} can be accepted: ${why}`,
        suggestion: 'put a key set there that has the public keys of the issuer',
      } as const,
    ];
  });
}

/** Keys on this machine take no requests. */
const nowhere: Egress = {
  request: async () => ({ kind: 'fault', reason: 'cancelled', message: 'nothing is asked of others here' }),
};

async function lookAt(config: JwtConfig, egress: Egress, files: ConfigPorts): Promise<IssuerLook> {
  const common = { issuer: config.issuer, source: sourceWords(config) };
  const loaded = await makeSource(config, { egress, files }).load();
  if (loaded === 'unchanged') return { ...common, keys: 0, trouble: [] };
  if (loaded.kind === 'fault') return { ...common, keys: 0, trouble: [loaded.message] };
  return { ...common, keys: loaded.keys.length, trouble: loaded.skipped };
}
