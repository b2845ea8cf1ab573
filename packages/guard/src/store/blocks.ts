/** What an operator has blocked at run time: callers, tools, upstreams. */
import type { Clock } from '../ports.ts';
import { noteChange } from './changes.ts';
import type { Store } from './store.ts';

export type BlockKind = 'caller' | 'tool' | 'upstream';

/** One block. */
export interface BlockRow {
  readonly kind: BlockKind;
  /** Principal id, `upstream.tool`, or upstream name. */
  readonly subject: string;
  readonly reason?: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** Milliseconds since the epoch; until it is lifted when absent. */
  readonly expiresAt?: number;
}

export interface BlockRepository {
  /** Blocks; replaces a block of the same subject. `forMs`: how long, milliseconds; default until lifted. */
  block(
    kind: BlockKind,
    subject: string,
    options?: { forMs?: number | undefined; reason?: string | undefined },
  ): Promise<BlockRow>;
  /** Lifts a block; false when there was none in force. */
  unblock(kind: BlockKind, subject: string): Promise<boolean>;
  /** All blocks in force. */
  snapshot(): Promise<BlockRow[]>;
}

function isKind(kind: string): kind is BlockKind {
  return kind === 'caller' || kind === 'tool' || kind === 'upstream';
}

/** Blocks of a store. */
export function createBlockRepository(store: Store, clock: Clock): BlockRepository {
  const { database } = store;
  return {
    block: async (kind, subject, { forMs, reason } = {}) => {
      const created_at = clock.now();
      const expires_at = forMs === undefined ? null : created_at + forMs;
      const values = { reason: reason ?? null, created_at, expires_at };
      await database.transaction().execute(async (transaction) => {
        await transaction
          .insertInto('guard_blocks')
          .values({ kind, subject, ...values })
          .onConflict((conflict) => conflict.columns(['kind', 'subject']).doUpdateSet(values))
          .execute();
        await noteChange(transaction, { time: created_at, actor: store.actor, action: 'block', kind, subject });
      });
      const row: BlockRow = { kind, subject, createdAt: created_at };
      return {
        ...row,
        ...(reason === undefined ? {} : { reason }),
        ...(expires_at === null ? {} : { expiresAt: expires_at }),
      };
    },
    unblock: (kind, subject) =>
      database.transaction().execute(async (transaction) => {
        const now = clock.now();
        const removed = await transaction
          .deleteFrom('guard_blocks')
          .where('kind', '=', kind)
          .where('subject', '=', subject)
          .returning('expires_at')
          .execute();
        const wasInForce = removed.some(({ expires_at }) => expires_at === null || expires_at > now);
        if (wasInForce) {
          await noteChange(transaction, { time: now, actor: store.actor, action: 'unblock', kind, subject });
        }
        return wasInForce;
      }),
    snapshot: async () => {
      const rows = await database.selectFrom('guard_blocks').selectAll().orderBy('kind').orderBy('subject').execute();
      const now = clock.now();
      const blocks: BlockRow[] = [];
      for (const { kind, subject, reason, created_at, expires_at } of rows) {
        if (!isKind(kind) || (expires_at !== null && expires_at <= now)) continue;
        const row: BlockRow = { kind, subject, createdAt: created_at };
        blocks.push({
          ...row,
          ...(reason === null ? {} : { reason }),
          ...(expires_at === null ? {} : { expiresAt: expires_at }),
        });
      }
      return blocks;
    },
  };
}
