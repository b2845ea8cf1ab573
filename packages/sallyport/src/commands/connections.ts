/** `sallyport connections list|open|revoke`: accounts that people have connected at servers. */
import { controlPath, type ConfigOutline } from '@sallyport/gateway';
import { requireOutline } from '../configuration.ts';
import { askGateway } from '../control.ts';
import type { CommonOptions, Context } from '../context.ts';
import { exitCodes, Failure, usageFailure } from '../failure.ts';
import { isRecord } from '../mcp-caller.ts';
import { withStore } from '../store.ts';
import { plain, table } from '../terminal.ts';

/** Options of `connections open` and `revoke`. */
export interface ConnectionOptions extends CommonOptions {
  /** A principal id. */
  readonly caller?: string;
}

/** Lists what is connected, without any token. Exit 0 also when there is nothing. */
export async function listConnections(options: CommonOptions, context: Context): Promise<number> {
  const config = await requireOutline(options, context);
  const found = await withStore(config, ({ grants }) => grants.list());
  const { terminal } = context;
  if (options.json) {
    terminal.json(
      found.map(({ server, principal, issuer, scopes, createdAt, updatedAt }) => ({
        server,
        caller: principal,
        issuer,
        scopes,
        connected: new Date(createdAt).toISOString(),
        renewed: new Date(updatedAt).toISOString(),
      })),
    );
    return exitCodes.fine;
  }
  if (found.length === 0) terminal.note('nobody has connected an account yet');
  const { paint } = terminal;
  const rows = found.map(({ server, principal, issuer, scopes, createdAt }) => [
    paint.bold(plain(server)),
    plain(principal),
    plain(issuer),
    scopes.map(plain).join(' '),
    paint.dim(`connected ${new Date(createdAt).toISOString().slice(0, 10)}`),
  ]);
  for (const line of table(rows)) terminal.print(line);
  return exitCodes.fine;
}

/** Prints a link with which the person behind a caller connects an account; a gateway has to run. */
export async function openConnection(server: string, options: ConnectionOptions, context: Context): Promise<number> {
  const config = await requireOutline(options, context);
  requireServer(server, config);
  const { caller } = options;
  if (caller === undefined || !isPrincipal(caller)) {
    throw usageFailure(
      caller === undefined ? 'for whom?' : `"${caller}" is no caller`,
      'write --caller key:NAME, as the audit trail calls it',
    );
  }
  const answer = await askGateway(controlPath(config), { ask: 'connect-account', server, principal: caller });
  if (answer === undefined)
    throw new Failure('no gateway runs that the person could come to', 'start it: sallyport run');
  if (!isRecord(answer) || typeof answer['url'] !== 'string' || typeof answer['code'] !== 'string') {
    const why = isRecord(answer) && typeof answer['error'] === 'string' ? answer['error'] : 'no reason given';
    throw new Failure(`no account can be connected at ${server}: ${plain(why)}`, 'look at auth.oauth of the upstream');
  }
  const { terminal } = context;
  const { url, code } = answer;
  if (options.json) {
    terminal.json({ server, caller, url, code });
    return exitCodes.fine;
  }
  terminal.print(url);
  terminal.note(
    `For ${plain(caller)}, once, within ten minutes. The page shows the code ${terminal.paintErr.bold(plain(code))}. ` +
      'Whoever opens it connects their account for this caller, so give it to that person only.',
  );
  return exitCodes.fine;
}

/** Takes back what people have connected. */
export async function revokeConnections(server: string, options: ConnectionOptions, context: Context): Promise<number> {
  const config = await requireOutline(options, context);
  const { caller } = options;
  const which = { server, ...(caller === undefined ? {} : { principal: caller }) };
  const removed = await withStore(config, ({ grants }) => grants.revoke(which, 'connections.revoke'));
  if (removed.length === 0) {
    const whose = caller === undefined ? 'nobody' : caller;
    throw new Failure(`${whose} has no account connected at "${server}"`, 'see them:  sallyport connections list');
  }
  const { terminal } = context;
  const callers = removed.map(({ principal }) => principal);
  if (options.json) terminal.json({ server, revoked: callers });
  else {
    const bold = terminal.paint.bold(plain(server));
    terminal.print(`${terminal.paint.green('✓')} revoked ${bold} for ${callers.map(plain).join(', ')}`);
  }
  return exitCodes.fine;
}

function requireServer(server: string, config: ConfigOutline): void {
  const names = config.upstreams.map(({ name }) => name);
  if (names.includes(server)) return;
  throw usageFailure(`no upstream called "${server}"`, `upstreams here: ${names.join(', ') || 'none'}`);
}

function isPrincipal(text: string): boolean {
  return /^(?:key|jwt|cert|local|account):./.test(text);
}
