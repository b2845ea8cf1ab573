/** `sallyport keys create|list|rotate|revoke`: API keys in the store; a running gateway follows within a second. */
import type { CreatedKey, KeyFault, KeyInfo, ListedKey } from '@sallyport/guard';
import type { ConfigOutline } from '@sallyport/gateway';
import { requireOutline } from '../configuration.ts';
import type { CommonOptions, Context } from '../context.ts';
import { exitCodes, Failure, usageFailure } from '../failure.ts';
import { withStore } from '../store.ts';
import { plain, table, type Paint } from '../terminal.ts';
import { readDuration } from '../time-words.ts';

/** Options of `keys create`. */
export interface CreateKeyOptions extends CommonOptions {
  readonly name: string;
  readonly role: readonly string[];
  readonly expires?: string;
}

/** Options of `keys rotate`. */
export interface RotateKeyOptions extends CommonOptions {
  readonly overlap?: string;
}

/** Makes a key and shows it, once. */
export async function createKey(options: CreateKeyOptions, context: Context): Promise<number> {
  const lifetime = options.expires === undefined ? undefined : readDuration(options.expires, '--expires');
  const config = await requireOutline(options, context);
  requireRoles(options.role, config);
  const expiresAt = lifetime === undefined ? undefined : Date.now() + lifetime;
  const made = await withStore(config, ({ keys }) =>
    keys.create({ name: options.name, roles: options.role, expiresAt }),
  );
  showKey(made, options, context);
  if (!config.callers.keys) context.terminal.note('! the configuration accepts no keys: set callers.keys to true');
  return exitCodes.fine;
}

/** Lists all keys, without what would let anybody use them. Exit 0 also when there are none. */
export async function listKeys(options: CommonOptions, context: Context): Promise<number> {
  const config = await requireOutline(options, context);
  const keys = await withStore(config, (store) => store.keys.list());
  const { terminal } = context;
  if (options.json) {
    terminal.json(keys.map((key) => ({ ...keyFacts(key), ...(key.isSealed ? {} : { ignored: true }) })));
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
  ]);
  for (const line of table(rows)) terminal.print(line);
  if (keys.some((key) => !key.isSealed)) {
    terminal.note('! an ignored key was changed by other hands, or made under another master key; revoke it');
  }
  return exitCodes.fine;
}

/** Replaces a key by a new one of the same name and roles. */
export async function rotateKey(name: string, options: RotateKeyOptions, context: Context): Promise<number> {
  const overlap = options.overlap === undefined ? 0 : readDuration(options.overlap, '--overlap');
  const config = await requireOutline(options, context);
  showKey(await withStore(config, ({ keys }) => keys.rotate(name, overlap)), options, context);
  return exitCodes.fine;
}

/** Ends all keys of a name. */
export async function revokeKey(name: string, options: CommonOptions, context: Context): Promise<number> {
  const config = await requireOutline(options, context);
  const count = await withStore(config, ({ keys }) => keys.revoke(name));
  if (count === 0) throw new Failure(`no key called "${name}"`, 'see them:  sallyport keys list');
  const { terminal } = context;
  if (options.json) terminal.json({ name, revoked: count });
  else terminal.print(`${terminal.paint.green('✓')} revoked ${terminal.paint.bold(plain(name))}`);
  return exitCodes.fine;
}

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
  'broken seal': 'end it with keys revoke, and make a new one',
};

function showKey(made: CreatedKey | KeyFault, options: CommonOptions, { terminal }: Context): void {
  if ('fault' in made) {
    const isUsage = made.fault === 'bad name' || made.fault === 'no roles';
    throw new Failure(made.message, ways[made.fault], isUsage ? exitCodes.usage : exitCodes.refused);
  }
  if (options.json) {
    terminal.json({ ...keyFacts(made), key: made.key });
    return;
  }
  const { paint } = terminal;
  terminal.print(made.key);
  const roles = made.roles.length === 1 ? `role ${made.roles[0]}` : `roles ${made.roles.join(', ')}`;
  // Beside the result, so that a pipe gets the key and nothing else.
  terminal.note(
    `${paint.green('✓')} ${made.name}, ${roles}, ${expiryWords(made, Date.now())}. It is shown this once and kept only as a hash.`,
  );
}

function keyFacts({ id, name, roles, createdAt, expiresAt }: KeyInfo) {
  return {
    name,
    id,
    roles,
    createdAt: new Date(createdAt).toISOString(),
    ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt).toISOString() }),
  };
}

function validityWords(key: ListedKey, now: number, paint: Paint): string {
  if (!key.isSealed) return paint.red('ignored');
  const words = expiryWords(key, now);
  return words === 'expired' ? paint.yellow(words) : paint.dim(words);
}

function expiryWords(key: KeyInfo, now: number): string {
  if (key.expiresAt === undefined) return 'never expires';
  return key.expiresAt <= now ? 'expired' : `until ${day(key.expiresAt)}`;
}

function day(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}
