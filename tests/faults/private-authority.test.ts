/** A server whose certificate comes from a private authority: refused until `egress.ca` names it, and from then on used. */
import { readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import {
  createAuthority,
  postModern,
  runSallyport,
  startGateway,
  startRecordingUpstream,
  waitFor,
  type Gateway,
  type RecordingUpstream,
} from '@sallyport/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { listen } from '../attacks/ssrf-stage.ts';

const authority = createAuthority();
const secure = createServer(authority.issue({ name: 'localhost' }));
let server: RecordingUpstream;
let gateway: Gateway;

const call = async (): Promise<string> => {
  const params = { name: 'notes__echo', arguments: { text: 'hi' } };
  return JSON.stringify(await postModern(gateway.url, { method: 'tools/call', params }));
};

beforeAll(async () => {
  server = await startRecordingUpstream();
  const { port, pathname } = new URL(server.url);
  secure.on('secureConnection', (socket) => {
    const plain = connect({ host: '127.0.0.1', port: Number(port) });
    for (const one of [socket, plain]) one.on('error', () => {});
    socket.pipe(plain).pipe(socket);
  });
  const at = await listen(secure);
  gateway = await startGateway({
    config: {
      callers: { anonymous: 'all' },
      roles: { all: { tools: ['*'] } },
      upstreams: { notes: { url: `https://localhost:${at}${pathname}` } },
    },
  });
});

afterAll(async () => {
  await gateway.stop();
  await server.close();
  secure.close();
});

it('[egress-tls] is refused, told of with its remedy, and reached as soon as the file names its authority', async () => {
  const before = await call();
  expect(before).not.toContain('hi');
  const found = await runSallyport(['doctor'], gateway.dir, { isFailureFine: true });
  expect(found.stdout).toMatch(/warning +notes +localhost:\d+ cannot be reached\..*put it into egress\.ca/s);
  await writeFile(join(gateway.dir, 'ca.pem'), authority.cert);
  const written = JSON.parse(await readFile(gateway.configPath, 'utf8')) as object;
  const changed = JSON.stringify({ ...written, egress: { ca: 'ca.pem' } });
  await writeFile(gateway.configPath, changed, { mode: 0o600 });
  await waitFor(async () => (await call()).includes('hi'), { what: 'the server to be reached' });
  expect((await runSallyport(['doctor'], gateway.dir)).stdout).toMatch(/notes +localhost:\d+ answers/);
});
