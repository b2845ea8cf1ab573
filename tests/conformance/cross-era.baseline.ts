/**
 * Checks of required scenarios that cannot pass where the server behind the gateway speaks the other era only, each with
 * the reason. What passes must not stand here.
 */

/** How the server behind the gateway is reached. */
export type Way = 'http' | 'stdio';

/** One check that cannot pass. */
export interface KnownFailure {
  /** Revision of the caller. */
  readonly revision: '2025-11-25' | '2026-07-28';
  readonly ways: readonly Way[];
  /** `scenario: check`. */
  readonly check: string;
  readonly reason: string;
}

const everywhere: readonly Way[] = ['http', 'stdio'];

/** Every check that cannot pass. */
export const crossEraBaseline: readonly KnownFailure[] = [
  {
    revision: '2026-07-28',
    ways: everywhere,
    check: 'server-stateless: sep-2575-server-rejects-undeclared-capability',
    reason:
      'A legacy server has no error for a capability that its caller did not declare: it never asks, and answers in its own words.',
  },
  {
    revision: '2026-07-28',
    ways: everywhere,
    check: 'server-stateless: sep-2575-missing-capability-http-400',
    reason: 'Follows from the check above: without the error there is no status to look at.',
  },
  {
    revision: '2026-07-28',
    ways: everywhere,
    check: 'input-required-result-basic-elicitation: sep-2322-elicitation-incomplete',
    reason:
      'A legacy question has an id of its conversation and no key, so the gateway names it; the scenario expects the key of one server.',
  },
];
