// No proxy at all: a second echo server, on the measured core.
import { nodeCommand, printedPort, start } from '../process.ts';
import { fileOf, plainModern, type Arm } from './arm.ts';

/** The echo server itself. */
export const direct: Arm = {
  name: 'direct',
  about: 'the echo server itself, no proxy',
  async start({ tools }) {
    const running = start(nodeCommand(fileOf('upstream.ts'), 'http', String(tools)), { core: 'subject' });
    const port = await printedPort(running);
    return { port, pid: running.pid, dialect: plainModern, keys: [], stop: running.stop };
  },
};
