// A program that people have, on a line that breaks: its call ends as if nothing had happened.
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { progressOf, startGateway, startRecordingUpstream, within, type Gateway } from '@sallyport/testkit';
import type { RecordingUpstream } from '@sallyport/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let upstream: RecordingUpstream;
let gateway: Gateway;
let line: Line;

beforeAll(async () => {
  upstream = await startRecordingUpstream({
    script: (call) => {
      if (call.method !== 'tools/call') return undefined;
      const stream = [progressOf(call, 1), 500, progressOf(call, 2), 500, progressOf(call, 3)];
      const content = [{ type: 'text', text: 'the answer' }];
      return { kind: 'result', stream, result: { content, ...(call.era === 'modern' && { resultType: 'complete' }) } };
    },
  });
  line = await openLine(() => gateway.port);
  gateway = await startGateway({
    config: {
      admin: false,
      publicUrl: `http://127.0.0.1:${line.port}`,
      callers: { anonymous: 'reader' },
      roles: { reader: { tools: ['*'] } },
      upstreams: { rec: { url: upstream.url } },
    },
  });
}, 60_000);
afterAll(async () => {
  await gateway?.stop();
  await line?.close();
  await upstream?.close();
});

describe('the SDK’s client on a line that breaks', () => {
  it('[resume] gets progress and answer of a call that runs on, and the server is called once', async () => {
    const client = new Client({ name: 'unlucky', version: '1' });
    await client.connect(new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${line.port}/mcp`)));
    const heard: number[] = [];
    const answer = client.callTool({ name: 'rec__echo', arguments: {} }, undefined, {
      onprogress: ({ progress }) => {
        heard.push(progress);
        if (progress < 3) line.breakAll();
      },
    });
    const result = await within(answer, 30_000, 'the answer');
    expect(result).toMatchObject({ content: [{ type: 'text', text: 'the answer' }] });
    expect(heard).toEqual([1, 2, 3]);
    expect(line.breaks).toBeGreaterThan(0);
    expect(upstream.of('tools/call')).toHaveLength(1);
    await client.close();
  }, 60_000);
});

interface Line {
  readonly port: number;
  /** Connections that were broken. */
  readonly breaks: number;
  breakAll(): void;
  close(): Promise<void>;
}

/** Forwards bytes to a port until it is told to break off. */
async function openLine(to: () => number): Promise<Line> {
  const sockets = new Set<Socket>();
  let breaks = 0;
  const server: Server = createServer((near) => {
    const far = connect(to(), '127.0.0.1');
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const breakAll = (): void => {
    for (const socket of sockets) {
      breaks += 1;
      socket.resetAndDestroy();
    }
  };
  return {
    port: (server.address() as AddressInfo).port,
    get breaks() {
      return breaks;
    },
    breakAll,
    close: () => {
      breakAll();
      return new Promise((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}
