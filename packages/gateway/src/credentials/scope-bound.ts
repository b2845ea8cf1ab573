/** Where no person consents, the operator's word bounds what a server can have asked for in the gateway's name. */
import { linkFailure, type LinkFailure } from '../upstreams/link.ts';

/**
 * The scopes to ask a token endpoint for.
 *
 * @param written - by the operator; none leave it to the servers
 * @param asked - by the upstream, which is not trusted, beyond the usual ones
 * @param name - the upstream's, for texts
 * @returns a failure where the upstream asks for more than is written
 */
export function boundScopes(
  written: readonly string[],
  asked: readonly string[],
  name: string,
): readonly string[] | LinkFailure {
  if (written.length === 0) return asked;
  const beyond = asked.filter((scope) => !written.includes(scope));
  if (beyond.length === 0) return written;
  const detail = `${name} asks for ${beyond.join(' ')}, which \`scopes\` does not name`;
  return linkFailure('credentials', `${name} asks for more than it can be given.`, { detail });
}
