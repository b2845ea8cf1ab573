/** The blocks in force, as calls ask for them. Tools and callers may be patterns: an emergency knows no exact names. */
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
 * Indexes blocks. The subject of a tool's block is `server.tool`, that of a caller's a principal id; in both a `*` stands
 * for any run of characters. No tool has one in its name, and a caller that has is matched by itself too.
 *
 * @param clock ends blocks whose time is over
 */
export function indexBlocks(rows: readonly BlockRow[], clock: Pick<Clock, 'now'>): BlockIndex {
  const exact = new Map(rows.map((row) => [`${row.kind} ${row.subject}`, row]));
  const patterns = rows.flatMap((row) => {
    if (row.kind === 'upstream' || !row.subject.includes('*')) return [];
    const pattern = compilePattern(patternKey(row.kind, row.subject));
    return pattern.kind === 'pattern' ? [{ row, pattern }] : [];
  });
  const isInForce = ({ expiresAt }: BlockRow): boolean => expiresAt === undefined || clock.now() < expiresAt;
  const find = (kind: BlockKind, subject: string): BlockRow | undefined => {
    if (exact.size === 0) return undefined;
    const row = exact.get(`${kind} ${subject}`);
    if (row !== undefined && isInForce(row)) return row;
    if (patterns.length === 0 || kind === 'upstream') return undefined;
    const key = patternKey(kind, subject);
    return patterns.find((one) => one.row.kind === kind && matchesPattern(one.pattern, key) && isInForce(one.row))?.row;
  };
  return { find, isBlocked: (kind, subject) => find(kind, subject) !== undefined };
}

/** Patterns begin with a server; an id has none, so it is given a part to stand behind. */
function patternKey(kind: BlockKind, subject: string): string {
  return kind === 'caller' ? `caller.${subject}` : subject;
}
