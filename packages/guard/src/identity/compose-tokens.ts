/** One verifier out of several: each token is judged by the first that knows its kind. */
import type { Received } from '../exchange.ts';
import type { TokenFault, TokenHolder, Tokens } from '../ports.ts';

type Outcome = TokenHolder | TokenFault;

/**
 * Composes verifiers.
 *
 * @param verifiers in the order in which they are asked; a token that none of them knows is refused with the reason of
 *   the first
 */
export function composeTokens(verifiers: readonly Tokens[]): Tokens {
  return {
    verify: (token, exchange) => ask(verifiers, 0, token, exchange, unknown),
  };
}

const unknown: TokenFault = { fault: 'unknown-kind', note: 'no verifier of tokens is configured' };

function ask(
  verifiers: readonly Tokens[],
  index: number,
  token: string,
  exchange: Received,
  reason: TokenFault,
): Outcome | Promise<Outcome> {
  const verifier = verifiers[index];
  if (verifier === undefined) return reason;
  const outcome = verifier.verify(token, exchange);
  const goOn = (found: Outcome): Outcome | Promise<Outcome> => {
    if (!('fault' in found) || found.fault !== 'unknown-kind') return found;
    return ask(verifiers, index + 1, token, exchange, index === 0 ? found : reason);
  };
  return outcome instanceof Promise ? outcome.then(goOn) : goOn(outcome);
}
