/** Client scenarios that the gateway does not pass, each with its reason. What is not named here has to pass. */

/** Some scenarios, and why they are left out. */
export interface LeftOut {
  /** Name of one scenario, or the beginning of several with a `*` at the end. */
  readonly scenarios: string;
  readonly reason: string;
}

/** All that is left out. */
export const leftOut: readonly LeftOut[] = [
  {
    scenarios: 'auth/*',
    reason: 'the gateway does not sign in to servers with OAuth: a server gets the credential of the configuration',
  },
];

/**
 * Looks a scenario up.
 * @param scenario its name in the suite.
 */
export function reasonFor(scenario: string): string | undefined {
  return leftOut.find(({ scenarios }) =>
    scenarios.endsWith('*') ? scenario.startsWith(scenarios.slice(0, -1)) : scenario === scenarios,
  )?.reason;
}
