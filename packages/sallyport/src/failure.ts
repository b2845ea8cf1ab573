/** How a command ends when it cannot do what it was asked: one sentence, and the way out. */

/** Exit codes: fine, refused or found something, used wrongly. */
export const exitCodes = { fine: 0, refused: 1, usage: 2 } as const;

/** Ends a command. Shown as `sallyport: <message> — <way>`, without a stack. */
export class Failure extends Error {
  readonly way: string;
  readonly exitCode: number;
  /** What keeps the gateway from starting, where that is the reason: the name of a fault of the state. */
  fault: string | undefined = undefined;

  /**
   * @param message what went wrong, without a full stop
   * @param way what to do about it
   * @param exitCode default 1
   */
  constructor(message: string, way: string, exitCode: number = exitCodes.refused, options?: ErrorOptions) {
    super(message, options);
    this.name = 'Failure';
    this.way = way;
    this.exitCode = exitCode;
  }

  /** The same failure with another way out. */
  withWay(way: string): Failure {
    const other = new Failure(this.message, way, this.exitCode, { cause: this.cause });
    other.fault = this.fault;
    return other;
  }
}

/** Makes the failure of a command that was typed wrongly. */
export function usageFailure(message: string, way: string): Failure {
  return new Failure(message, way, exitCodes.usage);
}

/** Returns the `code` of a system error such as ENOENT, or nothing. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
