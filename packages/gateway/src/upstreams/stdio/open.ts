/** Starts a local server and opens a conversation with it. */
import { openConversation } from '../begin.ts';
import type { OpenOptions } from '../options.ts';
import type { UpstreamPorts } from '../ports.ts';
import type { Transport } from '../transport.ts';
import { StdioChannel } from './channel.ts';
import { childEnvironment } from './environment.ts';
import type { StdioOptions } from './options.ts';
import { createLastWords, readStderr } from './stderr.ts';

const MARK_BYTES = 8;

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
  const start = (open: OpenOptions): StdioChannel => {
    const [program, ...args] = options.command;
    const env = childEnvironment(options.env, process.env, process.platform);
    const child = ports.spawn({ program, args, env, cwd: options.cwd, mark: newMark(ports) });
    const lastWords = createLastWords();
    readStderr(child.stderr, (line) => {
      lastWords.hear(line);
      onStderr(line);
    });
    return new StdioChannel(child, open, ports, lastWords.text);
  };
  return {
    kind: 'stdio',
    open: (open, wish) => openConversation(() => start(open), open, ports, wish),
    close: () => Promise.resolve(),
  };
};

const newMark = ({ mark, random }: UpstreamPorts): string =>
  `${mark}.${Buffer.from(random.bytes(MARK_BYTES)).toString('hex')}`;
