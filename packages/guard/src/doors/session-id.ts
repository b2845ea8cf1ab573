/**
 * Ids of legacy sessions: sealed to their caller, door and path, so that nobody else's opens. The id of an HTTP session
 * carries what it takes to go on after a restart: when it began, and what its caller told at initialize.
 */
import { isObject } from '@sallyport/protocol';
import type { DoorKind, DoorPath, Principal } from '../exchange.ts';
import { isSealFault, type Seal } from '../seal.ts';
import type { Handshake } from './session.ts';

/** Longest handshake that an id carries, bytes of JSON; a session with a longer one ends with its process. */
export const longestCarried = 1024;

/** Where an id was given out, or came from. */
export interface SessionPlace {
  readonly principal: Pick<Principal, 'id'>;
  readonly door: DoorKind;
  readonly path: DoorPath;
}

/** What an id tells of its session. */
export interface CarriedSession {
  /** Wall time of its beginning, milliseconds. */
  readonly created: number;
  readonly handshake: Handshake;
}

/** Makes and reads ids. */
export interface SessionIds {
  /**
   * Makes an id.
   *
   * @param created - wall time, milliseconds
   * @param handshake - carried when it is given and not too long
   */
  mint(place: SessionPlace, created: number, handshake?: Handshake): string;
  /** What an id tells; `undefined` for another caller's or place's, one that is too old, and one that tells too little. */
  open(id: string, place: SessionPlace): CarriedSession | undefined;
}

/**
 * Makes ids under a seal.
 *
 * @param maxAgeMs - how long an id holds, milliseconds
 */
export function createSessionIds(seal: Seal, maxAgeMs: number): SessionIds {
  return {
    mint(place, created, handshake) {
      const told = handshake === undefined ? '' : JSON.stringify(handshake);
      const isCarried = told !== '' && Buffer.byteLength(told) <= longestCarried;
      return seal.close('session', bindingOf(place), isCarried ? { created, handshake } : { created }, maxAgeMs);
    },
    open(id, place) {
      const payload = seal.open('session', bindingOf(place), id);
      if (isSealFault(payload) || !isObject(payload)) return undefined;
      const { created, handshake } = payload;
      if (typeof created !== 'number' || !isObject(handshake)) return undefined;
      const { revision, clientCapabilities, clientInfo } = handshake;
      if (typeof revision !== 'string' || !isObject(clientCapabilities)) return undefined;
      return {
        created,
        handshake: { revision, clientCapabilities, clientInfo: isObject(clientInfo) ? clientInfo : undefined },
      };
    },
  };
}

function bindingOf({ principal, door, path }: SessionPlace) {
  return { principal: principal.id, path: pathKey(path), subject: door };
}

/** One word for a door path, e.g. `/mcp/files`; a view's differs from that of a server that had its name before. */
export function pathKey(path: DoorPath): string {
  if (path.kind === 'all') return '/mcp';
  return path.kind === 'server' ? `/mcp/${path.server}` : `/mcp/${path.view} (view)`;
}
