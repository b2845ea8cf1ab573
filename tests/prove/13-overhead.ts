/** Row 13: what the guard costs, measured as benchmarks/overhead/README.md says, and held against the goals of design §7. */
import { arms } from '../../benchmarks/overhead/arms/all.ts';
import type { Arm } from '../../benchmarks/overhead/arms/arm.ts';
import { measureHalfLoad } from '../../benchmarks/overhead/half-load.ts';
import { startLineUp, type Effort, type Subject } from '../../benchmarks/overhead/measure.ts';
import { measureMemory } from '../../benchmarks/overhead/memory.ts';
import { summarize, tableOf, type Figures } from '../../benchmarks/overhead/report.ts';
import type { Prove } from './result.ts';

const effort: Effort = { rounds: 9, seconds: 5, warmupSeconds: 2 };
const calls = { callers: 32, bytes: 300, isAwake: true };
const note = (line: string): void => console.error(`  ${line}`);

const guarded = { interval: 'sallyport-interval', intent: 'sallyport-intent' } as const;
const peers = ['mcp-proxy', 'mcp-proxy-legacy', 'supergateway', 'mcp-hub'];

/** Measures throughput against the control and the peers, flatness, delay at half load and memory. */
export const prove: Prove = async () => {
  const main = await run(
    ['bare', guarded.interval, guarded.intent, ...peers].map((name) => subject(name)),
    () => 'bare',
  );
  const flat = await run(
    [
      subject(guarded.interval, 'one', 1),
      subject(guarded.interval, 'tools', 1000),
      subject(guarded.interval, 'keys', 1, 10_000),
    ],
    () => 'one',
  );
  const ours = [armOf(guarded.interval), armOf(guarded.intent)];
  const halfLoad = await measureHalfLoad(ours, { ...effort, tools: [100], isAwake: true }, note);
  const memory = await measureMemory(ours, note);

  const interval = ratioOf(main, guarded.interval);
  const intent = ratioOf(main, guarded.intent);
  const tools = ratioOf(flat, 'tools');
  const keys = ratioOf(flat, 'keys');
  const slowest = Math.min(speedOf(main, guarded.interval), speedOf(main, guarded.intent));
  const fastestPeer = Math.max(0, ...peers.map((name) => speedOf(main, name)));
  const addedP99 = Math.max(...halfLoad.figures.map((one) => one.addedP99));
  const idle = Math.max(...memory.figures.map((one) => one.idle));
  const withSessions = Math.max(...memory.figures.map((one) => one.withSessions));
  const goals: readonly (readonly [name: string, isMet: boolean])[] = [
    ['0.65 of the control at interval', interval >= 0.65],
    ['0.45 of the control at intent', intent >= 0.45],
    ['at most 10 % less with 1,000 tools', tools >= 0.9],
    ['at most 10 % less with 10,000 keys', keys >= 0.9],
    ['ahead of every peer', slowest > fastestPeer],
    ['less than 2 ms added at p99 at half load', addedP99 < 2],
    ['idle under 120 MB', idle < 120],
    ['1,000 sessions under 200 MB', withSessions < 200],
    ['no wrong answer', [...main, ...flat].every(({ label, errors }) => peers.includes(label) || errors === 0)],
  ];
  const missed = goals.filter(([, isMet]) => !isMet).map(([name]) => name);
  return {
    figure: [
      `${interval.toFixed(2)} of a bare proxy at interval, ${intent.toFixed(2)} at intent`,
      `${percent(tools)} with 1,000 tools, ${percent(keys)} with 10,000 keys`,
      `${(slowest / Math.max(1, fastestPeer)).toFixed(1)} × the fastest peer`,
    ].join('; '),
    isMet: missed.length === 0,
    details: [
      ...tableOf(main),
      '',
      'sallyport-interval; one: 1 tool and 1 key, tools: 1,000 tools, keys: 10,000 keys',
      ...tableOf(flat),
      ...halfLoad.lines,
      ...memory.lines,
      ...missed.map((name) => `short of: ${name}`),
    ],
  };
};

function armOf(name: string): Arm {
  const arm = arms.find((one) => one.name === name);
  if (arm === undefined) throw new Error(`there is no arm ${name}`);
  return arm;
}

function subject(name: string, label = name, tools = 100, keys = 1): Subject {
  return { label, arm: armOf(name), tools, keys };
}

async function run(subjects: readonly Subject[], baseline: () => string): Promise<readonly Figures[]> {
  const lineUp = await startLineUp(subjects, note);
  try {
    return summarize(await lineUp.run(calls, effort), baseline);
  } finally {
    await lineUp.stop();
  }
}

function ratioOf(figures: readonly Figures[], label: string): number {
  return figures.find((one) => one.label === label)?.ratio?.median ?? 0;
}

function speedOf(figures: readonly Figures[], label: string): number {
  return figures.find((one) => one.label === label)?.callsPerSecond ?? 0;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}
