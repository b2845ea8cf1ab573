/** A gateway as those see it who start one, ask it how it stands, or stop it. */
import type { Readable, Writable } from 'node:stream';
import type { Conversation, DoorPath, TrailStats } from '@sallyport/guard';
import type { ConfigPorts } from './config/ports.ts';
import type { Problem } from './config/problem.ts';
import type { Config, ConfigOutline } from './config/types.ts';
import type { ExchangeSummary } from './summary.ts';
import type { IntrospectorStatus } from './tokens/introspector.ts';
import type { IssuerStatus } from './tokens/issuers.ts';
import type { UpstreamStatus } from './upstreams/upstream.ts';

/** How a gateway is started. */
export interface GatewayOptions {
  /** The files as given to `loadConfig`; the gateway watches them. Empty for a configuration that is no file's. */
  readonly files: readonly string[];
  readonly config: Config;
  readonly configPorts: ConfigPorts;
  /** Whether the HTTP doors and the control socket are opened. Default true. */
  readonly opensDoors?: boolean;
  /** Told of each exchange at its end. */
  readonly onExchange?: (summary: ExchangeSummary) => void;
  /** Told what an operator should know: servers' states and words, reloads, trouble with the audit trail. */
  readonly onLog?: (line: GatewayLogLine) => void;
  /** Told when a changed file is wrong and the old configuration stays. */
  readonly onProblems?: (problems: readonly Problem[]) => void;
}

/** One line of the gateway's log. */
export interface GatewayLogLine {
  /** Wall time, milliseconds. */
  readonly time: number;
  readonly level: 'info' | 'warning' | 'stderr';
  /** The server it is about. */
  readonly server?: string;
  readonly text: string;
}

/** A server as status shows it. */
export interface ServerStatus extends UpstreamStatus {
  readonly tools: number;
  readonly prompts: number;
  readonly resources: number;
  readonly quarantined: readonly { readonly list: string; readonly name: string; readonly reason: string }[];
  /** Why its lists could not be read when they were last asked for; absent when they could. */
  readonly unreadable?: string;
}

/** A gateway as status shows it. */
export interface GatewayStatus {
  readonly version: string;
  readonly pid: number;
  /** Wall time of the start, milliseconds. */
  readonly started: number;
  /** `observe`: policy refuses nothing, and what it would refuse is recorded. */
  readonly mode: 'enforce' | 'observe';
  /** Exchanges since the start that passed because policy was only observed. */
  readonly wouldRefuse: number;
  readonly views: readonly { readonly name: string; readonly mode: 'all' | 'search' }[];
  readonly endpoint: string | undefined;
  /** What callers write in place of the endpoint: below `publicUrl`; absent where that is not set. */
  readonly publicEndpoint?: string;
  readonly admin: string | undefined;
  readonly servers: readonly ServerStatus[];
  /** What the files say that is not in force. */
  readonly configuration: {
    /** Mistakes in the files, because of which what they said before is in force. */
    readonly problems: readonly Pick<Problem, 'file' | 'line' | 'column' | 'message'>[];
    /** Keys that were changed since the start and wait for the next one. */
    readonly needsRestart: readonly string[];
  };
  /** Whose tokens are accepted, and how their keys are. */
  readonly issuers: readonly IssuerStatus[];
  /** Who is asked about opaque tokens. */
  readonly introspection?: IntrospectorStatus;
  readonly audit: TrailStats;
  readonly sessions: number;
  /** Local programs at stdio doors. */
  readonly connections: number;
  readonly doors: { readonly websocket: DoorStatus; readonly sse: DoorStatus };
}

/** A door that the configuration can open. */
export interface DoorStatus {
  readonly isOpen: boolean;
  readonly connections: number;
}

/** A running gateway. */
export interface RunningGateway {
  /** `http(s)://host:port/mcp`; absent when it opens no doors. */
  readonly endpoint: string | undefined;
  readonly admin: string | undefined;
  /** Resolves once every server has been found ready or sick, at the latest after ten seconds. */
  readonly settled: Promise<void>;
  status(): GatewayStatus;
  /** What is in force, whatever the file says by now. */
  configuration(): ConfigOutline;
  /** The names of the tools that each server lists; absent for a server whose list has not been read. */
  tools(): Readonly<Record<string, readonly string[]>>;
  /** Takes over keys and blocks that another hand has just changed; without it that takes a quarter of a second. */
  refresh(): Promise<void>;
  /**
   * Begins to connect an account of a caller at a server, for whoever hands the link on to that caller's person.
   *
   * @returns the link with its code, or `error`
   */
  connectAccount(server: string, principal: string): Promise<ConnectLink>;
  /** Serves MCP over a pair of streams as the local user. */
  openStdio(input: Readable, output: Writable, options?: OpenStdioOptions): Conversation;
  /** Stops taking new work, lets running calls end, then stops servers and writes the last records. */
  close(deadlineMs?: number): Promise<void>;
}

/** What the local user asks of a stdio door. */
export interface OpenStdioOptions {
  /** Default: what `at` says. */
  readonly path?: DoorPath;
  /** Name of a server or view; default: all servers. */
  readonly at?: string;
  /** A role to try out in place of `callers.local`. */
  readonly role?: string;
}

/** A link with which a person connects an account, or why there is none. */
export type ConnectLink =
  | { readonly url: string; readonly code: string; readonly server: string; readonly principal: string }
  | { readonly error: string };
