/** What an operator does about a refusal, by its record: the table of refusals advises callers, who cannot. Pure. */
import type { AuditRecord } from '@sallyport/guard';
import { reasonName } from './record-line.ts';

/** Reasons of `bad-credential`, as records have them, and what in the file or at the issuer mends them. */
const tokenWays: readonly (readonly [RegExp, string])[] = [
  [/^iss is none/, 'Write issuer under callers.jwt exactly as the token has it, with or without the slash at the end.'],
  [/^the type \(typ\)/, 'Add the type to types of the issuer, unless it is an ID token.'],
  [/^the algorithm/, 'Add the algorithm to algorithms of the issuer.'],
  [/^aud names none/, 'Have the token issued for publicUrl/mcp, or add its audience to audience of the issuer.'],
  [/^no key of the issuer/, "Look at the issuer's keys:  sallyport doctor"],
  [/^a signed token has three parts/, 'It is neither a key of ours nor a signed token: look at what the caller sends.'],
  [/lies in the future$/, 'Compare the clocks of the issuer and of this machine.'],
];

/** Limits by how the record calls them, and where each stands in the file. */
const limitWays: readonly (readonly [RegExp, (name: string) => string])[] = [
  [/^limit of (read|write|destructive) calls, /, (effect) => `limits.effects.${effect}`],
  [/^limit of upstream (\S+), /, (upstream) => `limit of upstreams.${upstream}`],
  [/^limit of the grant (.+), /, (pattern) => `limit of the grant '${pattern}'`],
  [/^limit of the caller as (.+), /, (roles) => `limit of role ${roles}`],
];

/**
 * Returns what the operator can do about a refusal that was recorded.
 *
 * @returns `undefined` where nothing is known beyond what its caller was told
 */
export function operatorAdvice(record: AuditRecord): string | undefined {
  const reason = record.outcome?.reason;
  const name = reason === undefined ? undefined : reasonName(reason);
  if (reason === undefined || name === undefined) return undefined;
  const note = reason.slice(name.length).replace(/^: /, '');
  switch (name) {
    case 'blocked':
    case 'caller-blocked':
      return 'See what is blocked now:  sallyport status';
    case 'credential-elsewhere':
      return 'See from where each key may be used:  sallyport keys list';
    case 'bad-credential':
      return tokenWays.find(([pattern]) => pattern.test(note))?.[1];
    case 'limited':
      for (const [pattern, place] of limitWays) {
        const found = pattern.exec(note)?.[1];
        if (found !== undefined)
          return `Raise ${place(found)} (${note.slice(note.lastIndexOf(', ') + 2)} then), or wait.`;
      }
      return undefined;
    default:
      return undefined;
  }
}
