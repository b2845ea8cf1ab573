/** What an audit trail is told and what it says about itself. */
import type { AuditDisk } from '../disk.ts';
import type { Clock } from '../ports.ts';
import type { SigningKey } from './checkpoint.ts';

/**
 * When records reach the disk: `intent` syncs intents before the call goes on, `full` outcomes too, `interval` syncs
 * every 50 ms and nobody waits.
 */
export type Durability = 'intent' | 'full' | 'interval';

/** `reserved`: little space is left and only intents and what is owed is written. `failing`: nothing can be written. */
export type TrailState = 'healthy' | 'reserved' | 'failing' | 'closed';

/**
 * A record that was not taken. `failing`: writing fails; `full`: no space, or only the reserve is left; `behind`: the
 * disk is too slow for the queue; `closed`: the trail has been closed.
 */
export interface AppendRefused {
  readonly refused: 'failing' | 'full' | 'behind' | 'closed';
}

export interface TrailOptions {
  /** Made with mode 0700 when absent. */
  readonly directory: string;
  readonly durability: Durability;
  /** Size at which the next file begins, bytes. Default 64 MiB. */
  readonly rotateBytes?: number | undefined;
  /** Age at which whole files are removed, milliseconds. Default: never. */
  readonly keepMs?: number | undefined;
  readonly disk: AuditDisk;
  readonly clock: Clock;
  /** Signs checkpoints; its public half is put beside the files. */
  readonly signing: SigningKey;
  /** First part of the file names. */
  readonly processName: string;
  /** Default: 60,000 ms and 1,000 records. */
  readonly checkpointEvery?: { readonly ms: number; readonly records: number } | undefined;
  /** Share of the disk that only intents may use. Default 0.05. */
  readonly reserveFraction?: number | undefined;
  /** Most bytes that may wait to be written. Default 16 MiB; what is owed may take as much again. */
  readonly queueBytes?: number | undefined;
  /** Told each time the state changes; `cause` says why, for the operator. */
  readonly onState?: ((state: TrailState, cause?: unknown) => void) | undefined;
  /** Runs `task` after `ms` milliseconds; returns a function that cancels it. Default: a timer that holds no process. */
  readonly schedule?: ((ms: number, task: () => void) => () => void) | undefined;
}

export interface TrailStats {
  readonly state: TrailState;
  /** Records that wait to be written. */
  readonly queued: number;
  /** Records on disk, written by this process. */
  readonly written: number;
  /** Intents whose callers were told that they are not on disk. */
  readonly lost: number;
  /** Records that were not taken, other than intents. */
  readonly dropped: number;
  readonly lastSeq: number;
  readonly lastDurableSeq: number;
  /** Hash of the newest record on disk, hex. */
  readonly lastDurableHash: string;
  readonly syncs: number;
}

/** What opening had to repair. */
export interface TrailRecovery {
  /** Bytes of torn last lines that were cut off. */
  readonly tornBytes: number;
  /** The last file has records after a break: it was left as found and the chain goes on after its last record. */
  readonly isBroken: boolean;
}

/** Why a trail could not be opened. */
export interface TrailFault {
  readonly fault: 'locked' | 'unusable' | 'unsafe';
  readonly message: string;
  readonly cause?: unknown;
}
