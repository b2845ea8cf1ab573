// The control that every ratio refers to.
import { nodeCommand, printedPort, start } from '../process.ts';
import { fileOf, plainModern, type Arm } from './arm.ts';

/** Bare node:http and undici. */
export const bare: Arm = {
  name: 'bare',
  about: 'bare node:http + undici, forwards and judges nothing (control)',
  async start({ upstreamPort }) {
    const running = start(nodeCommand(fileOf('arms/bare-proxy.ts'), String(upstreamPort)), { core: 'subject' });
    const port = await printedPort(running);
    return { port, pid: running.pid, dialect: plainModern, keys: [], stop: running.stop };
  },
};
