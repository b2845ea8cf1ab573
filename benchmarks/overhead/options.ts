// The runner's options.
import { arms, usualArms } from './arms/all.ts';

/** What was asked for. Lists span a grid. */
export interface Options {
  readonly arms: readonly string[];
  readonly rounds: number;
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly callers: readonly number[];
  readonly tools: readonly number[];
  readonly keys: readonly number[];
  /** Bodies of a call, bytes. */
  readonly bytes: readonly number[];
  /** File for the figures; `-` prints them instead of tables. */
  readonly json: string | undefined;
  readonly isGridWanted: boolean;
  readonly isHalfLoadWanted: boolean;
  readonly isMemoryWanted: boolean;
  /** Keeps the load's core from sleeping. */
  readonly isAwake: boolean;
  readonly isQuiet: boolean;
}

/** How the runner is used. */
export const usage = `node benchmarks/overhead/bench.ts [options]
  --arms A,B        ${usualArms.join(',')} by default; also ${arms
    .map(({ name }) => name)
    .filter((name) => !usualArms.includes(name))
    .join(', ')}
  --rounds N        rounds, in each of which every arm has its turn (9)
  --seconds N       length of a turn (5)
  --warmup N        seconds before a turn counts (1)
  --callers N,…     connections that call at once (32)
  --tools N,…       tools of the upstream (100)
  --keys N,…        API keys that calls use in turn (1)
  --size N,…        body of a call in KB (0.3)
  --sweep           callers 1,8,32,128 × tools 1,100,1000 × keys 1,10000 × size 0.3,4,64
  --half-load       only: delay that an arm adds when it has half the load that it can bear
  --memory          only: memory when idle and with 1,000 legacy sessions
  --quick           one short round of the arms that need no peers: shows that the harness runs
  --may-sleep       lets the load's core sleep between answers, which slows the slowest arms most (see README)
  --json FILE       writes the figures; - prints them in place of the tables
  --quiet           says nothing while it measures`;

const switchNames = new Set(['--sweep', '--half-load', '--memory', '--quick', '--may-sleep', '--quiet']);
const ownArms = ['direct', 'bare', 'sallyport-interval', 'sallyport-intent', 'sallyport-full'];

const sweep = { callers: [1, 8, 32, 128], tools: [1, 100, 1000], keys: [1, 10_000], size: [0.3, 4, 64] };

/** Reads the command line. Returns what is wrong with it as a text. */
export function readOptions(words: readonly string[]): Options | string {
  const given = new Map<string, string>();
  const switches = new Set<string>();
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (switchNames.has(word)) switches.add(word);
    else if (
      ['--arms', '--rounds', '--seconds', '--warmup', '--callers', '--tools', '--keys', '--size', '--json'].includes(
        word,
      )
    ) {
      const value = words[at + 1];
      if (value === undefined) return `${word} wants a value`;
      given.set(word, value);
      at += 1;
    } else return `there is no option ${word}`;
  }
  const isQuick = switches.has('--quick');
  const chosen = given.get('--arms')?.split(',') ?? (isQuick ? ownArms : usualArms);
  const stranger = chosen.find((name) => !arms.some((arm) => arm.name === name));
  if (stranger !== undefined) return `there is no arm ${stranger}`;
  const isSweep = switches.has('--sweep');
  const lists = {
    rounds: numbers(given.get('--rounds'), [isQuick ? 1 : 9]),
    seconds: numbers(given.get('--seconds'), [isQuick ? 0.5 : 5]),
    warmup: numbers(given.get('--warmup'), [isQuick ? 0.3 : 1]),
    callers: numbers(given.get('--callers'), isSweep ? sweep.callers : [32]),
    tools: numbers(given.get('--tools'), isSweep ? sweep.tools : [100]),
    keys: numbers(given.get('--keys'), isSweep ? sweep.keys : [1]),
    size: numbers(given.get('--size'), isSweep ? sweep.size : [0.3]),
  };
  for (const [name, list] of Object.entries(lists)) {
    if (list.some((value) => !(value > 0))) return `--${name} wants numbers above 0`;
  }
  const isPartial = switches.has('--half-load') || switches.has('--memory');
  return {
    arms: chosen,
    rounds: lists.rounds[0] ?? 9,
    seconds: lists.seconds[0] ?? 5,
    warmupSeconds: lists.warmup[0] ?? 1,
    callers: lists.callers,
    tools: lists.tools,
    keys: lists.keys,
    bytes: lists.size.map((size) => Math.round(size * 1000)),
    json: given.get('--json'),
    isGridWanted: !isPartial,
    isHalfLoadWanted: switches.has('--half-load'),
    isMemoryWanted: switches.has('--memory'),
    isAwake: !switches.has('--may-sleep'),
    isQuiet: switches.has('--quiet'),
  };
}

function numbers(text: string | undefined, otherwise: readonly number[]): readonly number[] {
  return text === undefined ? otherwise : text.split(',').map(Number);
}
