// The JSON parsing corpus and nesting bombs against the HTTP door and the stdio door of real gateways.
import { Buffer } from 'node:buffer';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  corpusOrSkip,
  LegacySession,
  post,
  prepareFolder,
  startGateway,
  startRecordingUpstream,
  startStdioDoor,
  waitFor,
  type RecordingUpstream,
} from '@sallyport/testkit';
import { openAnswers } from './json-doors.policy.ts';

/** Whether the corpus is there; its tests are skipped where it is not. */
export const hasJsonCorpus = corpusOrSkip('json/parsing').isHere;

/** One file of the corpus. `n_` is malformed, `y_` well-formed, `i_` left open by RFC 8259. */
export interface JsonFile {
  readonly name: string;
  readonly bytes: Buffer;
}

/** Reads the corpus; empty where it is absent. */
export function readJsonCorpus(): readonly JsonFile[] {
  const corpus = corpusOrSkip('json/parsing');
  if (!corpus.isHere) return [];
  return readdirSync(corpus.path)
    .filter((name) => name.endsWith('.json'))
    .toSorted()
    .map((name) => ({ name, bytes: readFileSync(join(corpus.path, name)) }));
}

/** A message that would eat stack or memory. */
export interface Bomb {
  readonly what: string;
  readonly body: () => string;
  readonly code: -32600 | -32700;
}

/** Bigger than the largest bomb, so that its bound is depth or width and not size. */
export const bodyLimit = 4 * 1024 * 1024;

/** Nesting to no end, in all places. */
export const bombs: readonly Bomb[] = [
  { what: 'a million nested arrays', body: () => `${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`, code: -32600 },
  { what: 'nested objects', body: () => `${'{"a":'.repeat(300_000)}1${'}'.repeat(300_000)}`, code: -32600 },
  { what: 'a million arrays that never close', body: () => '['.repeat(1_000_000), code: -32700 },
  { what: 'nested objects that never close', body: () => '{"a":'.repeat(300_000), code: -32700 },
  {
    what: 'nesting inside arguments',
    body: () => toolCall(`${'['.repeat(500_000)}${']'.repeat(500_000)}`),
    code: -32600,
  },
  { what: 'nesting that ends in a wrong bracket', body: () => `${'['.repeat(100_000)}}`, code: -32700 },
];

function toolCall(args: string): string {
  return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"deep":${args}}}}`;
}

/** What one pass over the corpus gave. */
export interface CorpusPass {
  /** Malformed files that were sent. */
  readonly malformed: number;
  /** Well-formed files that were sent. */
  readonly wellFormed: number;
  /** One line for each file with another answer than it should have. */
  readonly wrong: readonly string[];
}

/** Both doors, each of a gateway of its own. */
export interface JsonDoors {
  readonly upstream: RecordingUpstream;
  /** Sends a body to the HTTP door; the error code of the answer. */
  httpCode(body: Uint8Array | string): Promise<number | undefined>;
  /**
   * Sends one line to the stdio door, and then a ping.
   *
   * @param expected - how many answers to wait for besides the ping's, 1 by default; they may overtake one another
   * @returns the codes of all answers that are not the ping's
   */
  stdioCodes(line: Uint8Array, expected?: number): Promise<(number | undefined)[]>;
  /** True when the HTTP door opens a session and answers in it. */
  isAlive(): Promise<boolean>;
  /** Resident memory of the gateway behind the HTTP door, bytes; 0 where the system does not tell. */
  residentBytes(): number;
  /** Lines of the stdio door that were no messages. */
  noise(): readonly string[];
  stop(): Promise<void>;
}

/** Starts both doors before one recording server. */
export async function openJsonDoors(): Promise<JsonDoors> {
  const upstream = await startRecordingUpstream();
  const config = {
    callers: { anonymous: 'everyone', local: 'everyone' },
    roles: { everyone: { tools: ['*'], resources: ['*'], prompts: ['*'] } },
    limits: { body: '4MiB', perAddress: '100000/s burst 100000' },
    upstreams: { rec: { url: upstream.url } },
  };
  const gateway = await startGateway({ config });
  // A folder of its own, so that this door is a gateway by itself and not a guest of the one above.
  const folder = await prepareFolder(config);
  const door = startStdioDoor(folder.configPath, folder.dir);
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } };
  await door.request({ jsonrpc: '2.0', id: 'begin', method: 'initialize', params });
  let lastPing = 0;
  return {
    upstream,
    async httpCode(body) {
      return (await post(`${gateway.url}/rec`, body)).response?.error?.code;
    },
    async stdioCodes(line, expected = 1) {
      const before = door.messages.length;
      lastPing += 1;
      const id = `ping-${lastPing}`;
      door.write(Buffer.concat([line, Buffer.from('\n')]));
      door.write(`${JSON.stringify({ jsonrpc: '2.0', id, method: 'ping' })}\n`);
      const received = () => door.messages.slice(before);
      await waitFor(() => received().some((message) => message.id === id) && received().length > expected, {
        everyMs: 2,
        what: `the answer to ${id} and ${expected} more`,
      });
      return received().flatMap((message) => (message.id === id ? [] : [message.error?.code]));
    },
    async isAlive() {
      const session = await LegacySession.open(`${gateway.url}/rec`);
      return (await session.request('ping')).text.includes('"result":{}');
    },
    residentBytes() {
      try {
        const status = readFileSync(`/proc/${gateway.process.pid}/status`, 'utf8');
        return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
      } catch {
        return 0;
      }
    },
    noise: () => door.noise,
    async stop() {
      await door.stop();
      await folder.remove();
      await gateway.stop();
      await upstream.close();
    },
  };
}

/** Sends every file to the HTTP door. */
export async function passAtHttp(doors: JsonDoors, files: readonly JsonFile[]): Promise<CorpusPass> {
  const wrong: string[] = [];
  for (const { name, bytes } of files) {
    const code = await doors.httpCode(bytes);
    if (!isRight(name, code)) wrong.push(`${name}: ${code}`);
  }
  return { ...countKinds(files), wrong };
}

/** Sends every file that is one line to the stdio door. */
export async function passAtStdio(doors: JsonDoors, files: readonly JsonFile[]): Promise<CorpusPass> {
  const wrong: string[] = [];
  for (const { name, bytes } of files.filter((file) => isBlank(file) && isOneLine(file))) {
    // A blank line may be taken for a separator instead of a message.
    const codes = await doors.stdioCodes(bytes, 0);
    if (codes.some((code) => code !== -32700)) wrong.push(`${name}: ${codes.join()}`);
  }
  const lines = files.filter((file) => isOneLine(file) && !isBlank(file));
  for (const { name, bytes } of lines) {
    const codes = await doors.stdioCodes(bytes);
    if (codes.length !== 1) wrong.push(`${name}: ${codes.length} answers`);
    else if (!isRight(name, codes[0])) wrong.push(`${name}: ${codes[0]}`);
  }
  return { ...countKinds(lines), wrong };
}

function isOneLine({ bytes }: JsonFile): boolean {
  return !bytes.includes(0x0a);
}

function isBlank({ bytes }: JsonFile): boolean {
  return bytes.toString('latin1').trim() === '';
}

function countKinds(files: readonly JsonFile[]): { readonly malformed: number; readonly wellFormed: number } {
  const count = (prefix: string) => files.filter(({ name }) => name.startsWith(prefix)).length;
  return { malformed: count('n_'), wellFormed: count('y_') };
}

/** A well-formed file of the corpus is no JSON-RPC message, so it is an error too, but never -32700. */
function isRight(name: string, code: number | undefined): boolean {
  if (name.startsWith('n_')) return code === -32700;
  if (name.startsWith('y_')) return code !== undefined && code !== -32700;
  return code === openAnswers[name];
}
