// Memory of the gateway when nobody calls, and with many legacy sessions open.
import type { Arm } from './arms/arm.ts';
import { Caller } from './caller.ts';
import { startLineUp } from './measure.ts';
import { rssMib } from './process.ts';
import { alignColumns } from './report.ts';

/** Memory of one arm, MiB. */
export interface MemoryFigures {
  readonly label: string;
  readonly idle: number;
  readonly sessions: number;
  readonly withSessions: number;
}

const sessionCount = 1000;

/** Measures every arm whose name says that it is ours. */
export async function measureMemory(
  arms: readonly Arm[],
  note: (line: string) => void,
): Promise<{ readonly figures: readonly MemoryFigures[]; readonly lines: readonly string[] }> {
  const figures: MemoryFigures[] = [];
  for (const arm of arms.filter(({ name }) => name.startsWith('sallyport'))) {
    const lineUp = await startLineUp([{ label: arm.name, arm, tools: 100, keys: 1 }], note);
    try {
      const running = lineUp.running(arm.name);
      if (running === undefined) continue;
      await settle();
      const idle = rssMib(running.pid);
      await openSessions(running.port, running.keys);
      await settle();
      figures.push({ label: arm.name, idle, sessions: sessionCount, withSessions: rssMib(running.pid) });
    } finally {
      await lineUp.stop();
    }
  }
  const rows = figures.map((row) => [row.label, row.idle.toFixed(0), row.withSessions.toFixed(0)]);
  return { figures, lines: ['', ...alignColumns([['memory, MiB', 'idle', `with ${sessionCount} sessions`], ...rows])] };
}

async function openSessions(port: number, keys: readonly string[]): Promise<void> {
  const events = { onAnswer: () => undefined, onError: () => undefined };
  const dialect = { era: 'legacy', path: '/mcp', prefix: 'bench__' } as const;
  for (let opened = 0; opened < sessionCount; opened += 50) {
    const callers = Array.from({ length: 50 }, () => new Caller(port, dialect, events));
    await Promise.all(callers.map((caller) => caller.open({ bytes: 300, tools: 1, keys }, 0)));
    for (const caller of callers) caller.abandon();
  }
}

/** Long enough for timers and the first collections after a start. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 3000);
  });
}
