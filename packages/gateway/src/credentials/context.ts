/** What all sources of credentials work with. */
import type { Clock, Egress } from '@sallyport/guard';
import type { ServerDirectory } from './server-metadata.ts';

/** What sources of credentials need. */
export interface CredentialContext {
  readonly clock: Clock;
  readonly egress: Egress;
  readonly directory: ServerDirectory;
}
