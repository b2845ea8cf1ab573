/** `sallyport keys create|list|rotate|revoke`: API keys in the store; a running gateway follows within a second. */
import type { CreatedKey, KeyFault, KeyInfo, ListedKey } from '@sallyport/guard';
import { controlPath, type ConfigOutline } from '@sallyport/gateway';
import { requireOutline } from '../configuration.ts';
import type { CommonOptions, Context } from '../context.ts';
import { askGateway } from '../control.ts';
import { exitCodes, Failure, usageFailure } from '../failure.ts';
import { findKeyDoubts } from '../key-doubts.ts';
import { withStore } from '../store.ts';
import { plain, table, type Paint } from '../terminal.ts';
import { readDuration } from '../time-words.ts';

/** Options of `keys create`. */
export interface CreateKeyOptions extends CommonOptions {
  readonly name: string;
  readonly role: readonly string[];
  readonly expires?: string;
  /** Networks, one or more separated by commas in each. */
  readonly from?: readonly string[];
}

/** Options of `keys rotate`. */
export interface RotateKeyOptions extends CommonOptions {
  readonly overlap?: string;
}

/** Makes a key and shows it, once. */
export async function createKey(options: CreateKeyOptions, context: Context): Promise<number> {
  const lifetime = options.expires === undefined ? undefined : readDuration(options.expires, '--expires');
  const from = options.from?.flatMap((given) => given.split(','));
  const config = await requireOutline(options, context);
  requireRoles(options.role, config);
  const expiresAt = lifetime === undefined ? undefined : Date.now() + lifetime;
  const made = await withStore(config, ({ keys }) =>
    keys.create({ name: options.name, roles: options.role, expiresAt, from }),
  );
  showKey(made, options, context);
  if (!config.callers.keys) context.terminal.note('! the configuration accepts no keys: set callers.keys to true');
  return exitCodes.fine;
}

/** Lists all keys, without what would let anybody use them. Exit 0 also when there are none. */
export async function listKeys(options: CommonOptions, context: Context): Promise<number> {
  const config = await requireOutline(options, context);
  // A gateway that runs writes what it knows of their last uses first.
  await askGateway(controlPath(config), 'refresh');
  const keys = await withStore(config, (store) => store.keys.list());
  const { terminal } = context;
  if (options.json) {
    terminal.json(keys.map(listedFacts));
    return exitCodes.fine;
  }
  if (keys.length === 0) terminal.note('no keys yet; make one:  sallyport keys create --name ci --role reader');
  const { paint } = terminal;
  const now = Date.now();
  const rows = keys.map((key) => [
    paint.bold(plain(key.name)),
    key.roles.map(plain).join(', '),
    paint.dim(`sp_${plain(key.id)}_…`),
    paint.dim(`made ${day(key.createdAt)}`),
    validityWords(key, now, paint),
    paint.dim(useWords(key)),
    paint.dim(key.from === undefined ? '' : `from ${key.from.map(plain).join(', ')}`),
  ]);
  for (const line of table(rows)) terminal.print(line);
  for (const { message, suggestion } of findKeyDoubts(
    keys.filter(({ isSealed }) => isSealed),
    now,
  )) {
    terminal.note(`${terminal.paintErr.yellow('!')} ${plain(message)}; ${plain(suggestion)}`);
  }
  if (keys.some((key) => !key.isSealed)) {
    terminal.note('! an ignored key was changed by other hands, or made under another master key; revoke it');
  }
  return exitCodes.fine;
}

/** Replaces a key by a new one of the same name, roles and networks. */
export async function rotateKey(name: string, options: RotateKeyOptions, context: Context): Promise<number> {
  const overlap = options.overlap === undefined ? 0 : readDuration(options.overlap, '--overlap');
  const config = await requireOutline(options, context);
  const made = await withStore(config, ({ keys }) => keys.rotate(name, overlap));
  showKey(made, options, context);
  if (!options.json) {
    const end = overlap === 0 ? 'stopped working' : `works until ${minute(Date.now() + overlap)} UTC`;
    context.terminal.note(`  the old key ${end}`);
  }
  return exitCodes.fine;
}

/** Ends all keys of a name, or the one key of an id. */
export async function revokeKey(words: string, options: CommonOptions, context: Context): Promise<number> {
  const config = await requireOutline(options, context);
  const { name, count } = await withStore(config, async ({ keys }) => {
    const ended = await keys.revoke(words);
    if (ended > 0) return { name: words, count: ended };
    const id = keyId.exec(words)?.[1];
    const owner = id === undefined ? undefined : await keys.revokeOne(id);
    return owner === undefined ? { name: words, count: 0 } : { name: owner, count: 1 };
  });
  if (count === 0) throw new Failure(`no key called "${words}"`, 'see them:  sallyport keys list');
  const { terminal } = context;
  const what = name === words ? plain(name) : `${plain(words)} of ${plain(name)}`;
  if (options.json) terminal.json({ name, revoked: count });
  else terminal.print(`${terminal.paint.green('✓')} revoked ${terminal.paint.bold(what)}`);
  return exitCodes.fine;
}

/** An id as `keys list` shows it, or alone. */
const keyId = /^(?:sp_)?([a-z0-9]{12})(?:_…?)?$/;

function requireRoles(roles: readonly string[], config: ConfigOutline): void {
  const known = config.roles.map((role) => role.name);
  for (const role of roles) {
    if (known.includes(role)) continue;
    const way = known.length === 0 ? 'define it under roles' : `roles here: ${known.join(', ')}`;
    throw usageFailure(`no role called "${role}"`, way);
  }
}

const ways: Readonly<Record<KeyFault['fault'], string>> = {
  'name taken': 'replace it with keys rotate, or choose another name',
  'bad name': 'choose another name',
  'no roles': 'give --role',
  'unknown name': 'see them:  sallyport keys list',
  'bad network': 'write it like 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32',
  'broken seal': 'end it with keys revoke, and make a new one',
};

function showKey(made: CreatedKey | KeyFault, options: CommonOptions, { terminal }: Context): void {
  if ('fault' in made) {
    const isUsage = ['bad name', 'no roles', 'bad network'].includes(made.fault);
    throw new Failure(made.message, ways[made.fault], isUsage ? exitCodes.usage : exitCodes.refused);
  }
  if (options.json) {
    terminal.json({ ...keyFacts(made), key: made.key });
    return;
  }
  const { paint } = terminal;
  terminal.print(made.key);
  const roles = made.roles.length === 1 ? `role ${made.roles[0]}` : `roles ${made.roles.join(', ')}`;
  const where = made.from === undefined ? '' : `, only from ${made.from.join(', ')}`;
  // Beside the result, so that a pipe gets the key and nothing else.
  terminal.note(
    `${paint.green('✓')} ${made.name}, ${roles}${where}, ${expiryWords(made, Date.now())}. It is shown this once and kept only as a hash.`,
  );
}

function listedFacts(key: ListedKey) {
  return {
    ...keyFacts(key),
    ...(key.lastUsedAt !== undefined && { lastUsedAt: new Date(key.lastUsedAt).toISOString() }),
    ...(!key.isSealed && { ignored: true }),
  };
}

function keyFacts({ id, name, roles, createdAt, expiresAt, from }: KeyInfo) {
  return {
    name,
    id,
    roles,
    createdAt: new Date(createdAt).toISOString(),
    ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt).toISOString() }),
    ...(from !== undefined && { from }),
  };
}

function validityWords(key: ListedKey, now: number, paint: Paint): string {
  if (!key.isSealed) return paint.red('ignored');
  const words = expiryWords(key, now);
  return words === 'expired' ? paint.yellow(words) : paint.dim(words);
}

function expiryWords(key: KeyInfo, now: number): string {
  if (key.expiresAt === undefined) return 'never expires';
  if (key.expiresAt <= now) return 'expired';
  // The day alone does not tell which of two keys of a name goes first.
  return `until ${key.expiresAt - now < 2 * dayMs ? `${minute(key.expiresAt)} UTC` : day(key.expiresAt)}`;
}

const dayMs = 86_400_000;

function useWords({ lastUsedAt }: ListedKey): string {
  return lastUsedAt === undefined ? 'never used' : `used ${minute(lastUsedAt)}`;
}

function minute(time: number): string {
  return new Date(time).toISOString().slice(0, 16).replace('T', ' ');
}

function day(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}
