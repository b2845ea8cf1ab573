/** What we answer to tokens about which the standards let a product decide; docs/tokens.md prints this table. */

/** An answer and its reason. */
export interface TokenDecision {
  readonly status: 200 | 401;
  readonly reason: string;
}

const accept = (reason: string): TokenDecision => ({ status: 200, reason });
const refuse = (reason: string): TokenDecision => ({ status: 401, reason });

/** By the name of the case. */
export const tokenDecisions: Readonly<Record<string, TokenDecision>> = {
  'valid/aud-array': accept('a token may be for several services; ours is among them'),
  'encoding/dup-payload-sub': refuse('two claims of one name could be read in two ways'),
  'encoding/proto-in-payload': refuse(
    'a claim named `__proto__` means nothing, and readers that merge objects fall for it',
  ),
  'encoding/noncanonical-trailing-bits': refuse('a token has one spelling'),
  'claims/exp-huge': refuse('it would end more than ten years from now'),
  'claims/exp-ms': refuse('the same: somebody wrote milliseconds'),
  'claims/sub-control-chars': refuse('a name with a line break is no name'),
  'claims/scope-array': refuse('`scope` is one text (RFC 9068 §2.2.3); lists stand in claims of other names'),
  'claims/scope-object': refuse('the same'),
  'claims/scope-tab-separated': accept(
    'only a space separates scopes; what holds a tab is no scope and grants nothing',
  ),
  'claims/scope-prefix': accept('`mcp:tools:admin` is another scope than `mcp:tools` or `admin`, and grants neither'),
  'claims/scope-proto': accept('names like any others, which grant nothing'),
  'claims/client_id-missing': accept('write `require` where it has to be there'),
  'claims/act-chain-deep': refuse('claims nest at most 16 deep'),
};
