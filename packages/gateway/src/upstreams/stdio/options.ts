/** What an operator says about a local server that speaks over its standard streams. */
import type { ResourceLimits } from './limits.ts';
import type { SandboxOptions } from './sandbox.ts';

/** A local server. */
export interface StdioOptions {
  readonly kind: 'stdio';
  /** Program and arguments; never a shell line. A program without a slash is looked up in the gateway's PATH. */
  readonly command: readonly [string, ...string[]];
  /** What the child sees, besides PATH (see `environment.ts`) and a mark (see `family.ts`). Values are resolved already. */
  readonly env: Readonly<Record<string, string>>;
  /** Absolute working directory. */
  readonly cwd: string;
  /** What it may use. Default: whatever the gateway may. */
  readonly limits?: ResourceLimits | undefined;
  /** What it may see and change. Default: whatever the gateway may. */
  readonly sandbox?: SandboxOptions | undefined;
  /** Values among `command` and `env` that must not be shown when the server prints them. Default: none. */
  readonly secrets?: readonly string[];
}
