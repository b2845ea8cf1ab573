/** The JSON parsing corpus and nesting bombs at the HTTP door and the stdio door. */

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
} from '@sallyport/testkit';
import type { Gateway, GatewayFolder, RecordingUpstream, StdioPeer } from '@sallyport/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openAnswers } from './json-doors.policy.ts';

const corpus = corpusOrSkip('json/parsing');
const files = corpus.isHere
  ? readdirSync(corpus.path)
      .filter((name) => name.endsWith('.json'))
      .toSorted()
      .map((name) => ({ name, bytes: readFileSync(join(corpus.path, name)) }))
  : [];

/** Bigger than the largest bomb below, so that its bound is depth or width and not size. */
const bodyLimit = 4 * 1024 * 1024;

let upstream: RecordingUpstream;
let gateway: Gateway;
let folder: GatewayFolder;
let door: StdioPeer;

beforeAll(async () => {
  upstream = await startRecordingUpstream();
  const config = {
    callers: { anonymous: 'everyone', local: 'everyone' },
    roles: { everyone: { tools: ['*'], resources: ['*'], prompts: ['*'] } },
    limits: { body: '4MiB', perAddress: '100000/s burst 100000' },
    upstreams: { rec: { url: upstream.url } },
  };
  gateway = await startGateway({ config });
  // A folder of its own, so that this door is a gateway by itself and not a guest of the one above.
  folder = await prepareFolder(config);
  door = startStdioDoor(folder.configPath, folder.dir);
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } };
  await door.request({ jsonrpc: '2.0', id: 'begin', method: 'initialize', params });
}, 60_000);

afterAll(async () => {
  await door?.stop();
  await folder?.remove();
  await gateway?.stop();
  await upstream?.close();
}, 60_000);

async function httpCode(body: Uint8Array | string): Promise<number | undefined> {
  const answer = await post(`${gateway.url}/rec`, body);
  return answer.response?.error?.code;
}

let lastPing = 0;

/**
 * Sends one line and then a ping.
 * @param expected how many answers to wait for besides the ping's; they may overtake one another.
 * @returns the codes of all answers that are not the ping's.
 */
async function stdioCodes(line: Uint8Array, expected = 1): Promise<(number | undefined)[]> {
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
}

async function expectAlive(): Promise<void> {
  const session = await LegacySession.open(`${gateway.url}/rec`);
  expect((await session.request('ping')).response?.result).toEqual({});
}

describe.skipIf(!corpus.isHere)('JSON corpus at the HTTP door', () => {
  it('reads all 318 files: 188 malformed, 95 well-formed, 35 open', () => {
    const count = (prefix: string) => files.filter(({ name }) => name.startsWith(prefix)).length;
    expect([files.length, count('n_'), count('y_'), count('i_')]).toEqual([318, 188, 95, 35]);
    expect(Object.keys(openAnswers).toSorted()).toEqual(
      files.map(({ name }) => name).filter((name) => name.startsWith('i_')),
    );
  });

  it('[json-strict] refuses every malformed file as -32700 and no well-formed one', async () => {
    const wrong: string[] = [];
    for (const { name, bytes } of files) {
      const code = await httpCode(bytes);
      if (name.startsWith('n_') && code !== -32700) wrong.push(`${name}: ${code}`);
      if (name.startsWith('y_') && (code === -32700 || code === undefined)) wrong.push(`${name}: ${code}`);
      if (name.startsWith('i_') && code !== openAnswers[name]) wrong.push(`${name}: ${code}`);
    }
    expect(wrong).toEqual([]);
    await expectAlive();
  }, 120_000);
});

describe.skipIf(!corpus.isHere)('JSON corpus at the stdio door', () => {
  it('[json-strict] answers each file that is one line as the HTTP door does', async () => {
    const wrong: string[] = [];
    let malformed = 0;
    for (const { name, bytes } of files) {
      if (bytes.includes(0x0a)) continue;
      // A blank line may be taken for a separator instead of a message.
      const isBlank = bytes.toString('latin1').trim() === '';
      const codes = await stdioCodes(bytes, isBlank ? 0 : 1);
      if (isBlank) {
        if (codes.some((code) => code !== -32700)) wrong.push(`${name}: ${codes.join()}`);
        continue;
      }
      if (name.startsWith('n_')) malformed += 1;
      const [code] = codes;
      if (codes.length !== 1) wrong.push(`${name}: ${codes.length} answers`);
      else if (name.startsWith('n_') && code !== -32700) wrong.push(`${name}: ${code}`);
      else if (name.startsWith('y_') && (code === -32700 || code === undefined)) wrong.push(`${name}: ${code}`);
      else if (name.startsWith('i_') && code !== openAnswers[name]) wrong.push(`${name}: ${code}`);
    }
    expect(wrong).toEqual([]);
    expect(malformed).toBe(oneLineMalformed());
    expect(door.noise).toEqual([]);
  }, 120_000);
});

function oneLineMalformed(): number {
  const isOneLine = (bytes: Buffer) => !bytes.includes(0x0a) && bytes.toString('latin1').trim() !== '';
  return files.filter(({ name, bytes }) => name.startsWith('n_') && isOneLine(bytes)).length;
}

const bombs = [
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
] as const;

function toolCall(args: string): string {
  return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"deep":${args}}}}`;
}

describe('nesting bombs', () => {
  it.each(bombs)('[json-bounded] answers $what with $code at the HTTP door and stays alive', async ({ body, code }) => {
    const text = body();
    expect(text.length).toBeLessThan(bodyLimit);
    expect(await httpCode(text)).toBe(code);
    await expectAlive();
  });

  it.each(bombs)('[json-bounded] answers $what with $code at the stdio door', async ({ body, code }) => {
    expect(await stdioCodes(Buffer.from(body()))).toEqual([code]);
  });

  it('[json-bounded] reaches no upstream and keeps its memory bounded', async () => {
    const before = residentBytes();
    for (const { body } of bombs) await httpCode(body());
    await expectAlive();
    expect(upstream.of('tools/call')).toEqual([]);
    expect(residentBytes() - before).toBeLessThan(100 * 1024 * 1024);
  });
});

/** Resident memory of the gateway, from /proc; 0 where there is none. */
function residentBytes(): number {
  try {
    const status = readFileSync(`/proc/${gateway.process.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
