/**
 * At which doors a token holds (RFC 8707 §2, design §4.2): one for `<publicUrl>/mcp` at all of them, one for
 * `<publicUrl>/mcp/<server>` at that one, and one for an audience that the operator has named at all of them.
 */
import type { DoorPath } from '../exchange.ts';
import type { ResourceRules } from '../rules.ts';
import { resourceOf } from './resource.ts';

/**
 * Says whether a token may be used at a door.
 *
 * @param audiences audiences of the token that its issuer is trusted for; `undefined` binds it to no door
 * @param resource what our own resources are called; without it no audience is one of ours
 * @param path the door that was asked
 */
export function isForDoor(
  audiences: readonly string[] | undefined,
  resource: ResourceRules | undefined,
  path: DoorPath,
): boolean {
  if (audiences === undefined || resource === undefined) return true;
  const one = `${resource.url}/mcp/`;
  const here = path.kind === 'all' ? undefined : resourceOf(resource, path.server);
  return audiences.some((audience) => audience === here || !audience.startsWith(one));
}
