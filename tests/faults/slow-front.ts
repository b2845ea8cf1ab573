// Slow callers, by the names of the corpus: heads and bodies that drip, answers that nobody reads, connections that
// only stand there, and what speaks another protocol.
import { connect, type Socket } from 'node:net';
import { modernRevision } from '@sallyport/testkit';
import { several, type Peer, type Recipe, type Stage } from './slow-recipe.ts';

/** Milliseconds between two bytes. The corpus has 5 s; the gateway's patience here is 2 s. */
const dripMs = 300;

interface Line extends Peer {
  readonly socket: Socket;
  /** Resolves when it is connected, or never will be. */
  readonly opened: Promise<void>;
  /** How much came back, bytes. */
  received(): number;
}

/** A connection; its outcome is `<status> cut`, `cut` or `left`, as the gateway or we end it. */
function call(stage: Stage, first: string | Buffer | undefined, onOpen?: (socket: Socket) => void): Line {
  const { host, port } = stage.gateway;
  const socket = connect({ host, port });
  let status = '';
  let isOurs = false;
  let received = 0;
  socket.on('connect', () => {
    if (first !== undefined) socket.write(first);
    onOpen?.(socket);
  });
  socket.on('data', (chunk: Buffer) => {
    received += chunk.length;
    status ||= /^HTTP\/1\.1 (\d{3})/.exec(chunk.toString('latin1'))?.[1] ?? '';
  });
  socket.on('error', () => {});
  const outcome = new Promise<string>((resolve) => {
    socket.on('close', () => resolve(isOurs ? `${status} left`.trim() : `${status} cut`.trim()));
  });
  const opened = new Promise<void>((resolve) => {
    socket.on('connect', () => resolve());
    socket.on('close', () => resolve());
  });
  const end = (): void => {
    isOurs = true;
    socket.destroy();
  };
  return { socket, outcome, opened, end, received: () => received };
}

/** A connection that sends one more byte now and then. */
function drip(stage: Stage, first: string, bytes: (index: number) => string): Line {
  return call(stage, first, (socket) => {
    let index = 0;
    const timer = setInterval(() => socket.write(bytes(index++)), dripMs);
    socket.on('close', () => clearInterval(timer));
  });
}

function head(stage: Stage, length: number, method = 'tools/call', name?: string): string {
  const lines = [
    'POST /mcp/files HTTP/1.1',
    `Host: ${stage.gateway.host}:${stage.gateway.port}`,
    `Authorization: Bearer ${stage.key}`,
    'Content-Type: application/json',
    'Accept: application/json, text/event-stream',
    `MCP-Protocol-Version: ${modernRevision}`,
    `Mcp-Method: ${method}`,
    ...(name === undefined ? [] : [`Mcp-Name: ${name}`]),
    `Content-Length: ${length}`,
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

function request(stage: Stage, method: string, params: Readonly<Record<string, unknown>>, meta: object = {}): string {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': modernRevision,
    'io.modelcontextprotocol/clientCapabilities': {},
    'io.modelcontextprotocol/clientInfo': { name: 'slow', version: '1.0.0' },
    ...meta,
  };
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta } });
  const { name } = params;
  return head(stage, body.length, method, typeof name === 'string' ? name : undefined) + body;
}

/** Asks for something and reads nothing of the answer until the gateway has given up. */
function unread(stage: Stage, tool: string, meta: object = {}): Peer {
  const text = request(stage, 'tools/call', { name: tool, arguments: {} }, meta);
  const line = call(stage, text, (socket) => socket.pause());
  // A paused socket does not learn that it was cut before it reads what is left.
  const look = setTimeout(() => line.socket.resume(), unreadMs);
  const outcome = line.outcome.then((ending) => {
    clearTimeout(look);
    return line.received() < answerBytes ? ending : `${ending}, after everything`;
  });
  return { outcome, end: () => line.end?.() };
}

/** Size of the answer of the tool `big`. Much less than this fits into the buffers of two sockets. */
const answerBytes = 5 * 1024 * 1024;
/** Longer than the gateway waits for somebody who does not read. */
const unreadMs = 6000;

/**
 * Opens many connections, some at a time: what the system's queue of connections has no room for is dropped there
 * without a word to either side, and would never reach the gateway.
 */
async function many(count: number, make: () => Line): Promise<Line[]> {
  const lines: Line[] = [];
  while (lines.length < count) {
    const wave = Array.from({ length: Math.min(20, count - lines.length) }, make);
    await Promise.all(wave.map(({ opened }) => opened));
    lines.push(...wave);
  }
  return lines;
}

function listen(stage: Stage): Line {
  const line = call(stage, request(stage, 'subscriptions/listen', { notifications: { toolsListChanged: true } }));
  const outcome = new Promise<string>((resolve) => {
    let text = '';
    line.socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (text.includes('acknowledged')) resolve('open');
      else if (text.includes('too-many-at-once')) resolve('refused');
    });
    void line.outcome.then(resolve);
  });
  return { ...line, outcome };
}

/** The first bytes of a TLS handshake: a record that announces a ClientHello of 512 bytes. */
const clientHello = Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]);
const http2Preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

function http2Frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const frame = Buffer.alloc(9 + payload.length);
  frame.writeUIntBE(payload.length, 0, 3);
  frame.writeUInt8(type, 3);
  frame.writeUInt8(flags, 4);
  frame.writeUInt32BE(stream, 5);
  payload.copy(frame, 9);
  return frame;
}

/** Speaks HTTP/2 to a door that has only HTTP/1.1. */
function http2(frames: readonly Buffer[]): Recipe {
  const bytes = Buffer.concat([Buffer.from(http2Preface), http2Frame(4, 0, 0), ...frames]);
  return {
    what: 'refused: the door speaks HTTP/1.1',
    ends: /^(?:4\d\d |505 )?cut$/,
    play: (stage) => several(8, () => call(stage, bytes)),
  };
}

const windowOfNone = Buffer.from([0, 4, 0, 0, 0, 0]);

/** Recipes of slow callers, by their names in the corpus. */
export const frontRecipes: Readonly<Record<string, Recipe>> = {
  'slow-headers': {
    what: 'cut when the time for a request is over',
    ends: /^408 cut$/,
    play: (stage) => several(20, () => drip(stage, 'POST /mcp HTTP/1.1\r\nX-Slow: ', () => 'x')),
  },
  'slow-body': {
    what: 'cut when the time for a request is over',
    ends: /^408 cut$/,
    play: (stage) => several(20, () => drip(stage, head(stage, 1024 * 1024), () => ' ')),
  },
  'slow-read': {
    what: 'cut when nobody reads the answer',
    ends: /^200 cut$/,
    play: (stage) => several(2, () => unread(stage, 'big')),
  },
  'idle-after-connect': {
    what: 'cut when their time is over, or before, when one address has too many',
    ends: /^(?:408 )?cut$/,
    play: (stage) => many(stage.size === 'ci' ? 200 : 10_000, () => call(stage, undefined)),
  },
  'idle-keepalive': {
    what: 'held, as keep-alive has it',
    isHeld: true,
    ends: /^200 left$/,
    play: (stage) =>
      several(50, () => call(stage, request(stage, 'tools/call', { name: 'echo', arguments: { mark: 'once' } }))),
  },
  'half-close': {
    what: 'refused: the request cannot become whole',
    ends: /^(?:4\d\d )?cut$/,
    play: (stage) => several(20, () => call(stage, head(stage, 100), (socket) => socket.end())),
  },
  'rst-mid-body': {
    what: 'forgotten at once',
    ends: /^left$/,
    play: (stage) =>
      several(20, () => {
        const line = call(stage, head(stage, 1000) + ' '.repeat(500));
        setTimeout(() => {
          line.end?.();
          line.socket.resetAndDestroy();
        }, 50);
        return line;
      }),
  },
  'sse-never-read': {
    what: 'cut when too much waits',
    ends: /^200 cut(?:, after everything)?$/,
    play: (stage) => several(2, (index) => unread(stage, 'chatty', { progressToken: index })),
  },
  'sse-flood-open': {
    what: '32 of one caller are open, the others are refused',
    isHeld: true,
    ends: (endings) =>
      endings.filter((each) => each === 'open').length === 32 &&
      endings.every((each) => /^(?:open|refused)$/.test(each)),
    play: (stage) => many(stage.size === 'ci' ? 200 : 5000, () => listen(stage)),
  },
  'tls-slow-handshake': {
    what: 'refused: the door speaks HTTP',
    ends: /^(?:4\d\d )?cut$/,
    play: (stage) => several(20, () => drip(stage, '', (index) => String.fromCodePoint(clientHello[index] ?? 0))),
  },
  'tls-renegotiation': {
    what: 'refused: the door speaks HTTP',
    ends: /^(?:4\d\d )?cut$/,
    play: (stage) => several(20, () => call(stage, Buffer.concat([clientHello, Buffer.alloc(505), clientHello]))),
  },
  'h2-rapid-reset': http2(
    Array.from({ length: 1000 }, (_, index) =>
      Buffer.concat([
        http2Frame(1, 5, 2 * index + 1, Buffer.from([0x82])),
        http2Frame(3, 0, 2 * index + 1, Buffer.alloc(4)),
      ]),
    ),
  ),
  'h2-continuation-flood': http2([
    http2Frame(1, 0, 1, Buffer.from([0x82])),
    ...Array.from({ length: 1000 }, () => http2Frame(9, 0, 1, Buffer.alloc(64))),
  ]),
  'h2-settings-flood': http2(Array.from({ length: 10_000 }, () => http2Frame(4, 0, 0))),
  'h2-zero-window': http2([
    http2Frame(4, 0, 0, windowOfNone),
    ...Array.from({ length: 100 }, (_, index) => http2Frame(1, 5, 2 * index + 1, Buffer.from([0x82]))),
  ]),
};
