/** Starts a local server and opens a conversation with it. */
import { openConversation } from '../begin.ts';
import { linkFailure } from '../link.ts';
import type { OpenOptions } from '../options.ts';
import type { UpstreamPorts } from '../ports.ts';
import type { Transport } from '../transport.ts';
import { StdioChannel } from './channel.ts';
import { childEnvironment } from './environment.ts';
import type { StdioOptions } from './options.ts';
import { prepareCommand, type Prepared } from './prepare.ts';
import { createRedaction } from '../redact.ts';
import { createLastWords, readStderr } from './stderr.ts';

const MARK_BYTES = 8;

type Ready = Extract<Prepared, { kind: 'command' }>;

/**
 * Returns the stdio kind of upstream.
 *
 * @param onStderr - hears each line that a server writes to its standard error
 */
export const createStdioTransport = (
  options: StdioOptions,
  ports: UpstreamPorts,
  onStderr: (line: string) => void,
): Transport => {
  const redact = createRedaction(options.secrets ?? []);
  const { cwd, limits } = options;
  const start = ({ command: [program, ...args], helpers }: Ready, open: OpenOptions): StdioChannel => {
    const env = childEnvironment(options.env, process.env, process.platform);
    const child = ports.spawn({ program, args, env, cwd, mark: newMark(ports), limits, helpers });
    const lastWords = createLastWords();
    const hear = (said: string): void => {
      const line = redact(said);
      lastWords.hear(line);
      onStderr(line);
    };
    readStderr(child.stderr, hear, ports.timers, child.exited);
    return new StdioChannel(child, open, ports, lastWords.text);
  };
  return {
    kind: 'stdio',
    async open(open, wish) {
      const ready = await prepareCommand(options);
      if (ready.kind === 'fault') {
        const detail = `${ready.message}: ${ready.wayOut}`;
        const text = `${open.name} could not be started.`;
        return { kind: 'failure', failure: linkFailure('unreachable', text, { detail }) };
      }
      return openConversation(() => start(ready, open), open, ports, wish);
    },
    close: () => Promise.resolve(),
  };
};

const newMark = ({ mark, random }: UpstreamPorts): string =>
  `${mark}.${Buffer.from(random.bytes(MARK_BYTES)).toString('hex')}`;
