/**
 * What a local server sees of its surroundings: the variables that its entry lists, and PATH, without which neither
 * programs nor interpreters are found. Nothing else of the gateway's own environment gets through; the
 * mark that `child.ts` adds is random and known to nobody else.
 */

/** Windows programs do not start without these; none holds anything of the user's. */
const WINDOWS_NEEDS = ['SystemRoot', 'PATHEXT'];

/**
 * Returns the environment of a child.
 *
 * @param listed - names and values from the upstream's entry; a listed PATH replaces the gateway's
 * @param own - the gateway's environment
 */
export const childEnvironment = (
  listed: Readonly<Record<string, string>>,
  own: Readonly<Record<string, string | undefined>>,
  platform: string,
): Record<string, string> => {
  const environment: Record<string, string> = {};
  for (const name of platform === 'win32' ? ['PATH', ...WINDOWS_NEEDS] : ['PATH']) {
    const value = own[name];
    if (value !== undefined) environment[name] = value;
  }
  return Object.assign(environment, listed);
};
