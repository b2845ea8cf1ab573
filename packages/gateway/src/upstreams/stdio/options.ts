/** What an operator says about a local server that speaks over its standard streams. */

/** A local server. */
export interface StdioOptions {
  readonly kind: 'stdio';
  /** Program and arguments; never a shell line. A program without a slash is looked up in the gateway's PATH. */
  readonly command: readonly [string, ...string[]];
  /** What the child sees, besides PATH (see `environment.ts`) and a mark (see `family.ts`). Values are resolved already. */
  readonly env: Readonly<Record<string, string>>;
  /** Absolute working directory. */
  readonly cwd: string;
}
