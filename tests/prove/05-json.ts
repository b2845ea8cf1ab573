// Row 5: the JSON parsing corpus at both doors, and what a million nested arrays cost the reader.
import { readMessage } from '@sallyport/protocol';
import {
  bombs,
  hasJsonCorpus,
  openJsonDoors,
  passAtHttp,
  passAtStdio,
  readJsonCorpus,
  type CorpusPass,
} from '../attacks/json-doors.ts';
import type { Prove } from './result.ts';

const goal = { ms: 20, bytes: 20 * 1024 * 1024 };
const runs = 20;
const mebibyte = 1024 * 1024;

export const prove: Prove = async () => {
  if (!hasJsonCorpus) throw new Error('the corpus json/parsing is absent');
  const cost = measureBomb();
  const files = readJsonCorpus();
  const doors = await openJsonDoors();
  try {
    const http = await passAtHttp(doors, files);
    const stdio = await passAtStdio(doors, files);
    const before = doors.residentBytes();
    const wrongBombs: string[] = [];
    for (const { what, body, code } of bombs) {
      const text = body();
      const codes = [await doors.httpCode(text), ...(await doors.stdioCodes(Buffer.from(text)))];
      if (codes.some((each) => each !== code) || codes.length !== 2) wrongBombs.push(`${what}: ${codes.join(', ')}`);
    }
    const grown = doors.residentBytes() - before;
    const isAlive = await doors.isAlive();
    const isBounded = cost.ms < goal.ms && cost.bytes < goal.bytes;
    const wrong = [...http.wrong, ...stdio.wrong, ...wrongBombs];
    return {
      figure:
        `1,000,000 nested arrays: ${cost.ms.toFixed(1)} ms, ${(cost.bytes / mebibyte).toFixed(1)} MB; ` +
        `HTTP ${describe(http)}; stdio ${describe(stdio)}; ${bombs.length - wrongBombs.length}/${bombs.length} bombs refused`,
      isMet: isBounded && wrong.length === 0 && http.malformed === 188 && http.wellFormed === 95 && isAlive,
      details: [
        `slowest of ${runs} readings ${cost.slowestMs.toFixed(1)} ms; the message itself has ${(cost.size / mebibyte).toFixed(1)} MB`,
        `the gateway's memory grew by ${(grown / mebibyte).toFixed(1)} MB over all bombs`,
        ...wrong,
      ],
    };
  } finally {
    await doors.stop();
  }
};

function describe({ malformed, wellFormed, wrong }: CorpusPass): string {
  const bad = (prefix: string) => wrong.filter((line) => line.startsWith(prefix)).length;
  return `${malformed - bad('n_')}/${malformed} malformed refused, ${wellFormed - bad('y_')}/${wellFormed} well-formed not`;
}

interface BombCost {
  /** Median. */
  readonly ms: number;
  readonly slowestMs: number;
  /** What a reading needs beyond the message's own bytes, at most. */
  readonly bytes: number;
  readonly size: number;
}

function measureBomb(): BombCost {
  const bytes = Buffer.from(`${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`);
  const times: number[] = [];
  let most = 0;
  for (let run = 0; run < runs; run++) {
    const before = used();
    const started = performance.now();
    const reading = readMessage(bytes, { maxDepth: 64 });
    times.push(performance.now() - started);
    most = Math.max(most, used() - before);
    if (reading.kind !== 'fault' || reading.fault.code !== -32600)
      throw new Error('the bomb was not refused as -32600');
  }
  const sorted = times.toSorted((a, b) => a - b);
  return { ms: sorted[runs >> 1] ?? 0, slowestMs: sorted.at(-1) ?? 0, bytes: most, size: bytes.length };
}

function used(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
