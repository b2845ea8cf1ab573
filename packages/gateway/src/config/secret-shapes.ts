/** Recognises credentials by their name or their look, so that none stays in a file in clear. */

const SECRET_WORD = /(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?)$/;
/** Last words that say the variable is about a secret and not one: `TOKEN_FILE`, `KEY_ID`. */
const ABOUT = new Set([
  'FILE',
  'PATH',
  'DIR',
  'URL',
  'URI',
  'ID',
  'NAME',
  'TYPE',
  'TTL',
  'LIMIT',
  'COUNT',
  'LENGTH',
  'ENABLED',
  'MODE',
]);

/** Says whether an environment variable of this name holds a secret: a word ends with KEY, TOKEN, SECRET, PASSWORD. */
export function hasSecretName(name: string): boolean {
  const words = name
    .toUpperCase()
    .split('_')
    .filter((word) => word !== '');
  const last = words.at(-1);
  if (last === undefined || ABOUT.has(last)) return false;
  return words.some((word) => SECRET_WORD.test(word));
}

/** Beginnings that issuers give to their credentials, and how many characters follow at least. */
const TOKEN_SHAPES: readonly RegExp[] = [
  /(?:^|[^A-Za-z0-9])(?:ghp|gho|ghu|ghs|ghr)_[A-Za-z0-9]{30}/,
  /(?:^|[^A-Za-z0-9])github_pat_[A-Za-z0-9_]{30}/,
  /(?:^|[^A-Za-z0-9])glpat-[A-Za-z0-9_-]{16}/,
  /(?:^|[^A-Za-z0-9])sk-[A-Za-z0-9_-]{20}/,
  /(?:^|[^A-Za-z0-9])xox[abprs]-[A-Za-z0-9-]{16}/,
  /(?:^|[^A-Za-z0-9])AKIA[0-9A-Z]{16}/,
  /(?:^|[^A-Za-z0-9])AIza[0-9A-Za-z_-]{32}/,
  /(?:^|[^A-Za-z0-9])npm_[A-Za-z0-9]{30}/,
  /(?:^|[^A-Za-z0-9])sp_[a-z0-9]{12}_[A-Za-z0-9_-]{43}/,
  /(?:^|[^A-Za-z0-9])eyJ[A-Za-z0-9_-]{10,200}\.eyJ[A-Za-z0-9_-]{10}/,
  /-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----/,
];

/** Says whether a text looks like a credential of a known issuer. Only the first 4,096 characters are looked at. */
export function hasTokenShape(value: string): boolean {
  const head = value.slice(0, 4096);
  return TOKEN_SHAPES.some((shape) => shape.test(head));
}
