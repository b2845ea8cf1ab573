/** Addresses that the gateway listens on, as people write and read them. */
import type { StateFault } from './state.ts';

/** A host as it stands in a URL: an IPv6 address in brackets. */
export function hostText(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/** Why an address could not be had, for the operator. */
export function listenFault(
  key: string,
  address: { readonly host: string; readonly port: number },
  cause: unknown,
): StateFault {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const where = `${hostText(address.host)}:${address.port}`;
  const message =
    code === 'EADDRINUSE'
      ? `${key}: ${where} is in use; stop what listens there, or choose another port`
      : `${key}: ${where} cannot be listened on (${code})`;
  return { fault: 'listen', message, cause };
}
