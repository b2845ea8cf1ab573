/**
 * The audit trail: takes records synchronously, chains them, and makes them durable in groups (design §4.5).
 *
 * After a failed write nothing is known about the records behind the newest durable one. They are taken out of the
 * chain: intents whose callers waited are dropped, because those calls were refused; everything else is chained anew
 * behind the newest durable record, in a new file. Seqs of dropped records are used again, so the trail has no gap.
 */
import { join } from 'node:path';
import { createDisk, type AuditDisk } from '../disk.ts';
import { kindOf, moveLine } from './chain.ts';
import type { Head } from './chain.ts';
import { signCheckpoint } from './checkpoint.ts';
import { formatFileName, orderFiles } from './files.ts';
import type {
  AppendRefused,
  Durability,
  TrailFault,
  TrailOptions,
  TrailRecovery,
  TrailState,
  TrailStats,
} from './options.ts';
import { Queue } from './queue.ts';
import type { Durable, Group } from './queue.ts';
import { createTimeFormat, encodeCheckpoint, encodeRecord } from './record.ts';
import type { RecordCheckpoint, RecordDraft } from './record.ts';
import { findEnd } from './recover.ts';
import type { TrailEnd } from './recover.ts';
import { findOldFiles } from './retention.ts';
import { fillDefaults } from './settings.ts';
import type { TrailSettings } from './settings.ts';
import { Space } from './space.ts';
import { Tally } from './tally.ts';
import { GroupWriter } from './writer.ts';

/** Most records that wait to be encoded, and about how many bytes one becomes. */
const PENDING_RECORDS = 64;
const PENDING_BYTES = 1024;
const PROBE_MS = 250;
/** How long records that nobody waits for may linger, so that they share a sync with the next intent. */
const LINGER_MS = { intent: 10, full: 10, interval: 50 } as const;
/** A group of this size is written without lingering. */
const LARGE_GROUP = 1024 * 1024;
const LOST = Promise.resolve<Durable>('lost');

function isDiskFull(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && (cause.code === 'ENOSPC' || cause.code === 'EDQUOT');
}

export class Trail {
  /** What opening had to repair. */
  readonly recovery: TrailRecovery;
  readonly durability: Durability;
  readonly #settings: TrailSettings;
  readonly #writer: GroupWriter;
  readonly #release: () => Promise<void>;
  readonly #formatTime = createTimeFormat();
  readonly #start: number;
  readonly #space: Space;
  readonly #tally = new Tally();

  #queue = new Queue();
  #inFlight: Group | undefined;
  #state: TrailState = 'healthy';
  #failure: AppendRefused['refused'] = 'failing';
  #head: Head;
  /** Records that have their seq and wait to be encoded: many in a row cost a third of as many one by one. */
  readonly #pending: { readonly draft: RecordDraft; readonly time: number }[] = [];
  #durable: Head;
  #first: number;
  #n = 0;
  #file = '';
  #fileBytes = 0;
  #sinceCheckpoint = 0;
  #written = 0;
  #isKeyWritten = false;
  #hasRotated = true;
  #running: Promise<void> | undefined;
  #isSoon = false;
  #cancelLinger: (() => void) | undefined;
  #cancelProbe: (() => void) | undefined;
  #cancelCheckpoint: (() => void) | undefined;

  /** Use {@link openTrail}. */
  constructor(settings: TrailSettings, end: TrailEnd, release: () => Promise<void>) {
    this.#settings = settings;
    this.#writer = new GroupWriter(settings.disk, settings.directory);
    this.#space = new Space(settings);
    this.#release = release;
    this.#head = end.head;
    this.#durable = end.head;
    this.#first = end.first;
    this.#start = Math.max(settings.clock.now(), end.start + 1);
    this.durability = settings.durability;
    this.recovery = { tornBytes: end.tornBytes, isBroken: end.isBroken };
    this.#beginFile();
    if (end.tornBytes > 0 || end.isBroken) {
      const reason = end.isBroken ? 'broken' : 'torn';
      this.#push({ kind: 'system', outcome: { status: 'recovered', reason, bytes: end.tornBytes } });
    }
  }

  /** The state that decides what is taken. */
  get state(): TrailState {
    return this.#state;
  }

  /**
   * Takes a record: gives it its place in the chain and queues it. Never throws.
   *
   * @returns its seq, or why it was not taken. Ask {@link durable} about the seq before the current turn of the event
   *   loop ends: after a failed write, seqs of records that never reached the disk are used again.
   */
  append(draft: RecordDraft): number | AppendRefused {
    const refused = this.#refusal(draft);
    if (refused !== undefined) {
      this.#tally.refuse(draft.kind);
      return { refused };
    }
    // What waits counts with more than it will be, and is encoded before that could be too much.
    if (this.#fileBytes + this.#pending.length * PENDING_BYTES >= this.#settings.rotateBytes) this.#encodePending();
    if (this.#fileBytes >= this.#settings.rotateBytes) this.#rotate();
    else if (this.#sinceCheckpoint >= this.#settings.checkpointEvery.records) this.#checkpoint('count');
    const seq = this.#push(draft);
    this.#kick();
    return seq;
  }

  /**
   * Whether a record that was just appended is on disk.
   *
   * @returns `undefined` when it is; else a promise of `durable`, or of `lost` when writing failed: the action must
   *   then not happen. What is neither an intent nor removed may still reach the disk after `lost`.
   */
  durable(seq: number): undefined | Promise<Durable> {
    if (seq <= this.#durable.seq) return undefined;
    if (this.#state === 'failing' || this.#state === 'closed' || seq > this.#last) return LOST;
    const inFlight = this.#inFlight;
    if (inFlight?.last !== undefined && seq <= inFlight.last.seq) return inFlight.waitFor();
    const wait = this.#queue.group.waitFor();
    this.#kick();
    return wait;
  }

  stats(): TrailStats {
    return {
      state: this.#state,
      queued: this.#pending.length + this.#queue.group.records + (this.#inFlight?.records ?? 0),
      written: this.#written,
      lost: this.#tally.lost,
      dropped: this.#tally.dropped,
      lastSeq: this.#last,
      lastDurableSeq: this.#durable.seq,
      lastDurableHash: this.#durable.hash,
      syncs: this.#writer.syncs,
    };
  }

  /** Writes all that waits and a last checkpoint, and gives the directory free. Takes no more records. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    await this.#running;
    // Twice, so that what the last write could not put down gets one more try.
    for (let attempt = 0; attempt < 2; attempt++) {
      if (this.#state === 'failing') await this.#resume();
      if (this.#sinceCheckpoint > 0 && this.state !== 'failing') this.#checkpoint('stop');
      while (this.#isWaiting && this.state !== 'failing') await this.#flush();
    }
    this.#cancelLinger?.();
    this.#cancelProbe?.();
    this.#cancelCheckpoint?.();
    this.#setState('closed');
    await this.#writer.close();
    await this.#release();
  }

  /** First write, so that the state is known when opening ends. */
  async begin(): Promise<void> {
    await this.#measure();
    await this.#flush();
  }

  #refusal(draft: RecordDraft): AppendRefused['refused'] | undefined {
    const { queueBytes } = this.#settings;
    const isOwed = draft.isOwed === true;
    if (this.#state === 'closed') return 'closed';
    if (this.#state === 'failing' && !isOwed) return this.#failure;
    const waiting = this.#pending.length * PENDING_BYTES + this.#queue.group.bytes + (this.#inFlight?.bytes ?? 0);
    if (waiting > (isOwed ? 2 * queueBytes : queueBytes)) return 'behind';
    if (isOwed || draft.kind === 'intent') return undefined;
    if (this.#state !== 'reserved' && !this.#space.isScarce(waiting)) return undefined;
    this.#enterReserve();
    return 'full';
  }

  #push(draft: RecordDraft): number {
    this.#pending.push({ draft, time: this.#settings.clock.now() });
    if (this.#sinceCheckpoint === 0) this.#startCheckpointTimer();
    this.#sinceCheckpoint += 1;
    const seq = this.#last;
    if (this.#pending.length >= PENDING_RECORDS) this.#encodePending();
    return seq;
  }

  get #isWaiting(): boolean {
    return this.#pending.length > 0 || this.#queue.group.records > 0;
  }

  /** The newest seq that was given out. */
  get #last(): number {
    return this.#head.seq + this.#pending.length;
  }

  #encodePending(): void {
    if (this.#pending.length === 0) return;
    for (const { draft, time } of this.#pending.splice(0)) {
      const seq = this.#head.seq + 1;
      this.#advance(encodeRecord(draft, seq, this.#formatTime(time), this.#head.hash), seq);
    }
  }

  #advance(text: string, seq: number): void {
    const before = this.#queue.group.bytes;
    this.#head = this.#queue.push(this.#file, text, seq);
    this.#fileBytes += this.#queue.group.bytes - before;
  }

  #checkpoint(reason: RecordCheckpoint['reason']): void {
    this.#encodePending();
    const { signing, clock } = this.#settings;
    const seq = this.#head.seq + 1;
    const time = this.#formatTime(clock.now());
    const facts = { file: this.#file, first: this.#first, reason, key: signing.id };
    const signature = signCheckpoint({ ...facts, seq, time, prev: this.#head.hash }, signing);
    this.#advance(encodeCheckpoint({ ...facts, signature }, seq, time, this.#head.hash), seq);
    this.#sinceCheckpoint = 0;
    this.#cancelCheckpoint?.();
    this.#cancelCheckpoint = undefined;
  }

  #startCheckpointTimer(): void {
    this.#cancelCheckpoint?.();
    this.#cancelCheckpoint = this.#settings.schedule(this.#settings.checkpointEvery.ms, () => {
      this.#cancelCheckpoint = undefined;
      if (this.#sinceCheckpoint === 0 || this.#state === 'closed') return;
      this.#checkpoint('time');
      this.#kick();
    });
  }

  #beginFile(): void {
    this.#n += 1;
    this.#file = formatFileName(this.#settings.processName, this.#start, this.#n);
    this.#fileBytes = 0;
    this.#checkpoint('open');
  }

  #rotate(): void {
    this.#checkpoint('rotate');
    this.#beginFile();
    this.#hasRotated = true;
  }

  #kick(): void {
    if (this.#running !== undefined || this.#isSoon || this.#state === 'failing' || this.#state === 'closed') return;
    const group = this.#queue.group;
    if ((group.isUrgent && this.#settings.durability !== 'interval') || group.bytes > LARGE_GROUP) {
      this.#isSoon = true;
      // After the poll phase, so that all requests that arrived together share a sync.
      setImmediate(() => {
        this.#isSoon = false;
        void this.#flush();
      });
    } else {
      this.#cancelLinger ??= this.#settings.schedule(LINGER_MS[this.#settings.durability], () => {
        this.#cancelLinger = undefined;
        void this.#flush();
      });
    }
  }

  /** Writes one group; resolves when it is on disk or has failed. */
  #flush(): Promise<void> {
    this.#running ??= this.#writeOne().finally(() => {
      this.#running = undefined;
      if (this.#isWaiting) this.#kick();
    });
    return this.#running;
  }

  async #writeOne(): Promise<void> {
    this.#encodePending();
    if (this.#queue.group.records === 0 || this.#state === 'failing' || this.#state === 'closed') return;
    this.#cancelLinger?.();
    this.#cancelLinger = undefined;
    const group = this.#queue.take();
    this.#inFlight = group;
    try {
      await this.#put(group);
    } catch (cause) {
      this.#fail(group, cause);
      return;
    }
    this.#commit(group);
  }

  async #put(group: Group): Promise<void> {
    if (!this.#isKeyWritten) {
      const { disk, directory, signing } = this.#settings;
      const pem = signing.publicKey.export({ type: 'spki', format: 'pem' });
      await disk.writePublic(join(directory, `audit-key.${signing.id}.pub.pem`), Buffer.from(pem));
      this.#isKeyWritten = true;
    }
    await this.#writer.write(group);
  }

  #commit(group: Group): void {
    this.#inFlight = undefined;
    this.#queue.recycle(group);
    this.#written += group.records;
    this.#space.spend(group.bytes);
    if (group.last !== undefined) this.#durable = group.last;
    group.wait?.resolve('durable');
    this.#report();
    if (this.#space.isDue) void this.#measure();
    if (this.#hasRotated) {
      this.#hasRotated = false;
      // Old files that could not be removed stay until the next file begins.
      this.#retain().catch(() => undefined);
    }
  }

  /** One record that tells how many were not taken since the last such record. */
  #report(): void {
    const draft = this.#state === 'healthy' ? this.#tally.tell() : undefined;
    if (draft !== undefined) this.#push(draft);
  }

  #fail(group: Group, cause: unknown): void {
    this.#encodePending();
    const later = this.#queue.group;
    this.#inFlight = undefined;
    this.#failure = isDiskFull(cause) ? 'full' : 'failing';
    const kept: Buffer[] = [];
    for (const line of [...group.lines(), ...later.lines()]) {
      const kind = kindOf(line);
      if (kind === 'checkpoint') continue;
      if (kind === 'intent' && this.#settings.durability !== 'interval') this.#tally.lose();
      else kept.push(line);
    }
    this.#queue = new Queue();
    this.#head = this.#durable;
    this.#beginFile();
    for (const line of kept) {
      const seq = this.#head.seq + 1;
      this.#advance(moveLine(line, seq, this.#head.hash), seq);
      this.#sinceCheckpoint += 1;
    }
    this.#setState('failing', cause);
    group.wait?.resolve('lost');
    later.wait?.resolve('lost');
    this.#scheduleProbe();
  }

  #scheduleProbe(): void {
    this.#cancelProbe ??= this.#settings.schedule(PROBE_MS, () => {
      this.#cancelProbe = undefined;
      if (this.#state === 'failing') {
        if (this.#running === undefined) void this.#resume();
        else this.#scheduleProbe();
      } else if (this.#state === 'reserved') void this.#measure();
    });
  }

  /** Probes; resolves when that has worked or failed. Two at once would cut off what the other is writing. */
  #resume(): Promise<void> {
    this.#running ??= this.#probe().finally(() => {
      this.#running = undefined;
      if (this.#state === 'failing') this.#scheduleProbe();
      else if (this.#isWaiting) this.#kick();
    });
    return this.#running;
  }

  /** Tries to write what waits while the trail is failing. The chain is not touched, so it can be tried again. */
  async #probe(): Promise<void> {
    this.#encodePending();
    const group = this.#queue.take();
    this.#inFlight = group;
    try {
      await this.#writer.repair();
      await this.#put(group);
    } catch (cause) {
      this.#inFlight = undefined;
      this.#failure = isDiskFull(cause) ? 'full' : 'failing';
      this.#queue.putBack(group);
      return;
    }
    this.#setState('healthy');
    this.#commit(group);
    await this.#measure();
  }

  async #measure(): Promise<void> {
    const isKnown = await this.#space.measure();
    if (this.#state === 'healthy' && this.#space.isScarce(0)) this.#enterReserve();
    else if (this.#state === 'reserved' && isKnown && this.#space.isAmple) {
      this.#setState('healthy');
      this.#report();
      this.#kick();
    } else if (this.#state === 'reserved') this.#scheduleProbe();
  }

  #enterReserve(): void {
    if (this.#state === 'healthy') this.#setState('reserved');
    this.#scheduleProbe();
  }

  #setState(state: TrailState, cause?: unknown): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#settings.onState(state, cause);
  }

  /** Removes whole files whose newest record is older than `keepMs`, once a signed checkpoint says where the trail starts. */
  async #retain(): Promise<void> {
    const { disk, directory, clock, keepMs } = this.#settings;
    if (keepMs === Infinity) return;
    const old = await findOldFiles(disk, directory, clock.now() - keepMs);
    if (old === undefined || this.#state === 'failing' || this.#state === 'closed') return;
    this.#first = Math.max(this.#first, old.first);
    this.#checkpoint('retain');
    if ((await (this.durable(this.#last) ?? 'durable')) !== 'durable') return;
    for (const name of old.names) await disk.remove(join(directory, name));
    await disk.syncDirectory(directory);
  }
}

/**
 * Opens the trail in a directory for writing: takes its lock, repairs a torn tail, continues the chain in a new file.
 *
 * @returns the trail, also when the disk cannot be written now (it is then `failing` and resumes by itself); a fault
 *   when another process writes here, others can change the directory or a file in it, or it cannot be read
 */
export async function openTrail(options: TrailOptions): Promise<Trail | TrailFault> {
  const settings = fillDefaults(options);
  const { disk, directory } = settings;
  try {
    await disk.makeDirectory(directory);
    const unsafe = await findUnsafePart(disk, directory);
    if (unsafe !== undefined) return { fault: 'unsafe', message: `The audit trail is not safe: ${unsafe}` };
    const lock = await disk.lock(join(directory, 'trail.lock'));
    if ('heldBy' in lock) {
      return { fault: 'locked', message: `${directory} is being written by ${lock.heldBy}` };
    }
    try {
      const trail = new Trail(settings, await findEnd(disk, directory), () => lock.release());
      await trail.begin();
      return trail;
    } catch (cause) {
      await lock.release();
      throw cause;
    }
  } catch (cause) {
    return { fault: 'unusable', message: `The audit trail in ${directory} cannot be opened`, cause };
  }
}

/**
 * Says why a trail would not be opened because others can change it, without touching it.
 *
 * @returns what is wrong and the way out; `undefined` when all is well. Rejects when the directory cannot be read
 */
export function findTrailDanger(directory: string): Promise<string | undefined> {
  return findUnsafePart(createDisk(), directory);
}

async function findUnsafePart(disk: AuditDisk, directory: string): Promise<string | undefined> {
  const unsafe = await disk.findUnsafety(directory, 'folder');
  if (unsafe !== undefined) return unsafe;
  for (const { name } of orderFiles(await disk.list(directory))) {
    const found = await disk.findUnsafety(join(directory, name), 'file');
    if (found !== undefined) return found;
  }
  return undefined;
}
