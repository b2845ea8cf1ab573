/**
 * What `sallyport.yaml` means once it was read and found right: plain data, units in the names, paths absolute,
 * secrets wrapped. Every other part of the gateway reads this and never the file.
 */
import type {
  Algorithm,
  CertificateIdentity,
  ClaimPath,
  Denial,
  EffectLine,
  GrantKind,
  Origin,
  Rate,
  RequiredClaim,
  Role,
  RoleMapping,
  ViewModel,
} from '@sallyport/guard';
import type { ClientCertificateConfig, TokensConfig } from './credential-types.ts';
import type { Secret, SecretReference } from './secret.ts';
import type { MapNode } from './node.ts';

/** Where to listen. `host` is an IP address or a name; IPv6 without brackets. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** The store: an SQLite file. */
export interface StoreConfig {
  readonly kind: 'sqlite';
  /** Absolute path of the database file. */
  readonly path: string;
}

/** Bounds on what callers may send and how often. */
export interface LimitsConfig {
  /** Largest request body, bytes. */
  readonly body: number;
  /** Largest single message from an upstream, bytes. */
  readonly message: number;
  /** Deepest nesting of JSON. */
  readonly depth: number;
  /** How long a caller may take to send a request, milliseconds. */
  readonly requestTimeout: number;
  readonly perAddress: Rate;
  /** Failed logins per address and credential. */
  readonly failedLogins: Rate;
  /** Requests of one address that are broken; `undefined`: half of `perAddress`. */
  readonly badRequests: Rate | undefined;
  /** Calls of one caller, by effect. */
  readonly effects: EffectLimits | undefined;
  /** Calls of one caller that may run at once. */
  readonly concurrentPerCaller: number;
  /** WebSockets and SSE connections that one caller may hold open. */
  readonly openPerCaller: number;
  /** The same of one address. */
  readonly openPerAddress: number;
}

/** How often one caller may make calls of each effect; `undefined` where that has no limit of its own. */
export interface EffectLimits {
  readonly read: Rate | undefined;
  readonly write: Rate | undefined;
  readonly destructive: Rate | undefined;
}

/** Doors besides Streamable HTTP and stdio. */
export interface DoorsConfig {
  readonly websocket: boolean;
  /** HTTP+SSE of revision 2024-11-05. */
  readonly sse: boolean;
}

/** Argument values that the audit trail keeps in clear for targets that match `pattern`. */
export interface KeptArguments {
  readonly pattern: string;
  readonly names: readonly string[];
  readonly origin: Origin;
}

/** When an audit record counts as written: before the call, also before the answer, or every 50 ms. */
export type Durability = 'intent' | 'full' | 'interval';

/** The audit trail. */
export interface AuditConfig {
  /** Absolute path of the folder. */
  readonly directory: string;
  readonly durability: Durability;
  /** A file is closed and the next begun at this size, bytes. */
  readonly rotate: number;
  /** Files older than this are removed, milliseconds; `undefined` keeps them for ever. */
  readonly keep: number | undefined;
  readonly arguments: readonly KeptArguments[];
}

/** Requests of our own. */
export interface EgressConfig {
  /** Blocks in the notation of CIDR. */
  readonly allow: readonly string[];
  /** A URL, with user and password where the proxy wants them. */
  readonly proxy: Secret | undefined;
  /** PEM. */
  readonly ca: string | undefined;
}

/** Who may call, and as what. */
export interface CallersConfig {
  /** Role of the user who started a stdio door; `undefined`: no role, so nothing is allowed. */
  readonly local: string | undefined;
  /** Role of callers without a credential; `undefined`: they are refused. */
  readonly anonymous: string | undefined;
  /** Whether API keys are accepted. */
  readonly keys: boolean;
  /** How client certificates name callers; `undefined`: they do not. */
  readonly certificates: CertificatesConfig | undefined;
  /** Issuers whose signed tokens are accepted, each once. */
  readonly jwt: readonly JwtConfig[];
  /** Who is asked about opaque tokens; `undefined`: they are refused. */
  readonly introspection: IntrospectionConfig | undefined;
}

/** How client certificates name callers. */
export interface CertificatesConfig {
  readonly identity: CertificateIdentity;
  /** A caller has the role of every pattern that its name matches. */
  readonly roles: readonly { readonly pattern: string; readonly role: string }[];
}

/** What TLS needs; PEM texts. */
export interface TlsConfig {
  readonly cert: string;
  readonly key: Secret;
  /** Authorities of client certificates; `undefined`: none is asked for. */
  readonly clientCa: string | undefined;
}

/** The proxies that callers come through. */
export interface BehindProxyConfig {
  /** Addresses and networks. */
  readonly trusted: readonly string[];
  /** How they hand on client certificates; `undefined`: they do not. Header names in lower case. */
  readonly certificate:
    | {
        readonly header: string;
        readonly verified: string;
        readonly success: string;
        /** PEM text. */
        readonly ca: string | undefined;
      }
    | undefined;
}

/** Where the keys of an issuer come from. */
export type JwtKeysConfig =
  | { readonly kind: 'discovery' }
  | { readonly kind: 'url'; readonly url: string }
  /** Absolute path. */
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'secret'; readonly secret: Secret };

/** Which claim gives roles, and which. */
export interface JwtRolesConfig {
  readonly claim: ClaimPath;
  readonly map: readonly RoleMapping[];
}

/** An issuer whose signed tokens are accepted. Times in milliseconds. */
export interface JwtConfig {
  /** Exactly as `iss` has it. */
  readonly issuer: string;
  readonly keys: JwtKeysConfig;
  /** `undefined`: the door's own, from `publicUrl`. */
  readonly audience: readonly string[] | undefined;
  readonly algorithms: readonly Algorithm[];
  /** Lower case, without `application/`; `absent` stands for none. */
  readonly types: readonly string[];
  readonly require: readonly RequiredClaim[];
  readonly id: ClaimPath;
  readonly agent: ClaimPath | undefined;
  readonly scopes: ClaimPath;
  /** What clients write before a scope when they ask for it. */
  readonly scopePrefix: string | undefined;
  readonly roles: JwtRolesConfig | undefined;
  readonly clockSkew: number;
  readonly refresh: number;
  readonly staleFor: number;
  readonly origin: Origin;
}

/** An authorization server that is asked about opaque tokens (RFC 7662). Times in milliseconds. */
export interface IntrospectionConfig {
  /** `undefined`: the origin of `url`, and `iss` of its answers is not looked at. */
  readonly issuer: string | undefined;
  readonly url: string;
  readonly clientId: string;
  readonly clientSecret: Secret;
  readonly clientAuth: 'basic' | 'post';
  /** `undefined`: the door's own, from `publicUrl`. */
  readonly audience: readonly string[] | undefined;
  readonly require: readonly RequiredClaim[];
  readonly id: ClaimPath;
  readonly agent: ClaimPath | undefined;
  readonly scopes: ClaimPath;
  readonly scopePrefix: string | undefined;
  readonly roles: JwtRolesConfig | undefined;
  readonly cache: number;
  readonly timeout: number;
  readonly clockSkew: number;
  /** Whether tokens that look like JWTs are asked about too. */
  readonly jwts: boolean;
  /** Whether an answer without `token_type` is taken to be about an access token. */
  readonly untyped: boolean;
}

/** Requests from a server to the caller that may pass. */
export type Ask = 'elicitation' | 'sampling' | 'roots';

/** One upstream connection for all callers, one a caller, or one a session. */
export type Share = 'all' | 'caller' | 'session';

/** What every kind of upstream has. */
export interface UpstreamCommon {
  readonly name: string;
  /** Where its name stands in the file. */
  readonly origin: Origin;
  readonly share: Share;
  /** How long one request may go without a sign of life, milliseconds. */
  readonly timeout: number;
  /** How long one request may take in all, milliseconds. */
  readonly maxTime: number;
  readonly limit: Rate | undefined;
  /** Calls of all callers that may run at once. */
  readonly concurrent: number | undefined;
  readonly ask: readonly Ask[];
}

/** A server that the gateway starts and speaks to over its standard input and output. */
export interface StdioUpstreamConfig extends UpstreamCommon {
  readonly kind: 'stdio';
  /** Program and arguments, never a shell line. A program that is just `node` was replaced by the running Node. */
  readonly command: readonly [string, ...string[]];
  /** Exactly what the file lists; `inherit` was looked up. The gateway's own environment is not passed. */
  readonly env: ReadonlyMap<string, Secret>;
  /** Absolute path. */
  readonly cwd: string;
  readonly limits: ResourceLimitsConfig | undefined;
  /** `undefined`: off. */
  readonly sandbox: SandboxConfig | undefined;
  /** Arguments of `command` that came from references. */
  readonly secretArguments: readonly Secret[];
}

/** What a server that the gateway starts may use; `undefined` where there is no bound. */
export interface ResourceLimitsConfig {
  /** Bytes, of all its processes together. */
  readonly memory: number | undefined;
  readonly processes: number | undefined;
  /** Open files of each process. */
  readonly files: number | undefined;
  /** Milliseconds of processor time of each process. */
  readonly cpu: number | undefined;
}

/** What a server that the gateway starts may reach. Absolute paths. */
export interface SandboxConfig {
  readonly network: boolean;
  readonly read: readonly string[];
  readonly write: readonly string[];
}

/** A header that the gateway adds to each request to an upstream. */
export interface CredentialHeader {
  /** Lower case. */
  readonly name: string;
  /** The whole header value, `Bearer ` included. */
  readonly value: Secret;
}

/** What a server at a URL has. */
export interface UrlUpstreamCommon extends UpstreamCommon {
  readonly url: string;
  /** Headers of every request. */
  readonly credentials: readonly CredentialHeader[];
  /** What is shown when the connection begins. */
  readonly certificate: ClientCertificateConfig | undefined;
  /** Where further credentials are had from. */
  readonly tokens: TokensConfig | undefined;
}

/** A server reached over HTTP: Streamable HTTP in either era, or HTTP+SSE. */
export interface HttpUpstreamConfig extends UrlUpstreamCommon {
  readonly kind: 'http';
}

/** A server reached over WebSocket. */
export interface WebSocketUpstreamConfig extends UrlUpstreamCommon {
  readonly kind: 'websocket';
}

/** A server that the gateway calls. */
export type UpstreamConfig = StdioUpstreamConfig | HttpUpstreamConfig | WebSocketUpstreamConfig;

/** What a test of the file expects of a call. */
export type Expectation = 'allowed' | 'denied' | 'unknown' | 'step-up';

/** What a test says of its caller beside the role. */
export interface TestCaller {
  readonly id?: string | undefined;
  readonly kind?: 'key' | 'jwt' | 'cert' | 'local' | 'account' | 'anonymous' | undefined;
  readonly agent?: string | undefined;
  readonly scopes?: readonly string[] | undefined;
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
}

/** One line of `tests:`. */
export interface PolicyTest {
  /** A role. */
  readonly as: string;
  /** `server.tool`, `server.URI` or `server.prompt`. */
  readonly call: string;
  readonly kind: GrantKind;
  readonly args: Readonly<Record<string, unknown>>;
  readonly caller: TestCaller;
  readonly expect: Expectation;
  readonly origin: Origin;
}

/** What a configuration was read from: a change of any of it is a change of the configuration. */
export interface ConfigSources {
  /** Absolute paths of all files read, in order: those named first, then the included ones. */
  readonly files: readonly string[];
  /** Absolute paths of all files that `file:` references point at. */
  readonly secretFiles: readonly string[];
  /** Absolute paths of the folders that `include:` searches. */
  readonly folders: readonly string[];
  /** Digest of the bytes and permissions that were read. */
  readonly fingerprint: string;
}

/**
 * A configuration as commands need it that start no server and send no request: of the upstreams only what is said about
 * them, because what the servers are given (programs, URLs, environments, credentials) was not looked up.
 */
export type ConfigOutline = Omit<Config, 'upstreams' | 'egress' | 'tree' | 'tls'> & {
  readonly upstreams: readonly UpstreamCommon[];
};

/** A configuration that was read, merged and found right. */
export interface Config extends ConfigSources {
  readonly listen: Address;
  /** Without a trailing slash. */
  readonly publicUrl: string | undefined;
  readonly tls: TlsConfig | undefined;
  readonly behindProxy: BehindProxyConfig | undefined;
  readonly origins: readonly string[];
  /** `undefined` when the admin port is turned off. */
  readonly admin: { readonly listen: Address } | undefined;
  readonly store: StoreConfig;
  /** Not resolved: a file that is absent is made by whoever opens the store. */
  readonly master: SecretReference;
  readonly refusals: 'result' | 'status';
  /** `observe`: policy refuses nothing and what it would refuse is recorded. */
  readonly mode: 'enforce' | 'observe';
  readonly doors: DoorsConfig;
  readonly limits: LimitsConfig;
  readonly audit: AuditConfig;
  readonly egress: EgressConfig;
  readonly callers: CallersConfig;
  readonly deny: readonly Denial[];
  /** In the order in which they are asked. */
  readonly effects: readonly EffectLine[];
  readonly roles: readonly Role[];
  readonly views: readonly ViewModel[];
  readonly upstreams: readonly UpstreamConfig[];
  readonly tests: readonly PolicyTest[];
  /** The merged file with the place of each value, for printing. */
  readonly tree: MapNode;
}
