// Runs the echo server in a process of its own: `upstream.ts http <tools>` listens on a free port and prints it;
// `upstream.ts stdio <tools>` speaks lines, for peers that start their server themselves.
import process from 'node:process';
import { createInterface } from 'node:readline';
import { createEcho, type EchoEra } from './echo.ts';
import { startEchoServer } from './echo-server.ts';

const [transport, tools, era] = process.argv.slice(2);

if (transport === 'http') {
  console.log(await startEchoServer(Number(tools), era as EchoEra | undefined));
} else {
  const echo = createEcho(Number(tools), era as EchoEra | undefined);
  createInterface({ input: process.stdin }).on('line', (line) => {
    const answer = echo(line);
    if (answer !== undefined) process.stdout.write(`${answer}\n`);
  });
}
