/** What a person has let the gateway do at an upstream in their name: the tokens, and the client that they belong to. */
import { isObject } from '@sallyport/protocol';

/** Who the gateway is at an authorization server. */
export interface ClientIdentity {
  readonly id: string;
  readonly secret: string | undefined;
  /** How it proves that at the token endpoint. */
  readonly auth: 'basic' | 'post' | 'none';
}

/** The tokens of one person at one upstream. All of it is secret. */
export interface Grant {
  /** The authorization server: what is kept is sent nowhere else. */
  readonly issuer: string;
  readonly client: ClientIdentity;
  readonly accessToken: string;
  /** Wall time, milliseconds; `undefined` when the server did not say. */
  readonly expiresAt: number | undefined;
  readonly refreshToken: string | undefined;
  /** What was asked for so far, so that a refusal for less is not asked about again. */
  readonly requested: readonly string[];
  /** What was granted, by the server's own account. */
  readonly scopes: readonly string[];
  /** The resource indicator that goes with each request (RFC 8707). */
  readonly resource: string | undefined;
}

/** Writes a grant. */
export function encodeGrant(grant: Grant): Uint8Array {
  return Buffer.from(JSON.stringify(grant));
}

/** Reads what `encodeGrant` wrote; `undefined` for anything else. */
export function decodeGrant(bytes: Uint8Array): Grant | undefined {
  const value = parse(bytes);
  if (!isObject(value) || !isObject(value['client'])) return undefined;
  const client = decodeIdentity(value['client']);
  const { issuer, accessToken, expiresAt, refreshToken, requested, scopes, resource } = value;
  if (client === undefined || typeof issuer !== 'string' || typeof accessToken !== 'string') return undefined;
  return {
    issuer,
    client,
    accessToken,
    expiresAt: typeof expiresAt === 'number' ? expiresAt : undefined,
    refreshToken: typeof refreshToken === 'string' ? refreshToken : undefined,
    requested: strings(requested),
    scopes: strings(scopes),
    resource: typeof resource === 'string' ? resource : undefined,
  };
}

/** Writes who the gateway is. */
export function encodeIdentity(identity: ClientIdentity): Uint8Array {
  return Buffer.from(JSON.stringify(identity));
}

/** Reads who the gateway is, from bytes of `encodeIdentity` or an object. */
export function decodeIdentity(given: Uint8Array | object): ClientIdentity | undefined {
  const value = given instanceof Uint8Array ? parse(given) : given;
  if (!isObject(value)) return undefined;
  const { id, secret, auth } = value;
  if (typeof id !== 'string' || (auth !== 'basic' && auth !== 'post' && auth !== 'none')) return undefined;
  return { id, secret: typeof secret === 'string' ? secret : undefined, auth };
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return undefined;
  }
}

function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
