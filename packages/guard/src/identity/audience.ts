/**
 * At which doors a token holds (RFC 8707 §2, design §4.2): one for `<publicUrl>/mcp` at all of them, one for
 * `<publicUrl>/mcp/<server>` at that one, and one for an audience that the operator has named at all of them.
 */
import type { DoorPath } from '../exchange.ts';
import { nameOf } from './resource.ts';

/**
 * Says whether a token may be used at a door.
 *
 * @param audiences audiences of the token that its issuer is trusted for; `undefined` binds it to no door
 * @param publicUrl where callers reach the doors, without a slash at the end; without it no audience is one of ours
 * @param path the door that was asked
 */
export function isForDoor(
  audiences: readonly string[] | undefined,
  publicUrl: string | undefined,
  path: DoorPath,
): boolean {
  if (audiences === undefined || publicUrl === undefined) return true;
  const doors = `${publicUrl}/mcp/`;
  const name = nameOf(path);
  const here = name === undefined ? undefined : `${doors}${name}`;
  return audiences.some((audience) => audience === here || !audience.startsWith(doors));
}
