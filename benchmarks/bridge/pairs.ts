// What is measured: each era of callers before servers of each era, over HTTP and stdio, and lists from memory.
import { fileURLToPath } from 'node:url';
import type { Dialect } from '../overhead/call-template.ts';
import { fileOf, plainModern, type Arm } from '../overhead/arms/arm.ts';
import { guardedConfiguration, startGuarded } from '../overhead/arms/sallyport.ts';
import { nodeCommand, onCore, printedPort, start } from '../overhead/process.ts';
import type { Subject } from '../overhead/measure.ts';

type Era = 'modern' | 'legacy';
type Transport = 'http' | 'stdio';

const eras: readonly Era[] = ['modern', 'legacy'];
const transports: readonly Transport[] = ['http', 'stdio'];

/** A pair of eras, and the pair of one era that it is held against: the one with the same server. */
export interface Pair {
  readonly label: string;
  readonly subject: Subject;
  /** Label of the pair that it is held against; undefined for pairs of one era. */
  readonly against: string | undefined;
}

function labelOf(caller: Era, server: Era, transport: Transport): string {
  return `${caller} to ${server} ${transport}`;
}

/** A call goes through `/mcp`, where names are rewritten, with every guard on. */
function dialectOf(era: Era): Dialect {
  return { era, path: '/mcp', prefix: 'bench__' };
}

function arm(caller: Era, server: Era, transport: Transport): Arm {
  return {
    name: labelOf(caller, server, transport),
    about: `a ${caller} caller over HTTP, a ${server} server over ${transport}`,
    upstreamEra: server,
    start(setup) {
      const command = onCore('load', nodeCommand(fileOf('upstream.ts'), 'stdio', String(setup.tools), server));
      const upstream = transport === 'http' ? { url: `http://127.0.0.1:${setup.upstreamPort}/mcp` } : { command };
      return startGuarded(setup, guardedConfiguration('interval', upstream), dialectOf(caller));
    },
  };
}

/** Every pair: same-era ones first, so that each cross-era one stands behind what it is held against. */
export function pairs(tools: number): readonly Pair[] {
  return transports.flatMap((transport) =>
    eras.flatMap((server) =>
      [server, ...eras.filter((era) => era !== server)].map((caller) => {
        const label = labelOf(caller, server, transport);
        const against = caller === server ? undefined : labelOf(server, server, transport);
        return { label, against, subject: { label, arm: arm(caller, server, transport), tools, keys: 1 } };
      }),
    ),
  );
}

/** What lists are held against. */
export const bareList = 'bare list';

const bare: Arm = {
  name: bareList,
  about: 'a bare node:http server with the same tools, on the measured core',
  async start({ tools }) {
    const file = fileURLToPath(new URL('bare-server.ts', import.meta.url));
    const running = start(nodeCommand(file, String(tools)), { core: 'subject' });
    const port = await printedPort(running);
    return { port, pid: running.pid, dialect: plainModern, keys: [], stop: running.stop };
  },
};

/** Lists that the gateway answers from memory, beside a bare server that has the same tools. */
export function lists(tools: number): readonly Subject[] {
  return [
    { label: bareList, arm: bare, tools, keys: 1, request: 'list' },
    ...eras.map((era): Subject => {
      const label = `${era} list`;
      return { label, arm: { ...arm(era, 'modern', 'http'), name: label }, tools, keys: 1, request: 'list' };
    }),
  ];
}
