/**
 * One secret of each kind goes through everything that can hold a secret; afterwards none stands in clear in any log,
 * record, metric, answer, command's output or file of the store, in any form in which secrets are usually written.
 */

import { createHmac, randomBytes } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { deriveKeys } from '@sallyport/guard';
import { createKey, runSallyport, startGateway, stubStdioCommand } from '@sallyport/testkit';
import type { Gateway } from '@sallyport/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const canary = (): string => randomBytes(33).toString('base64url');
const issuer = 'https://issuer.example';

/** Text secrets by kind; the API key is made by the gateway. */
const secrets: Record<string, string> = {
  'shared secret of tokens': canary(),
  'upstream bearer': canary(),
  'upstream header': canary(),
  'environment of a local server': canary(),
  cookie: canary(),
  argument: canary(),
  'query string': canary(),
  'foreign key': `sp_${'a1b2c3d4e5f6'}_${randomBytes(32).toString('base64url')}`,
};

const base64url = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

function signedToken(claims: object): string {
  const signed = `${base64url({ alg: 'HS256', typ: 'at+jwt' })}.${base64url(claims)}`;
  const mac = createHmac('sha256', secrets['shared secret of tokens'] ?? '').update(signed);
  return `${signed}.${mac.digest('base64url')}`;
}

/** Everything that was shown to somebody, by where. */
const shown = new Map<string, Buffer>();
const show = (where: string, what: string | Buffer): void => {
  shown.set(`${where} #${shown.size}`, Buffer.from(what));
};

let gateway: Gateway;
let blabbing: Server;
let key = '';
let token = '';

async function send(headers: Record<string, string>, body: string, path = '/mcp'): Promise<void> {
  const response = await fetch(`http://${gateway.host}:${gateway.port}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers },
    body,
  });
  const text = await response.text();
  show('an answer', `${JSON.stringify([...response.headers])}\n${text}`);
}

const call = (name: string, args: object): string =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args, _meta: meta } });
const meta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'canary', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
};
const modern = (name: string) => ({
  'mcp-protocol-version': '2026-07-28',
  'mcp-method': 'tools/call',
  'mcp-name': name,
});

beforeAll(async () => {
  // A server that repeats whatever it is given, in headers and in words.
  blabbing = createServer((request, response) => {
    const told = JSON.stringify(request.headers);
    response.writeHead(500, { 'content-type': 'application/json', 'x-told': encodeURIComponent(told) });
    response.end(JSON.stringify({ jsonrpc: '2.0', id: null, error: { code: -32603, message: told } }));
  });
  await new Promise<void>((resolve) => blabbing.listen(0, '127.0.0.1', resolve));
  const port = (blabbing.address() as AddressInfo).port;
  const env = {
    HS256: secrets['shared secret of tokens'] ?? '',
    BEARER: secrets['upstream bearer'] ?? '',
    HEADER: secrets['upstream header'] ?? '',
    CHILD: secrets['environment of a local server'] ?? '',
  };
  gateway = await startGateway({
    env,
    config: {
      callers: {
        keys: true,
        jwt: [
          {
            issuer,
            secret: 'env:HS256',
            algorithms: ['HS256'],
            audience: ['canary'],
            roles: { claim: 'groups', map: { all: 'reader' } },
          },
        ],
      },
      roles: { reader: { tools: ['*'] } },
      upstreams: {
        notes: { command: stubStdioCommand() },
        telling: {
          command: [process.execPath, '-e', 'console.error("my token is", process.env.CHILD); process.exit(3)'],
          env: { CHILD: 'env:CHILD' },
        },
        bearing: { url: `http://127.0.0.1:${port}/mcp`, auth: { bearer: 'env:BEARER' } },
        heading: { url: `http://127.0.0.1:${port}/mcp`, auth: { header: { 'X-Api-Key': 'env:HEADER' } } },
      },
    },
  });
  key = await createKey(gateway.dir, { name: 'canary', role: 'reader' });
  secrets['API key'] = key;
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: issuer, aud: 'canary', sub: 'ada', groups: ['all'], iat: now, exp: now + 300 };
  token = signedToken(claims);
  secrets['token'] = token;
  secrets['expired token'] = signedToken({ ...claims, exp: now - 4000 });

  const argument = { text: secrets['argument'] };
  for (const bearer of [key, token, secrets['foreign key'], secrets['expired token'], `${token}x`]) {
    const headers = { authorization: `Bearer ${bearer}`, cookie: `session=${secrets['cookie']}` };
    await send({ ...headers, ...modern('notes__echo') }, call('notes__echo', argument));
    await send({ ...headers, ...modern('bearing__any') }, call('bearing__any', argument));
    await send({ ...headers, ...modern('none') }, call('none', argument));
    await send(headers, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${secrets['argument']}"`);
    await send(headers, '{}', `/mcp?access_token=${secrets['query string']}`);
  }
  await send({ authorization: `Basic ${secrets['cookie']}` }, '{}');
  show('metrics', await (await fetch(`${gateway.adminUrl}/metrics`)).text());
  for (const words of [
    ['status'],
    ['status', '--json'],
    ['doctor'],
    ['keys', 'list', '--json'],
    ['check', '--print'],
    ['audit', 'search', '--json'],
    ['explain', '--key', 'canary', 'notes.echo'],
    ['call', 'bearing.any', '{}', '--as', 'reader'],
  ]) {
    const said = await runSallyport(words, gateway.dir, { env, isFailureFine: true });
    show(`sallyport ${words.join(' ')}`, said.stdout + said.stderr);
  }
});

afterAll(async () => {
  await gateway.stop();
  blabbing.close();
});

/** Files of the gateway's folder, but for the one that is the master key. */
async function readFiles(folder: string): Promise<[string, Buffer][]> {
  const found = await readdir(folder, { recursive: true });
  const files: [string, Buffer][] = [];
  for (const name of found) {
    const path = join(folder, name);
    const facts = await stat(path).catch(() => undefined);
    if (facts?.isFile() === true && !name.endsWith('master.key')) files.push([name, await readFile(path)]);
  }
  return files;
}

/** The forms in which a secret may stand somewhere. */
function formsOf(secret: Buffer, isText: boolean): Buffer[] {
  const forms = [secret.toString('hex'), secret.toString('base64'), secret.toString('base64url')];
  const withoutPadding = forms.map((form) => form.replace(/=+$/, ''));
  return [secret, ...withoutPadding.map((form) => Buffer.from(form))].concat(
    isText ? [Buffer.from(encodeURIComponent(secret.toString()))] : [],
  );
}

/** A tool may give its caller back what that caller has sent. */
const isOwn = (kind: string, where: string): boolean => kind === 'argument' && where.startsWith('an answer');

describe('one secret of each kind', () => {
  it('[no-secret-in-clear] stands nowhere in clear: not in a log, a record, a metric, an answer, an output or the store', async () => {
    show('stdout', gateway.stdout());
    show('stderr', gateway.stderr());
    const files = await readFiles(gateway.dir);
    for (const [name, bytes] of files) show(`file ${name}`, bytes);
    expect(files.some(([name]) => name.endsWith('.jsonl'))).toBe(true);
    expect(files.some(([name]) => name.endsWith('.db'))).toBe(true);
    const master = Buffer.from((await readFile(join(gateway.dir, 'state', 'master.key'), 'utf8')).trim(), 'base64url');
    const { pepper, seal, envelope } = deriveKeys({ current: master }).current;
    const all: [string, Buffer[]][] = [
      ...Object.entries(secrets).map(([kind, secret]): [string, Buffer[]] => [
        kind,
        formsOf(Buffer.from(secret), true),
      ]),
      ...Object.entries({ master, pepper, seal, envelope }).map(([kind, secret]): [string, Buffer[]] => [
        kind,
        formsOf(Buffer.from(secret), false),
      ]),
    ];
    const leaks = all.flatMap(([kind, forms]) =>
      [...shown]
        .filter(([where, bytes]) => !isOwn(kind, where) && forms.some((form) => bytes.includes(form)))
        .map(([where]) => `${kind}: ${where}`),
    );
    expect(leaks).toEqual([]);
    expect(all).toHaveLength(15);
    expect(shown.size).toBeGreaterThan(35);
  });
});
