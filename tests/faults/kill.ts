// Killed at any moment: whatever a caller was told or a server did must have its intent on disk, and the next start
// repairs the trail by itself.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  createRandom,
  postModern,
  readAudit,
  runSallyport,
  startGateway,
  startRecordingUpstream,
  within,
  type AuditLine,
  type Gateway,
} from '@sallyport/testkit';

/** What came of all rounds. */
export interface KillResult {
  readonly rounds: number;
  /** Calls that were answered before a kill. */
  readonly acknowledged: number;
  /** Calls that reached the server. */
  readonly effects: number;
  /** Answered calls without an intent record. */
  readonly unrecordedAnswers: number;
  /** Calls that reached the server without an intent record. */
  readonly unrecordedEffects: number;
  /** Rounds after which `audit verify` found the trail broken. */
  readonly brokenTrails: number;
  /** Slowest start after a kill until it answered again, milliseconds. */
  readonly slowestRecoveryMs: number;
}

const callersAtOnce = 16;

const config = {
  callers: { anonymous: 'everyone' },
  roles: { everyone: { tools: ['*'] } },
  limits: { perAddress: '1000000/s burst 1000000' },
  audit: { durability: 'intent', arguments: { 'web.echo': ['mark'] } },
};

/**
 * Kills a gateway under load, round after round, on one trail.
 *
 * @param rounds - how often
 * @param seed - decides when
 */
export async function runKills(rounds: number, seed: number): Promise<KillResult> {
  const random = createRandom(seed);
  const dir = await mkdtemp(join(tmpdir(), 'sallyport-kill-'));
  const effects = new Set<string>();
  const acknowledged = new Set<string>();
  const web = await startRecordingUpstream({
    isForgetful: true,
    script: (call) => {
      const mark = markOf(call.params['arguments']);
      if (mark !== undefined) effects.add(mark);
      return undefined;
    },
  });
  let brokenTrails = 0;
  let slowestRecoveryMs = 0;
  try {
    for (let round = 0; round < rounds; round++) {
      const started = performance.now();
      const gateway = await startGateway({ dir, config: { ...config, upstreams: { web: { url: web.url } } } });
      if (round > 0) slowestRecoveryMs = Math.max(slowestRecoveryMs, performance.now() - started);
      const load = startLoad(gateway, round, acknowledged);
      await delay(20 + random.integer(400));
      await gateway.kill9();
      await load;
    }
    const last = await startGateway({ dir, config: { ...config, upstreams: { web: { url: web.url } } } });
    await last.stop();
    const verified = await runSallyport(['audit', 'verify', '--json', '-c', last.configPath], dir);
    if (verified.code !== 0) brokenTrails += 1;
    const intents = intentMarks(await readAudit(join(dir, 'state', 'audit')));
    return {
      rounds,
      acknowledged: acknowledged.size,
      effects: effects.size,
      unrecordedAnswers: countMissing(acknowledged, intents),
      unrecordedEffects: countMissing(effects, intents),
      brokenTrails,
      slowestRecoveryMs,
    };
  } finally {
    await web.close();
    await rm(dir, { recursive: true, force: true });
  }
}

/** Calls until the gateway is gone; notes each call that was answered. */
async function startLoad(gateway: Gateway, round: number, acknowledged: Set<string>): Promise<void> {
  const up = new AbortController();
  void gateway.ended.then(() => up.abort());
  const callers = Array.from({ length: callersAtOnce }, async (_, caller) => {
    for (let call = 0; !up.signal.aborted; call++) {
      const mark = `round ${round} caller ${caller} call ${call}`;
      try {
        const params = { name: 'web__echo', arguments: { mark } };
        const answer = await postModern(gateway.url, { method: 'tools/call', params });
        if (answer.response?.result !== undefined && answer.response.result['isError'] !== true) acknowledged.add(mark);
      } catch {
        // The connection broke with the process: the call was never answered.
        return;
      }
    }
  });
  await within(Promise.all(callers), 30_000, 'the callers to notice that the gateway is gone');
}

function markOf(args: unknown): string | undefined {
  if (typeof args !== 'object' || args === null || !('mark' in args)) return undefined;
  return typeof args.mark === 'string' ? args.mark : undefined;
}

function intentMarks(lines: readonly AuditLine[]): ReadonlySet<string> {
  const marks = new Set<string>();
  for (const { kind, args } of lines) {
    const mark = kind === 'intent' && args !== undefined && 'values' in args ? markOf(args.values) : undefined;
    if (mark !== undefined) marks.add(mark);
  }
  return marks;
}

function countMissing(marks: ReadonlySet<string>, recorded: ReadonlySet<string>): number {
  let missing = 0;
  for (const mark of marks) if (!recorded.has(mark)) missing += 1;
  return missing;
}
