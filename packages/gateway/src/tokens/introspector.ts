/** Asks the authorization server of the configuration in force about opaque tokens; a verifier that outlives reloads. */
import {
  compileRoleMap,
  createIntrospection,
  type Clock,
  type Egress,
  type Introspection,
  type IntrospectionCounts,
  type Tokens,
} from '@sallyport/guard';
import type { Config, IntrospectionConfig } from '../config/types.ts';

/** The server that is asked, as status shows it. */
export interface IntrospectorStatus {
  readonly issuer: string;
  readonly url: string;
  /** What was wrong when it was asked last; absent while it answers. */
  readonly trouble?: string;
}

/** A verifier of opaque tokens, which may be off. */
export interface Introspector extends Tokens {
  /** Takes over what the configuration says now; answers are kept where nothing of it has changed. */
  change(config: Pick<Config, 'callers' | 'publicUrl'>): void;
  /** True when tokens that are asked about give such an id. */
  knows(principal: string): boolean;
  status(): IntrospectorStatus | undefined;
  counts(): IntrospectionCounts;
}

/** What it runs on. */
export interface IntrospectorOptions {
  readonly clock: Clock;
  readonly egress: Egress;
  readonly log: (level: 'info' | 'warning', text: string) => void;
}

interface Current {
  readonly config: IntrospectionConfig;
  readonly publicUrl: string | undefined;
  readonly verifier: Introspection;
  trouble: string | undefined;
}

const none: IntrospectionCounts = { kept: 0, asked: 0, active: 0, refused: 0, unavailable: 0 };

/** Milliseconds between two words about trouble: a server can come and go with each token. */
const quietMs = 10_000;

/** Who issues the tokens: by its own name, or by where it is asked. */
export function introspectedIssuer({ issuer, url }: Pick<IntrospectionConfig, 'issuer' | 'url'>): string {
  return issuer ?? new URL(url).origin;
}

/** Makes a verifier that is off until the first change. */
export function createIntrospector(options: IntrospectorOptions): Introspector {
  let current: Current | undefined;
  let earlier = none;
  let spoken = Number.NEGATIVE_INFINITY;

  const make = (config: IntrospectionConfig, publicUrl: string | undefined): Current => {
    const made: Current = {
      config,
      publicUrl,
      trouble: undefined,
      verifier: createIntrospection({
        ...options,
        ...optionsOf(config, publicUrl),
        onTrouble: (trouble) => {
          made.trouble = trouble;
          const now = options.clock.monotonic();
          if (now - spoken < quietMs) return;
          spoken = now;
          const about = `opaque tokens of ${introspectedIssuer(config)}`;
          if (trouble === undefined) options.log('info', `${about} can be judged again`);
          else options.log('warning', `${about} cannot be judged: ${trouble}`);
        },
      }),
    };
    return made;
  };

  return {
    verify: (token, exchange) =>
      current?.verifier.verify(token, exchange) ?? { fault: 'unknown-kind', note: 'opaque tokens are not accepted' },
    change({ callers: { introspection: config }, publicUrl }) {
      const isSame =
        config !== undefined &&
        current !== undefined &&
        current.publicUrl === publicUrl &&
        fingerprint(current.config) === fingerprint(config);
      if (isSame) return;
      if (current !== undefined) earlier = add(earlier, current.verifier.counts());
      current = config === undefined ? undefined : make(config, publicUrl);
    },
    knows: (principal) => current !== undefined && principal.startsWith(`jwt:${introspectedIssuer(current.config)}|`),
    status() {
      if (current === undefined) return undefined;
      const { config, trouble } = current;
      const about = { issuer: introspectedIssuer(config), url: config.url };
      return trouble === undefined ? about : { ...about, trouble };
    },
    counts: () => (current === undefined ? earlier : add(earlier, current.verifier.counts())),
  };
}

function fingerprint({ clientSecret, ...rest }: IntrospectionConfig): string {
  return JSON.stringify([rest, clientSecret.reveal()]);
}

function optionsOf(config: IntrospectionConfig, publicUrl: string | undefined) {
  const { roles, audience } = config;
  const own = publicUrl === undefined ? [] : [`${publicUrl}/mcp`];
  return {
    url: config.url,
    clientId: config.clientId,
    clientSecret: config.clientSecret.reveal(),
    clientAuth: config.clientAuth,
    cacheMs: config.cache,
    timeoutMs: config.timeout,
    asksForJwts: config.jwts,
    rules: {
      issuer: introspectedIssuer(config),
      namesIssuer: config.issuer !== undefined,
      audience: audience ?? own,
      publicUrl,
      require: config.require,
      id: config.id,
      agent: config.agent,
      scopes: config.scopes,
      roles: roles === undefined ? undefined : { claim: roles.claim, map: compileRoleMap(roles.map) },
      clockSkewMs: config.clockSkew,
      allowsUntyped: config.untyped,
    },
  };
}

function add(one: IntrospectionCounts, other: IntrospectionCounts): IntrospectionCounts {
  return {
    kept: one.kept + other.kept,
    asked: one.asked + other.asked,
    active: one.active + other.active,
    refused: one.refused + other.refused,
    unavailable: one.unavailable + other.unavailable,
  };
}
