/** Takes the secrets that a server was given out of what it says, before anybody reads it. */

/** Shorter values would blot out ordinary words. */
const SHORTEST = 4;
const BLOT = '(redacted)';

/**
 * Returns a function that blots out secrets, also as they stand in a URL or in JSON. Of a value with several lines each
 * line is a secret.
 *
 * @param secrets - values that were passed to the server
 */
export const createRedaction = (secrets: readonly string[]): ((text: string) => string) => {
  const forms = new Set<string>();
  for (const secret of secrets) {
    for (const line of secret.split(/[\r\n]+/)) {
      const value = line.trim();
      if (value.length < SHORTEST) continue;
      for (const form of [value, encodeURIComponent(value), JSON.stringify(value).slice(1, -1)]) forms.add(form);
    }
  }
  // The longest first, so that one that contains another goes as a whole.
  const ordered = [...forms].toSorted((one, other) => other.length - one.length);
  return (text) => ordered.reduce((left, form) => left.replaceAll(form, BLOT), text);
};

/**
 * Returns what is secret in headers that a server gets: each value, each credential behind its scheme, and what a Basic
 * credential holds, because a server may repeat any of them.
 *
 * @param headers - by name
 */
export const secretsIn = (headers: Readonly<Record<string, string>>): readonly string[] =>
  Object.values(headers).flatMap((value) => {
    const [, scheme = '', credential] = /^([!#$%&'*+.^_`|~\w-]+) +(\S.*)$/.exec(value) ?? [];
    if (credential === undefined) return [value];
    if (scheme.toLowerCase() !== 'basic') return [value, credential];
    const pair = Buffer.from(credential, 'base64').toString('utf8');
    return [value, credential, pair, pair.slice(pair.indexOf(':') + 1)];
  });
