/**
 * Where the credentials come from that the gateway presents to its upstreams (design §4.1 `auth`, §5). Fixed headers and
 * client certificates need no source: they are part of the address. Everything else is one of these.
 */
import type { LinkCredential } from '../upstreams/credential.ts';

/** Whom a credential is for. */
export interface CredentialSubject {
  /** Principal id. */
  readonly principal: string;
  /** How the caller proved who it is, for words that it reads. */
  readonly kind: string;
  /**
   * The caller's own verified token, where it came with one that an authorization server issued. It goes to the token
   * endpoint that the operator wrote, and nowhere else.
   */
  readonly token: string | undefined;
}

/** Gives the credentials for one upstream. */
export interface CredentialSource {
  /** The one credential for everybody, the gateway itself included; `undefined` where each caller has its own. */
  readonly shared: LinkCredential | undefined;
  /** People can connect accounts. */
  readonly hasAccounts?: true;
  /** The credential for a caller; the same object for the same subject for as long as it is in use. */
  of(subject: CredentialSubject): LinkCredential;
  /** What is secret in the credentials that are in use, to be taken out of a server's words. */
  secrets(): readonly string[];
  /** Hears how the server refuses those who bring nothing: it names who issues tokens for it (RFC 9728 §5.1). */
  challenged?(challenge: string): void;
  /** Forgets what it holds in memory and starts nothing new. */
  close(): void;
}
