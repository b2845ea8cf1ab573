/**
 * Guesses which literal values of a client's configuration are secrets, by their name and by their look. A wrong yes
 * costs nothing (the value moves to a file), a wrong no leaves a secret in a file that people share, so doubt says yes.
 */

// A configuration refuses a literal under such a name, so these are never left in place.
const surely = /(?:^|_)[a-z0-9]*(?:key|token|secret|password|passwd|passphrase|credentials?)(?:_|$)/;
const aboutSecrets = /(?:^|_)(?:file|path|dir|url|uri|id|name|type|ttl|limit|count|length|enabled|mode)$/;
const probably =
  /(?:^|_)(?:keys|tokens|secrets|passwords|pass|pwd|pat|auth|authorization|creds?|cookies?|dsn|bearer|jwt|signature|private|license)(?:_|$)/;
const aboutAccess =
  /(?:^|_)(?:file|path|dir|directory|folder|url|uri|host|port|sock|socket|id|name|type|mode|method|endpoint|enabled)$/;
const knownShapes = [
  /^(?:sk|pk|rk)[-_][A-Za-z0-9_-]{12,}/,
  /^gh[pousr]_[A-Za-z0-9]{16,}/,
  /^github_pat_/,
  /^glpat-/,
  /^xox[a-z]-/,
  /^xapp-/,
  /^(?:AKIA|ASIA)[A-Z0-9]{12,}/,
  /^AIza[A-Za-z0-9_-]{20,}/,
  /^ya29\./,
  /^npm_[A-Za-z0-9]{20,}/,
  /^hf_[A-Za-z0-9]{20,}/,
  /^(?:lin|dop|ntn|secret|figd|pplx|tvly|shpat|SG|sp)[-_.][A-Za-z0-9]/,
  /^eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\./,
  /^(?:bearer|basic)\s+\S/i,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
];

/** Tells whether a name such as `GITHUB_TOKEN`, `x-api-key` or `apiKey` speaks of a secret. */
export function isSecretName(name: string): boolean {
  const words = wordsOf(name);
  return isSurelySecret(words) || (probably.test(words) && !aboutAccess.test(words));
}

function isSurelySecret(words: string): boolean {
  return surely.test(words) && !aboutSecrets.test(words);
}

function wordsOf(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .toLowerCase();
}

/** Tells whether a value looks like a secret whatever its name is. */
export function isSecretValue(value: string): boolean {
  return knownShapes.some((shape) => shape.test(value)) || hasSecretInUrl(value) || looksRandom(value);
}

/** Tells whether a named value is to be kept out of shared files. */
export function isSecret(name: string, value: string): boolean {
  if (value === '') return false;
  if (isSecretValue(value) || isSurelySecret(wordsOf(name))) return true;
  return isSecretName(name) && !/^(?:true|false|yes|no|on|off|none|null|\d{1,5})$/i.test(value);
}

function hasSecretInUrl(value: string): boolean {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(value) || !URL.canParse(value)) return false;
  const url = new URL(value);
  if (url.password !== '') return true;
  return [...url.searchParams].some(([name, text]) => text !== '' && (isSecretName(name) || looksRandom(text)));
}

// Long, of one piece, and changing between letters and digits as words and version numbers do not.
function looksRandom(value: string): boolean {
  if (value.length < 20 || !/^[A-Za-z0-9+/_=-]+$/.test(value)) return false;
  let changes = 0;
  for (let index = 1; index < value.length; index++) {
    const pair = value.slice(index - 1, index + 1);
    if (/[A-Za-z][0-9]|[0-9][A-Za-z]/.test(pair)) changes++;
  }
  return changes >= 4;
}
