/**
 * Puts groups of records on disk: opens files as the records ask for them, syncs, and after a failed write cuts the
 * trail back to the newest record that is known to be on disk, so that nothing torn stays in the middle of it.
 */
import { join } from 'node:path';
import type { AuditDisk } from '../disk.ts';
import type { AppendFile } from '../ports.ts';
import { cutFile } from './recover.ts';
import type { Group } from './queue.ts';

interface OpenFile {
  readonly name: string;
  readonly file: AppendFile;
  size: number;
}

export class GroupWriter {
  readonly #disk: AuditDisk;
  readonly #directory: string;
  #open: OpenFile | undefined;
  /** The file with the newest durable record, and its length up to there. */
  #settled: { readonly name: string; readonly size: number } | undefined;
  /** Files that a failed write has made. */
  readonly #debris = new Set<string>();
  #needsCut = false;
  #syncs = 0;

  constructor(disk: AuditDisk, directory: string) {
    this.#disk = disk;
    this.#directory = directory;
  }

  get syncs(): number {
    return this.#syncs;
  }

  /** Makes a group durable. After a rejection, {@link repair} must succeed before the next write. */
  async write(group: Group): Promise<void> {
    const opened: string[] = [];
    try {
      for (const { file, parts } of group.segments) {
        let open = this.#open;
        if (open?.name !== file) {
          await this.#leave(open);
          opened.push(file);
          open = { name: file, file: await this.#disk.openAppend(join(this.#directory, file)), size: 0 };
          this.#open = open;
        }
        for (const { arena, start, end } of parts) {
          await open.file.append(arena.subarray(start, end));
          open.size += end - start;
        }
      }
      await this.#sync();
      if (opened.length > 0) await this.#disk.syncDirectory(this.#directory);
    } catch (cause) {
      this.#needsCut = true;
      for (const name of opened) this.#debris.add(name);
      const open = this.#open;
      this.#open = undefined;
      // The write has failed already; what closing says adds nothing.
      await open?.file.close().catch(() => undefined);
      throw cause;
    }
    if (this.#open !== undefined) this.#settled = { name: this.#open.name, size: this.#open.size };
  }

  /** Cuts the torn tail off and removes files that a failed write has made. Rejects when the disk does not let it. */
  async repair(): Promise<void> {
    for (const name of this.#debris) {
      const entries = await this.#disk.list(this.#directory);
      if (entries.includes(name)) await this.#disk.remove(join(this.#directory, name));
      this.#debris.delete(name);
    }
    if (!this.#needsCut) return;
    if (this.#settled !== undefined) {
      await cutFile(this.#disk, join(this.#directory, this.#settled.name), this.#settled.size);
    }
    await this.#disk.syncDirectory(this.#directory);
    this.#needsCut = false;
  }

  /** Closes the open file; what was written stays as it is. */
  async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await open?.file.close();
  }

  async #sync(): Promise<void> {
    await this.#open?.file.sync();
    this.#syncs += 1;
  }

  async #leave(open: OpenFile | undefined): Promise<void> {
    if (open === undefined) return;
    await this.#sync();
    this.#open = undefined;
    await open.file.close();
  }
}
