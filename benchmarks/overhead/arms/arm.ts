// What an arm of the benchmark is: a server that a tools/call can be sent to, and how to start it.
import { fileURLToPath } from 'node:url';
import type { Dialect } from '../call-template.ts';
import type { EchoEra } from '../echo.ts';

/** What an arm is set up for. */
export interface ArmSetup {
  /** Tools of its upstream. */
  readonly tools: number;
  /** API keys to make, where the arm has keys. */
  readonly keys: number;
  /** Port of the HTTP upstream, on the load core. */
  readonly upstreamPort: number;
  /** An empty folder of its own. */
  readonly folder: string;
}

/** A started arm. */
export interface RunningArm {
  readonly port: number;
  readonly pid: number;
  readonly dialect: Dialect;
  /** API keys that it accepts; empty where it knows none. */
  readonly keys: readonly string[];
  stop(): Promise<void>;
}

/** Thrown when an arm cannot answer a tools/call over Streamable HTTP; the reason goes into the table. */
export class CannotServe extends Error {}

/** One arm. */
export interface Arm {
  readonly name: string;
  /** One line for the report. */
  readonly about: string;
  /** What its HTTP upstream speaks; default: both eras. */
  readonly upstreamEra?: EchoEra;
  readonly start: (setup: ArmSetup) => Promise<RunningArm>;
}

/** The path of a file of the benchmark. */
export function fileOf(path: string): string {
  return fileURLToPath(new URL(`../${path}`, import.meta.url));
}

/** The modern dialect without a prefix. */
export const plainModern: Dialect = { era: 'modern', path: '/mcp', prefix: '' };
