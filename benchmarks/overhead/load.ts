// The load generator and the upstreams, in one process that is used for every arm, so that all meet the same warm code.
// Closed loop: each caller calls again when it is answered. Open loop: calls begin on time and wait when no connection
// is free.
import process from 'node:process';
import { Caller, type CallerEvents } from './caller.ts';
import { firstId } from './call-template.ts';
import { startEchoServer } from './echo-server.ts';
import type { Answer, LoadOrder, LoadResult, UpstreamOrder } from './load-order.ts';
import { cpuMs } from './process.ts';
import { quantile } from './statistics.ts';

let lastId = firstId;

/** What is counted while a measurement runs. */
class Meter {
  readonly latencies: number[] = [];
  errors = 0;
  firstError: string | undefined;
  isCounting = false;

  answer(began: number): void {
    if (this.isCounting) this.latencies.push(performance.now() - began);
  }

  error(what: string): void {
    this.errors += 1;
    this.firstError ??= what;
  }
}

async function measure(order: LoadOrder): Promise<LoadResult> {
  const meter = new Meter();
  const loop = order.rate === undefined ? closedLoop(meter) : openLoop(meter, order.rate);
  const callers: Caller[] = [];
  const stopSpinning = order.isAwake ? stayAwake() : () => undefined;
  try {
    for (let index = 0; index < order.callers; index += 1) {
      const caller = new Caller(order.port, order.dialect, loop.events);
      callers.push(caller);
      // A turn apart by a prime, so that callers do not march through keys and tools in step.
      await caller.open(order.shape, index * 37);
    }
    loop.begin(callers);
    await sleep(order.warmupMs);
    const cpuBefore = cpuMs(order.pid);
    const began = performance.now();
    meter.isCounting = true;
    await sleep(order.ms);
    meter.isCounting = false;
    const seconds = (performance.now() - began) / 1000;
    const cpu = cpuMs(order.pid) - cpuBefore;
    await loop.end();
    return result(meter, seconds, cpu);
  } finally {
    stopSpinning();
    await Promise.all(callers.map((caller) => caller.close()));
  }
}

/**
 * Keeps the event loop from sleeping until the returned function is called: waking a core that sleeps costs the sender,
 * above all in a virtual machine, and is charged to the arm that lets the load sleep most, which is the slowest.
 */
function stayAwake(): () => void {
  let isOver = false;
  const turn = (): void => {
    if (!isOver) setImmediate(turn);
  };
  turn();
  return () => {
    isOver = true;
  };
}

interface Loop {
  readonly events: CallerEvents;
  begin(callers: readonly Caller[]): void;
  /** Begins no more calls and waits for those that run, one second at the most. */
  end(): Promise<void>;
}

function closedLoop(meter: Meter): Loop {
  const running = new Set<Caller>();
  let isEnding = false;
  const next = (caller: Caller): void => {
    if (isEnding) {
      running.delete(caller);
      return;
    }
    lastId += 1;
    caller.call(lastId, performance.now());
  };
  return {
    events: {
      onAnswer: (caller, began) => {
        meter.answer(began);
        next(caller);
      },
      onError: (caller, what) => {
        meter.error(what);
        // A server that refuses at once must not turn the loop into a busy one.
        setTimeout(next, 10, caller);
      },
    },
    begin: (callers) => {
      for (const caller of callers) {
        running.add(caller);
        next(caller);
      }
    },
    end: async () => {
      isEnding = true;
      for (let waited = 0; running.size > 0 && waited < 100; waited += 1) await sleep(10);
    },
  };
}

function openLoop(meter: Meter, rate: number): Loop {
  const free: Caller[] = [];
  const due: number[] = [];
  let all = 0;
  let began = 0;
  let scheduled = 0;
  let timer: NodeJS.Timeout | undefined;
  const send = (caller: Caller, at: number): void => {
    lastId += 1;
    caller.call(lastId, at);
  };
  const release = (caller: Caller): void => {
    const at = due.shift();
    if (at === undefined) free.push(caller);
    else send(caller, at);
  };
  const tick = (): void => {
    const now = performance.now();
    for (const wanted = Math.floor(((now - began) / 1000) * rate); scheduled < wanted; scheduled += 1) {
      const caller = free.pop();
      // What has to wait is measured from when it was due.
      if (caller === undefined) due.push(now);
      else send(caller, now);
    }
  };
  return {
    events: {
      onAnswer: (caller, at) => {
        meter.answer(at);
        release(caller);
      },
      onError: (caller, what) => {
        meter.error(what);
        release(caller);
      },
    },
    begin: (callers) => {
      all = callers.length;
      free.push(...callers);
      began = performance.now();
      timer = setInterval(tick, 1);
    },
    end: async () => {
      clearInterval(timer);
      due.length = 0;
      for (let waited = 0; free.length < all && waited < 100; waited += 1) await sleep(10);
    },
  };
}

function result(meter: Meter, seconds: number, cpu: number): LoadResult {
  const latencies = Float64Array.from(meter.latencies).sort();
  return {
    calls: latencies.length,
    seconds,
    p50: quantile(latencies, 0.5),
    p95: quantile(latencies, 0.95),
    p99: quantile(latencies, 0.99),
    cpuMs: cpu,
    errors: meter.errors,
    ...(meter.firstError === undefined ? {} : { firstError: meter.firstError }),
  };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

async function follow(order: LoadOrder | UpstreamOrder): Promise<Answer> {
  try {
    if (order.kind === 'upstream') return { port: await startEchoServer(order.tools, order.era) };
    return { found: await measure(order) };
  } catch (error) {
    return { failed: error instanceof Error ? error.message : String(error) };
  }
}

process.on('message', (order: LoadOrder | UpstreamOrder) => {
  void follow(order).then((answer) => process.send?.(answer));
});
