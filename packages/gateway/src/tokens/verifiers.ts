/** Everybody whose tokens are accepted: issuers of signed ones, and the server that is asked about the others. */
import {
  composeTokens,
  type Clock,
  type EgressClient,
  type IntrospectionCounts,
  type JwtCounts,
  type Tokens,
} from '@sallyport/guard';
import type { Config } from '../config/types.ts';
import type { GatewayStatus } from '../running.ts';
import { createIntrospector } from './introspector.ts';
import { createIssuers, type IssuersOptions } from './issuers.ts';

/** What tokens are verified by. */
export interface Verifiers extends Tokens {
  /** Takes over what the configuration says now. */
  change(config: Pick<Config, 'callers' | 'publicUrl'>): void;
  /** Reads keys again where it is time to. Called every second. */
  tend(): void;
  /** True when some token that is accepted now gives such an id. */
  knows(principal: string): boolean;
  status(): Pick<GatewayStatus, 'issuers' | 'introspection'>;
  counts(): { readonly signed: JwtCounts; readonly opaque: IntrospectionCounts };
}

/** What they run on. */
export interface VerifiersOptions extends IssuersOptions {
  readonly clock: Clock;
  readonly egress: EgressClient;
}

/**
 * Makes the verifiers of a configuration.
 *
 * @param config - in force until the first change
 */
export function createVerifiers(config: Pick<Config, 'callers' | 'publicUrl'>, options: VerifiersOptions): Verifiers {
  const issuers = createIssuers(options);
  const introspector = createIntrospector(options);
  const change: Verifiers['change'] = (next) => {
    issuers.change(next);
    introspector.change(next);
  };
  change(config);
  return {
    ...composeTokens([issuers, introspector]),
    change,
    tend: () => issuers.tend(),
    knows: (principal) => issuers.knows(principal) || introspector.knows(principal),
    status: () => {
      const introspection = introspector.status();
      return { issuers: issuers.status(), ...(introspection === undefined ? {} : { introspection }) };
    },
    counts: () => ({ signed: issuers.counts(), opaque: introspector.counts() }),
  };
}
