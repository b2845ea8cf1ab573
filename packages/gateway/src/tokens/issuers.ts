/** The issuers of the configuration in force, with their keys, as one verifier that outlives reloads. */
import {
  compileRoleMap,
  createJwtVerifier,
  KeySet,
  type Clock,
  type JwtCounts,
  type JwtIssuer,
  type JwtRules,
  type JwtVerifier,
  type KeySetStatus,
  type Tokens,
} from '@sallyport/guard';
import type { Config, JwtConfig } from '../config/types.ts';
import { makeSource, sourceWords, type SourcePorts } from './sources.ts';

/** An issuer as status shows it. */
export interface IssuerStatus extends KeySetStatus {
  readonly issuer: string;
  /** Where its keys come from: an address, a path, or the kind. */
  readonly source: string;
}

/** Everybody whose tokens are accepted. */
export interface Issuers extends Tokens {
  /** Takes over what the configuration says now; keys of issuers that stay the same stay. */
  change(config: Pick<Config, 'callers' | 'publicUrl'>): void;
  /** Reads keys again where it is time to. Called every second. */
  tend(): void;
  /** True when tokens of an issuer in force give such an id. */
  knows(principal: string): boolean;
  status(): readonly IssuerStatus[];
  counts(): JwtCounts;
}

/** What issuers run on. */
export interface IssuersOptions extends SourcePorts {
  readonly clock: Clock;
  readonly log: (level: 'info' | 'warning', text: string) => void;
}

interface Kept {
  readonly config: JwtConfig;
  readonly keys: KeySet;
}

/** Makes the table of issuers, empty until the first change. */
export function createIssuers(options: IssuersOptions): Issuers {
  let kept = new Map<string, Kept>();
  let verifier: JwtVerifier = createJwtVerifier([], options);
  let earlier: JwtCounts = verifier.counts();

  const makeKeys = (config: JwtConfig): KeySet =>
    new KeySet({
      clock: options.clock,
      source: makeSource(config, options),
      staleMs: config.staleFor,
      onNews: ({ level, text }) => options.log(level, `keys of ${config.issuer}: ${text}`),
    });

  return {
    verify: (token, exchange) => verifier.verify(token, exchange),
    change({ callers, publicUrl }) {
      const next = new Map<string, Kept>();
      for (const config of callers.jwt) {
        const known = kept.get(config.issuer);
        const isSame = known !== undefined && keyOptions(known.config) === keyOptions(config);
        next.set(config.issuer, { config, keys: isSame ? known.keys : makeKeys(config) });
      }
      kept = next;
      earlier = add(earlier, verifier.counts());
      const issuers = [...next.values()].map(({ config, keys }): JwtIssuer => ({
        rules: rulesOf(config, publicUrl),
        keys,
      }));
      // What tokens were found to mean depends on the rules, so none of it is taken over.
      verifier = createJwtVerifier(issuers, options);
      for (const { keys } of next.values()) keys.tend();
    },
    tend() {
      for (const { keys } of kept.values()) keys.tend();
    },
    knows: (principal) => verifier.knows(principal),
    status: () =>
      [...kept.values()].map(({ config, keys }) => ({
        issuer: config.issuer,
        source: sourceWords(config),
        ...keys.status(),
      })),
    counts: () => add(earlier, verifier.counts()),
  };
}

/** What a key set depends on; the same text for the same keys. */
function keyOptions({ issuer, keys, algorithms, refresh, staleFor }: JwtConfig): string {
  const place = keys.kind === 'secret' ? ['secret', keys.secret.reveal()] : keys;
  return JSON.stringify([issuer, place, algorithms, refresh, staleFor]);
}

function rulesOf(config: JwtConfig, publicUrl: string | undefined): JwtRules {
  const { roles, clockSkew, audience } = config;
  const own = publicUrl === undefined ? [] : [`${publicUrl}/mcp`];
  return {
    issuer: config.issuer,
    audience: audience ?? own,
    publicUrl,
    algorithms: config.algorithms,
    types: config.types,
    require: config.require,
    id: config.id,
    agent: config.agent,
    scopes: config.scopes,
    roles: roles === undefined ? undefined : { claim: roles.claim, map: compileRoleMap(roles.map) },
    clockSkewMs: clockSkew,
  };
}

function add(one: JwtCounts, other: JwtCounts): JwtCounts {
  return {
    kept: one.kept + other.kept,
    verified: one.verified + other.verified,
    invalid: one.invalid + other.invalid,
    expired: one.expired + other.expired,
    unavailable: one.unavailable + other.unavailable,
  };
}
