/** A fault on its way through code that knows errors only: connectors, sockets, streams. */
import type { EgressFault, EgressReason } from './egress.ts';

/** Carries a reason and a message for operators. */
export class EgressError extends Error {
  readonly reason: EgressReason;
  /** For logs that name errors by their code. */
  readonly code: string;

  constructor(reason: EgressReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EgressError';
    this.reason = reason;
    this.code = `EGRESS_${reason.toUpperCase().replace('-', '_')}`;
  }
}

/** Returns the value that callers get. */
export function faultOf({ reason, message, cause }: EgressError): EgressFault {
  return { kind: 'fault', reason, message, ...(cause === undefined ? {} : { cause }) };
}
