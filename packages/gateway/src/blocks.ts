/** The blocks in force, as calls ask for them. A tool's block may be a pattern: an emergency knows no exact names. */
import {
  compilePattern,
  matchesPattern,
  type BlockKind,
  type BlockRow,
  type Blocks,
  type Clock,
} from '@sallyport/guard';

/** Blocks in memory. */
export interface BlockIndex extends Blocks {
  /** The block that stops this, if one does. */
  find(kind: BlockKind, subject: string): BlockRow | undefined;
}

/**
 * Indexes blocks. The subject of a tool's block is `server.tool`, in which a `*` stands for any run of characters; no
 * tool has one in its name.
 *
 * @param clock ends blocks whose time is over
 */
export function indexBlocks(rows: readonly BlockRow[], clock: Pick<Clock, 'now'>): BlockIndex {
  const exact = new Map(rows.map((row) => [`${row.kind} ${row.subject}`, row]));
  const patterns = rows.flatMap((row) => {
    if (row.kind !== 'tool' || !row.subject.includes('*')) return [];
    const pattern = compilePattern(row.subject);
    return pattern.kind === 'pattern' ? [{ row, pattern }] : [];
  });
  const isInForce = ({ expiresAt }: BlockRow): boolean => expiresAt === undefined || clock.now() < expiresAt;
  const find = (kind: BlockKind, subject: string): BlockRow | undefined => {
    if (exact.size === 0) return undefined;
    const row = exact.get(`${kind} ${subject}`);
    if (row !== undefined && isInForce(row)) return row;
    if (kind !== 'tool') return undefined;
    return patterns.find((one) => matchesPattern(one.pattern, subject) && isInForce(one.row))?.row;
  };
  return { find, isBlocked: (kind, subject) => find(kind, subject) !== undefined };
}
