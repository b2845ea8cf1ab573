/** The rules in force at one moment, swapped as a whole on reload. An exchange keeps the ones it began with. */
import type { Rate } from './policy/model.ts';
import type { Policy } from './policy/compile.ts';
import type { Pattern } from './policy/pattern.ts';
import type { ProxyRules } from './doors/standing.ts';
import type { TrustAnchors } from './identity/x509.ts';
import type { Effects } from './policy/effects.ts';
import type { View } from './policy/view.ts';
import type { Effect } from './exchange.ts';

/** Bounds on what a caller may send and hold. Sizes in bytes, times in milliseconds. */
export interface Limits {
  /** Largest request body or stdio line. */
  readonly body: number;
  /** Largest message from an upstream. */
  readonly message: number;
  /** Deepest nesting of a message. */
  readonly depth: number;
  /** Longest time a request may take to arrive. */
  readonly requestTimeoutMs: number;
  readonly perAddress: Rate;
  readonly failedLogins: Rate;
  /** Requests of one address that could not be read or that showed a credential which is none; absent: as many as of others. */
  readonly badRequests?: Rate;
  /** Calls of one caller that have an effect, by the effect. */
  readonly effects?: Readonly<Partial<Record<Effect, Rate>>>;
  readonly concurrentPerCaller: number;
  /** Connections of the WebSocket and SSE doors that one caller may hold open. */
  readonly openPerCaller: number;
  /** The same of one address. */
  readonly openPerAddress: number;
}

/** How a client certificate names its caller, and which roles the name has. */
export interface CertificateRules {
  /** The part of the certificate that is the identity. */
  readonly identity: CertificateIdentity;
  /** A caller holds the role of every pattern that its identity matches. */
  readonly roles: readonly { readonly pattern: Pattern; readonly role: string }[];
  /** The authorities of certificates that are shown to us; absent where only proxies are shown any. */
  readonly anchors?: TrustAnchors;
}

/** The parts of a certificate that can name a caller: entries of the subject alternative name, or the common name. */
export type CertificateIdentity = 'san-uri' | 'san-dns' | 'san-email' | 'common-name';

/** Who may come in, and with which role. */
export interface CallerRules {
  /** Role of the user who started a stdio door. */
  readonly local?: string;
  /** Role of callers without credentials. */
  readonly anonymous?: string;
  /** Whether API keys are accepted. */
  readonly keys: boolean;
  /** How client certificates name callers; absent where none are asked for. */
  readonly certificates?: CertificateRules;
}

/** Doors that are closed unless the configuration opens them. */
export interface DoorRules {
  readonly websocket: boolean;
  readonly sse: boolean;
}

/**
 * Sallyport as an OAuth resource server (RFC 9728): what its metadata documents and challenges say. Present only where
 * tokens of authorization servers are accepted.
 */
export interface ResourceRules {
  /** Origin under which callers reach the doors, without a trailing slash. Never taken from a request. */
  readonly url: string;
  /** Issuers whose tokens are accepted, in the order of the configuration. */
  readonly authorizationServers: readonly string[];
  /** What a client asks for at /mcp when it knows nothing else; more is asked for when a call needs it. */
  readonly scopes: readonly string[];
  /** The same for each server and view with a document of its own. */
  readonly named?: ReadonlyMap<string, readonly string[]>;
  /** What an issuer wants written before a scope in a request, where its tokens carry the bare scope. */
  readonly scopePrefixes?: ReadonlyMap<string, string>;
}

export interface Rules {
  readonly policy: Policy;
  readonly limits: Limits;
  readonly callers: CallerRules;
  /** Accepted Host values, lower case. */
  readonly hosts: ReadonlySet<string>;
  /** Accepted Origin values. */
  readonly origins: ReadonlySet<string>;
  /** True where callers come over TLS, to us or to a proxy before us; default false. */
  readonly isSecure?: boolean;
  /** The proxies whose word about callers counts; absent where nobody's does. */
  readonly proxy?: ProxyRules;
  readonly upstreamLimits: ReadonlyMap<string, Rate>;
  /** Calls that an upstream is given at once; as many as there are where it is not named. */
  readonly upstreamPlaces?: ReadonlyMap<string, number>;
  /** Which doors are open besides Streamable HTTP and stdio. */
  readonly doors: DoorRules;
  /** Names of servers that a door path may name. */
  readonly servers: ReadonlySet<string>;
  /** Views that a door path may name; absent where there are none. */
  readonly views?: ReadonlyMap<string, View>;
  /** Effects of tools; absent where none is assigned. */
  readonly effects?: Effects;
  /** True where policy refuses nothing and what it would refuse is recorded. */
  readonly observes?: boolean;
  /** What callers are told about how to get a token; absent where no token is accepted. */
  readonly resource?: ResourceRules;
  /** `status` gives in-band refusals an HTTP status for plain API clients. */
  readonly refusals: 'result' | 'status';
  /** Names of the arguments whose values the audit trail keeps for a target key; `undefined` for none. */
  readonly keptArguments: (key: string) => readonly string[] | undefined;
}
