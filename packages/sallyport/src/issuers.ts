/** How issuers of tokens stand, as `status` and `doctor` say it. */
import type { IssuerStatus } from '@sallyport/gateway';
import { count } from './banner.ts';
import type { Paint } from './terminal.ts';
import { clip, plain } from './terminal.ts';

/** Rows of a table: one an issuer. */
export function issuerRows(issuers: readonly IssuerStatus[], paint: Paint): string[][] {
  return issuers.map((issuer) => [paint.dim('Tokens'), `${plain(issuer.issuer)}: ${stateWords(issuer, paint)}`]);
}

function stateWords(status: IssuerStatus, paint: Paint): string {
  const words = issuerWords(status);
  if (status.state === 'lost') return paint.red(words);
  return status.state === 'stale' ? paint.yellow(words) : words;
}

/** What there is to say of an issuer's keys. */
export function issuerWords({ state, keys, readAt, problem }: IssuerStatus): string {
  const held = count(keys, 'key');
  const since = readAt === undefined ? '' : ` of ${new Date(readAt).toISOString()}`;
  const why = problem === undefined ? '' : `: ${clip(plain(problem), 200)}`;
  switch (state) {
    case 'fresh':
      return held;
    case 'waiting':
      return 'its keys are being read';
    case 'stale':
      return `${held}${since} while they cannot be read${why}`;
    case 'lost':
      return `no token is accepted, its keys cannot be read${why}`;
  }
}
