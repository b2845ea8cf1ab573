// The audit folder on a disk that fills up: no record, no action, health still answers, and it resumes by itself.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { postModern, readAudit, startGateway, startRecordingUpstream, waitFor } from '@sallyport/testkit';

const run = promisify(execFile);

/** What a full disk led to. */
export interface DiskFullResult {
  /** Reasons of the refusals while the disk was full, each once. */
  readonly reasons: readonly string[];
  /** HTTP status of a refused call where the configuration asks for statuses. */
  readonly status: number;
  /** Calls that reached the server without an intent record. */
  readonly unrecorded: number;
  /** Whether health answered while the disk was full. */
  readonly isAlive: boolean;
  /** From room on the disk to the next answer, milliseconds. */
  readonly resumedAfterMs: number;
}

/** True where this process may mount a small file system of its own. */
export function canMount(): boolean {
  return process.platform === 'linux' && process.getuid?.() === 0;
}

/** Fills the disk below a running gateway, calls it, and makes room again. */
export async function runDiskFull(): Promise<DiskFullResult> {
  const dir = await mkdtemp(join(tmpdir(), 'sallyport-full-'));
  const disk = join(dir, 'disk');
  await mkdir(disk);
  await run('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=0700', 'tmpfs', disk]);
  const effects: string[] = [];
  const web = await startRecordingUpstream({
    isForgetful: true,
    script: (call) => {
      if (call.method === 'tools/call') effects.push(JSON.stringify(call.params['arguments']));
      return undefined;
    },
  });
  const gateway = await startGateway({
    dir,
    config: {
      callers: { anonymous: 'everyone' },
      roles: { everyone: { tools: ['*'] } },
      limits: { perAddress: '100000/s burst 100000' },
      audit: { directory: 'disk/audit', durability: 'intent', arguments: { 'web.echo': ['mark'] } },
      refusals: 'status',
      upstreams: { web: { url: web.url } },
    },
  });
  const call = async (mark: string): Promise<{ status: number; reason: string | undefined }> => {
    const answer = await postModern(gateway.url, {
      method: 'tools/call',
      params: { name: 'web__echo', arguments: { mark } },
    });
    return { status: answer.status, reason: /"reason":"([a-z-]+)"/.exec(answer.text)?.[1] };
  };
  try {
    await waitFor(async () => (await call('before')).reason === undefined, { what: 'the first answer' });
    const filler = join(disk, 'filler');
    await fill(filler, disk);
    const reasons = new Set<string>();
    let status = 0;
    for (let i = 0; i < 50; i++) {
      const refused = await call(`full ${i}`);
      if (refused.reason === undefined) continue;
      reasons.add(refused.reason);
      status = refused.status;
    }
    const health = await fetch(`${gateway.adminUrl ?? ''}/health/live`);
    await rm(filler);
    const freed = performance.now();
    await waitFor(async () => (await call('after')).reason === undefined, { what: 'calls to be taken again' });
    const resumedAfterMs = performance.now() - freed;
    await gateway.stop();
    const intents = new Set(
      (await readAudit(join(disk, 'audit')))
        .filter(({ kind }) => kind === 'intent')
        .map(({ args }) => JSON.stringify(args !== undefined && 'values' in args ? args.values : undefined)),
    );
    return {
      reasons: [...reasons],
      status,
      unrecorded: effects.filter((effect) => !intents.has(effect)).length,
      isAlive: health.status === 200,
      resumedAfterMs,
    };
  } finally {
    await gateway.stop();
    await web.close();
    await run('umount', [disk]);
    await rm(dir, { recursive: true, force: true });
  }
}

/** Leaves nothing free: first in large blocks, then in bytes. */
async function fill(path: string, disk: string): Promise<void> {
  const { bavail, bsize } = await statfs(disk);
  await writeFile(path, Buffer.alloc(Math.max(0, bavail * bsize - bsize))).catch(() => undefined);
  await writeFile(`${path}.rest`, Buffer.alloc(bsize)).catch(() => undefined);
}
