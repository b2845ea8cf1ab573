// The corpus of tokens at the MCP endpoint of a real gateway whose clock stands still and whose connections are watched.
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  corpusOrSkip,
  postModern,
  readAudit,
  readJsonl,
  sendRaw,
  startGateway,
  startRecordingUpstream,
  type Gateway,
  type RawResponse,
  type RecordingUpstream,
} from '@sallyport/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../../scripts/tree.ts';

interface TokenCase {
  readonly id: string;
  readonly expect: string;
  readonly token: string;
}

const corpus = corpusOrSkip('jwt');
const cases = corpus.isHere ? readJsonl<TokenCase>(join(corpus.path, 'tokens.jsonl')) : [];
const accepted = cases.filter((each) => each.expect === 'accept');
const rejected = cases.filter((each) => each.expect === 'reject');
const open = cases.filter((each) => each.expect !== 'accept' && each.expect !== 'reject');

/** What docs/tokens.md says of the cases that a product may decide: `| case | answer | why |`. */
const decisions = new Map(
  readFileSync(join(root, 'docs', 'tokens.md'), 'utf8')
    .split('\n')
    .flatMap((line) => {
      const row = /^\| `([^`]+)` +\| (\d{3}) +\| .+ \|$/.exec(line);
      return row === null ? [] : [[row[1] ?? '', Number(row[2])] as const];
    }),
);

let folder: string;
let upstream: RecordingUpstream;
let gateway: Gateway;
/** Connections from before the first token. */
let before: readonly string[];

beforeAll(async () => {
  if (!corpus.isHere) return;
  const context = JSON.parse(await readFile(join(corpus.path, 'context.json'), 'utf8')) as {
    now: number;
    issuer: string;
    audience: string;
    acceptedAlgs: readonly string[];
  };
  folder = await mkdtemp(join(tmpdir(), 'sallyport-jwt-'));
  upstream = await startRecordingUpstream();
  const keys = join(folder, 'jwks.json');
  await writeFile(keys, await readFile(join(corpus.path, 'jwks.json')), { mode: 0o600 });
  gateway = await startGateway({
    config: {
      callers: {
        jwt: [
          {
            issuer: context.issuer,
            jwks: `file:${keys}`,
            audience: [context.audience],
            algorithms: context.acceptedAlgs,
            agent: 'client_id',
            roles: { claim: 'scope', map: { 'mcp:tools': 'reader', admin: 'admin' } },
          },
        ],
      },
      roles: { reader: { tools: ['rec.echo'] }, admin: { tools: ['*'] } },
      limits: { perAddress: '100000/s burst 100000' },
      upstreams: { rec: { url: upstream.url } },
    },
    env: {
      NODE_OPTIONS: `--import=${join(root, 'tests', 'fixtures', 'watched.ts')}`,
      WATCHED_NOW: String(context.now * 1000),
      WATCHED_CONNECTIONS: join(folder, 'connections'),
    },
  });
  before = await connections();
}, 60_000);

afterAll(async () => {
  await gateway?.stop();
  await upstream?.close();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
}, 60_000);

const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' });

/** Sends a token as it is, whatever clients would say of it. */
async function send(token: string): Promise<RawResponse | undefined> {
  const head = [
    'POST /mcp HTTP/1.1',
    `Host: ${gateway.host}:${gateway.port}`,
    `Authorization: Bearer ${token}`,
    'Content-Type: application/json',
    'Accept: application/json, text/event-stream',
    `Content-Length: ${body.length}`,
    'Connection: close',
  ];
  const { responses } = await sendRaw(gateway.host, gateway.port, `${head.join('\r\n')}\r\n\r\n${body}`, {
    quietMs: 2000,
  });
  return responses[0];
}

/** What the gateway has connected to or looked up, its upstream aside. */
async function connections(): Promise<readonly string[]> {
  const text = await readFile(join(folder, 'connections'), 'utf8');
  const { port } = new URL(upstream.url);
  return text.split('\n').filter((line) => line !== '' && !line.includes(port));
}

const callTool = (token: string, name: string) =>
  postModern(gateway.url, { method: 'tools/call', params: { name, arguments: {} }, key: token });

describe.skipIf(!corpus.isHere)('tokens of the corpus', () => {
  it('[jwt] are 242: 4 good, 224 bad, 14 to be decided, each of which docs/tokens.md decides', () => {
    expect(cases).toHaveLength(242);
    expect([accepted.length, rejected.length, open.length]).toEqual([4, 224, 14]);
    expect([...decisions.keys()].sort()).toEqual(open.map(({ id }) => id).sort());
  });

  it.each(accepted)('[jwt] lets $id in', async ({ token }) => {
    expect((await send(token))?.status).toBe(200);
    const answer = await callTool(token, 'rec__echo');
    expect(answer.response?.result?.['isError'] ?? false).toBe(false);
  });

  const long = rejected.filter(({ token }) => token.length > 16_000);

  it('[jwt] six are longer than any head may be', () => {
    expect(long).toHaveLength(6);
  });

  it.each(long)('[jwt] answers 431 to $id', async ({ token }) => {
    expect((await send(token))?.status).toBe(431);
  });

  // A line break ends a header, so no client can send this one; what comes of trying is another matter.
  const broken = rejected.filter(({ token }) => token.includes('\n'));

  it.each(broken)(
    '[jwt] takes no request from $id, and refuses it with the break left out or replaced',
    async ({ token }) => {
      expect((await send(token))?.status).toBe(400);
      for (const stand of ['', ' ', '\t'])
        expect((await send(token.replaceAll('\n', stand)))?.status).toBe(stand === '' ? 200 : 401);
    },
  );

  it.each(rejected.filter((each) => !long.includes(each) && !broken.includes(each)))(
    '[jwt] answers 401 with a challenge to $id',
    async ({ token }) => {
      const answer = await send(token);
      expect(answer?.status).toBe(401);
      expect(answer?.headers['www-authenticate']).toMatch(/^Bearer realm="sallyport"/);
      expect(answer?.body).not.toMatch(/jwt|claim|signature|issuer|at [a-z]+ \(/i);
    },
  );

  it.each(open)('[jwt] answers as docs/tokens.md says to $id', async ({ id, token }) => {
    expect((await send(token))?.status).toBe(decisions.get(id));
    const answer = await callTool(token, 'rec__drop');
    expect(answer.status === 401 || answer.response?.error !== undefined, 'no right of an administrator').toBe(true);
  });

  it('[jwt] caused no connection and no look-up of a name, and nothing reached the upstream', async () => {
    // The watching works: the gateway has looked for one that may run already.
    expect(before.length).toBeGreaterThan(0);
    expect(await connections()).toEqual(before);
    expect(upstream.of('tools/call').map(({ name }) => name)).toEqual(accepted.map(() => 'echo'));
  });

  it('[jwt] names person and program in the records, and writes no token down', async () => {
    const records = await readAudit(join(gateway.dir, 'state', 'audit'));
    const principals = records.flatMap(({ principal }) => (principal === undefined ? [] : [principal]));
    expect(principals).toContainEqual({
      id: 'jwt:https://as.example|user-1',
      kind: 'jwt',
      roles: ['reader'],
      agent: 'client-1',
    });
    const written = `${JSON.stringify(records)}${gateway.stdout()}${gateway.stderr()}`;
    for (const { token } of cases) if (token.length > 40) expect(written.includes(token.slice(-40))).toBe(false);
  });
});
