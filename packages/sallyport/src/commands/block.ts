/** `sallyport block` and `unblock`: stop a caller, a tool or a server at once, whatever the configuration allows. */
import type { BlockKind } from '@sallyport/guard';
import type { ConfigOutline } from '@sallyport/gateway';
import { requireOutline } from '../configuration.ts';
import type { CommonOptions, Context } from '../context.ts';
import { exitCodes, Failure, usageFailure } from '../failure.ts';
import { withStore } from '../store.ts';
import { plain } from '../terminal.ts';
import { readDuration } from '../time-words.ts';

/** Options of `block`. */
export interface BlockOptions extends CommonOptions {
  /** A duration. */
  readonly for?: string;
}

interface BlockTarget {
  readonly kind: BlockKind;
  readonly subject: string;
}

/** Blocks a target until it is unblocked or the time is over. */
export async function block(words: string, options: BlockOptions, context: Context): Promise<number> {
  const forMs = options.for === undefined ? undefined : readDuration(options.for, '--for');
  const config = await requireOutline(options, context);
  const target = blockTarget(words, config);
  const made = await withStore(config, ({ blocks }) => blocks.block(target.kind, target.subject, { forMs }));
  const { terminal } = context;
  const until = made.expiresAt === undefined ? undefined : new Date(made.expiresAt).toISOString();
  if (options.json) terminal.json({ ...target, ...(until !== undefined && { until }) });
  else {
    const end = until === undefined ? 'until unblocked' : `until ${until.slice(0, 16).replace('T', ' ')} UTC`;
    terminal.print(
      `${terminal.paint.green('✓')} blocked the ${target.kind} ${terminal.paint.bold(plain(target.subject))} ${end}`,
    );
  }
  return exitCodes.fine;
}

/** Lifts a block. */
export async function unblock(words: string, options: CommonOptions, context: Context): Promise<number> {
  const config = await requireOutline(options, context);
  const target = blockTarget(words, config);
  const wasBlocked = await withStore(config, ({ blocks }) => blocks.unblock(target.kind, target.subject));
  if (!wasBlocked)
    throw new Failure(`the ${target.kind} ${target.subject} is not blocked`, 'see the blocks:  sallyport status');
  const { terminal } = context;
  if (options.json) terminal.json(target);
  else
    terminal.print(
      `${terminal.paint.green('✓')} unblocked the ${target.kind} ${terminal.paint.bold(plain(target.subject))}`,
    );
  return exitCodes.fine;
}

/** Tells what a word names: a caller by its principal id, a server by its name, a tool by `server.tool`. */
export function blockTarget(words: string, config: Pick<ConfigOutline, 'upstreams'>): BlockTarget {
  if (/^(?:key|jwt|cert|local|account):./.test(words) || words === 'anonymous')
    return { kind: 'caller', subject: words };
  const names = config.upstreams.map((upstream) => upstream.name);
  const dot = words.indexOf('.');
  const server = dot === -1 ? words : words.slice(0, dot);
  if (names.includes(server)) return { kind: dot === -1 ? 'upstream' : 'tool', subject: words };
  const known = names.length === 0 ? '' : `; upstreams here: ${names.join(', ')}`;
  throw usageFailure(
    `"${words}" names no caller, tool or upstream`,
    `write it like key:ci, files.write_file or files${known}`,
  );
}
