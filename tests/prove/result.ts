// What a row of the table of figures hands back. Each row is a module `tests/prove/<id>-<slug>.ts` that exports
// `prove: Prove`; `npm run prove` finds it by its name.

/** The outcome of one row. */
export interface ProveResult {
  /** The figure in one line, e.g. `1,000,000 calls: 0 crossed, 0 lost`. */
  readonly figure: string;
  /** True when the figure reaches the goal of its row. */
  readonly isMet: boolean;
  /** Lines to print below the figure: tables, what is left. */
  readonly details?: readonly string[];
}

/** Measures one row at full size. Throws only when it could not be measured. */
export type Prove = () => Promise<ProveResult>;
