/**
 * Finds commands that run whatever version of a package is newest at their start. Whoever can publish that package, or
 * takes it over, then runs programs here.
 */
import { quoted } from './reader.ts';

/** The word of a command that names no version. */
export interface Unpinned {
  /** Its place among the words. */
  readonly index: number;
  readonly message: string;
  readonly suggestion: string;
}

interface Runner {
  /** Words that begin the command, after its folder and ending were taken away. */
  readonly words: readonly (readonly string[])[];
  /** Options that are followed by a value of their own. */
  readonly valued: ReadonlySet<string>;
  /** Without one of these options it runs what is installed beside it first, whose version a lock file holds. */
  readonly fetching?: ReadonlySet<string>;
  /** Options whose value is the package. */
  readonly naming: ReadonlySet<string>;
  isPinned(name: string): boolean;
  /** The word with a version as an example. */
  pin(name: string): string;
}

/** `name@1.2.3`; a scope begins with another @. */
const isExactNpm = (name: string): boolean =>
  /^(?:@[^/@]+\/)?[^/@]+@\d+\.\d+\.\d+(?:[-+][\w.+-]+)?$/.test(name) || isLocal(name);
const isLocal = (name: string): boolean => /^(?:\.{0,2}\/|file:)/.test(name) || name.endsWith('.tgz');
const withoutVersion = (name: string): string => name.replace(/(?<=.)@[^/@]*$/, '');

const npm: Runner = {
  words: [['npx'], ['npm', 'exec'], ['npm', 'x']],
  fetching: new Set(['-y', '--yes', '-p', '--package']),
  valued: new Set(['-c', '--call', '--registry', '--cache', '--prefix', '-w', '--workspace', '--userconfig']),
  naming: new Set(['-p', '--package']),
  isPinned: isExactNpm,
  pin: (name) => `${withoutVersion(name)}@1.2.3`,
};

const otherNpm: Runner = {
  ...npm,
  words: [['bunx'], ['pnpx'], ['pnpm', 'dlx'], ['yarn', 'dlx'], ['bun', 'x']],
  fetching: new Set(),
};

const python: Runner = {
  words: [['uvx'], ['uv', 'tool', 'run'], ['uv', 'x'], ['pipx', 'run']],
  valued: new Set(['--python', '-p', '--with', '--index', '--index-url', '-i', '--extra-index-url', '--directory']),
  naming: new Set(['--from', '--spec']),
  isPinned: (name) =>
    /==\d/.test(name) || /@\d+\.\d+/.test(name) || /@[0-9a-f]{40}(?:#|$)/.test(name) || /^\.{0,2}\//.test(name),
  pin: (name) => `${name.replace(/(?:@|[<>=~!]=?).*$/, '')}==1.2.3`,
};

const container: Runner = {
  words: [
    ['docker', 'run'],
    ['docker', 'container', 'run'],
    ['podman', 'run'],
    ['nerdctl', 'run'],
  ],
  valued: new Set(
    (
      '-a --attach --add-host --annotation -c --cpu-shares --cap-add --cap-drop --cgroup-parent --cidfile --cpus ' +
      '--cpuset-cpus --device --dns --entrypoint -e --env --env-file --expose --gpus --group-add -h --hostname --init-path ' +
      '--ip --ip6 --ipc --isolation -l --label --label-file --link --log-driver --log-opt --mac-address -m --memory ' +
      '--memory-reservation --memory-swap --mount --name --net --network --network-alias --pid --pids-limit --platform ' +
      '-p --publish --pull --restart --runtime --security-opt --shm-size --stop-signal --stop-timeout --storage-opt ' +
      '--sysctl --tmpfs -u --user --ulimit --userns --uts -v --volume --volume-driver --volumes-from -w --workdir'
    ).split(' '),
  ),
  naming: new Set(),
  isPinned: (name) => /@sha256:[0-9a-f]{64}$/.test(name) || (/:[^/]+$/.test(name) && !name.endsWith(':latest')),
  pin: (name) => `${name.replace(/(?:@[^/]*|:[^:/]*)$/, '')}:1.2.3`,
};

const runners = [npm, otherNpm, python, container];

/** The program of a path, without the ending that Windows needs. */
const programName = (word: string): string =>
  word
    .replace(/^.*[\\/]/, '')
    .replace(/\.(?:exe|cmd|bat)$/i, '')
    .toLowerCase();

/**
 * Looks for a package without a version among the words of a command.
 *
 * @param words - program and arguments, as written
 * @returns undefined when it runs no package, or one whose version is given
 */
export function findUnpinned(words: readonly string[]): Unpinned | undefined {
  const [program = '', ...rest] = words;
  const plain = [programName(program), ...rest];
  for (const runner of runners) {
    const beginning = runner.words.find((begin) => begin.every((word, index) => plain[index] === word));
    if (beginning === undefined) continue;
    const { fetching = new Set() } = runner;
    if (fetching.size > 0 && !words.some((word) => fetching.has(word.replace(/=.*$/, '')))) return undefined;
    const index = packageIndex(words, beginning.length, runner);
    if (index === undefined) return undefined;
    const word = words[index] ?? '';
    const name = word.replace(/^--?[\w-]+=/, '');
    if (name === '' || /^(?:env|file|command):/.test(name) || runner.isPinned(name)) return undefined;
    const written = word.slice(0, word.length - name.length) + runner.pin(name);
    return {
      index,
      message: `${quoted(name)} has no fixed version: whatever is newest at each start runs with the rights of this server`,
      suggestion: `write ${quoted(written)}, with the version that you have looked at`,
    };
  }
  return undefined;
}

function packageIndex(words: readonly string[], from: number, { valued, naming }: Runner): number | undefined {
  let first: number | undefined;
  for (let index = from; index < words.length; index += 1) {
    const word = words[index] ?? '';
    if (naming.has(word)) return index + 1 < words.length ? index + 1 : undefined;
    if ([...naming].some((name) => name.startsWith('--') && word.startsWith(`${name}=`))) return index;
    if (word === '--') {
      first ??= index + 1 < words.length ? index + 1 : undefined;
      break;
    }
    if (valued.has(word)) index += 1;
    else if (!word.startsWith('-')) {
      first = index;
      break;
    }
  }
  return first;
}
