// A gateway that observes refuses nothing by policy, never calls what it let pass allowed, and says so everywhere.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  LegacySession,
  createKey,
  postModern,
  readAudit,
  runSallyport,
  startGateway,
  startRecordingUpstream,
  waitFor,
  type AuditLine,
  type Gateway,
  type HttpAnswer,
  type RecordingUpstream,
} from '@sallyport/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const strict = { type: 'object', properties: { count: { type: 'integer' } }, required: ['count'] };
const tools = [
  { name: 'echo' },
  { name: 'read' },
  { name: 'delete' },
  { name: 'banned' },
  { name: 'strict', inputSchema: strict },
];

const config = {
  mode: 'observe',
  callers: { keys: true },
  deny: ['rec.banned'],
  roles: {
    reader: { tools: [{ tool: 'rec.read', limit: '2/h' }, 'rec.strict'], resources: ['rec.test://one'] },
    admin: { tools: ['*'], resources: ['*'], prompts: ['*'] },
    nothing: {},
  },
  views: { staff: { tools: ['rec.*'], for: ['admin'] }, find: { tools: ['rec.*', '!rec.echo'], mode: 'search' } },
  limits: { perAddress: '100000/s burst 100000', body: '64KiB' },
};

let rec: RecordingUpstream;
let hid: RecordingUpstream;
let gateway: Gateway;
let reader: string;
let nothing: string;

beforeAll(async () => {
  [rec, hid] = (await Promise.all([0, 1].map(() => startRecordingUpstream({ tools })))) as [
    RecordingUpstream,
    RecordingUpstream,
  ];
  gateway = await startGateway({ config: { ...config, upstreams: { rec: { url: rec.url }, hid: { url: hid.url } } } });
  reader = await createKey(gateway.dir, { name: 'reader', role: 'reader' });
  nothing = await createKey(gateway.dir, { name: 'nothing', role: 'nothing' });
  await waitFor(async () => (await call(nothing, 'rec__strict', { count: 1 })).status === 200, { what: 'the keys' });
  await waitFor(async () => (await call(reader, 'rec__strict', { count: 1 })).status === 200, { what: 'the keys' });
}, 60_000);

afterAll(async () => {
  await gateway?.stop();
  await rec?.close();
  await hid?.close();
}, 60_000);

function ask(key: string, method: string, params: Record<string, unknown> = {}, path = ''): Promise<HttpAnswer> {
  return postModern(`${gateway.url}${path}`, { method, params, key });
}

function call(key: string, name: string, args: object = {}, path = ''): Promise<HttpAnswer> {
  return ask(key, 'tools/call', { name, arguments: args }, path);
}

function recordsOf(answer: HttpAnswer): Promise<AuditLine[]> {
  const id = answer.headers['sallyport-exchange'];
  return waitFor(
    async () => {
      const records = (await readAudit(join(gateway.dir, 'state', 'audit'))).filter(({ exchange }) => exchange === id);
      return records.some(({ kind }) => kind !== 'intent') ? records : undefined;
    },
    { what: `the records of ${id}` },
  );
}

function passed(answer: HttpAnswer): boolean {
  return answer.status === 200 && answer.response?.result !== undefined && answer.response.result['isError'] !== true;
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? 0);
}

describe('a gateway that observes', () => {
  it('[observe] lets pass what policy would refuse, and records what it would have said', async () => {
    const rows: [string, () => Promise<HttpAnswer>, object][] = [
      ['no grant', () => call(reader, 'rec__delete'), { effect: 'observe', rule: 'no-grant', would: 'forbidden' }],
      ['another server', () => call(reader, 'hid__echo'), { effect: 'observe', would: 'forbidden' }],
      ['no role that grants', () => call(nothing, 'rec__echo'), { effect: 'observe', would: 'forbidden' }],
      [
        'arguments',
        () => call(reader, 'rec__strict', { count: 'many' }),
        { effect: 'observe', rule: 'reader: rec.strict', would: 'bad-arguments: /count (type)' },
      ],
      ['the path of a server', () => call(reader, 'echo', {}, '/hid'), { effect: 'observe', would: 'unknown-server' }],
      [
        'a view for others',
        () => call(reader, 'rec__read', {}, '/staff'),
        { effect: 'observe', would: 'unknown-server' },
      ],
    ];
    for (const [what, send, decision] of rows) {
      const before = rec.of('tools/call').length + hid.of('tools/call').length;
      const answer = await send();
      expect(passed(answer), `${what}: ${answer.text}`).toBe(true);
      expect(rec.of('tools/call').length + hid.of('tools/call').length, what).toBe(before + 1);
      const records = await recordsOf(answer);
      expect(
        records.map(({ kind }) => kind),
        what,
      ).toEqual(['intent', 'outcome']);
      for (const record of records) expect(record['decision'], what).toMatchObject(decision);
      expect(answer.text).not.toMatch(/observe|would/);
    }
  });

  it('[observe] counts what it would have limited, and lets it pass', async () => {
    const decisions: unknown[] = [];
    for (let count = 0; count < 4; count++) {
      const answer = await call(reader, 'rec__read');
      expect(passed(answer)).toBe(true);
      decisions.push((await recordsOf(answer)).at(-1)?.['decision']);
    }
    expect(decisions.slice(-1)).toMatchObject([
      { effect: 'observe', rule: 'reader: rec.read', would: 'limited: limit of the grant rec.read, 2/h' },
    ]);
    expect(decisions.slice(0, 1)).toMatchObject([{ effect: 'allow', rule: 'reader: rec.read' }]);
  });

  it('[observe] calls allowed what is allowed', async () => {
    const answer = await call(reader, 'rec__strict', { count: 1 });
    for (const { decision } of await recordsOf(answer)) {
      expect(decision).toMatchObject({ effect: 'allow', rule: 'reader: rec.strict' });
    }
  });

  it('[observe] still refuses what the top-level deny list forbids, strangers, and what is too large', async () => {
    const before = rec.of('tools/call').length;
    const [banned, missing] = await Promise.all(['rec__banned', 'rec__nonsuc'].map((name) => call(reader, name)));
    const plain = (answer: HttpAnswer | undefined, name: string): string =>
      (answer?.text ?? '').replace(name, 'X').replace(answer?.headers['sallyport-exchange'] ?? '', '');
    expect(plain(banned, 'rec__banned')).toBe(plain(missing, 'rec__nonsuc'));
    expect((await call('', 'rec__echo')).status).toBe(401);
    expect((await call(`${reader.slice(0, -1)}x`, 'rec__echo')).status).toBe(401);
    expect((await call(reader, 'rec__echo', { text: 'x'.repeat(70_000) })).status).toBe(413);
    expect(rec.of('tools/call').length).toBe(before);
    expect((await ask(reader, 'tools/list')).text).not.toContain('rec__banned');
  });

  it('[observe] keeps handles to their owners, and views to what they hold', async () => {
    const session = await LegacySession.open(gateway.url, { key: reader });
    const stolen = await fetch(gateway.url, {
      method: 'POST',
      headers: {
        ...session.headers(),
        authorization: `Bearer ${nothing}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
      body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
    });
    expect(stolen.status).toBe(404);
    expect((await call(reader, 'rec__echo', {}, '/find')).text).toContain('Unknown');
    expect((await call(reader, 'call_tool', { name: 'rec__echo' }, '/find')).text).toContain('Unknown');
    // What is our own to answer is asked in the way that it knows, or not at all.
    expect((await call(reader, 'call_tool', { name: 7 }, '/find')).text).toContain('bad-arguments');
    expect(passed(await call(reader, 'call_tool', { name: 'rec__delete' }, '/find'))).toBe(true);
  });

  it('[observe] lists everything that no top-level denial forbids', async () => {
    const { result } = (await ask(nothing, 'tools/list')).response ?? {};
    const names = ((result ?? {})['tools'] as { name: string }[]).map(({ name }) => name);
    expect(names).toEqual([
      ...['echo', 'read', 'delete', 'strict'].map((name) => `rec__${name}`),
      ...['echo', 'read', 'delete', 'banned', 'strict'].map((name) => `hid__${name}`),
    ]);
    // Lists are not refused to anybody, so there is nothing to record about each tool.
    expect((await recordsOf(await ask(nothing, 'tools/list'))).map(({ decision }) => decision)).toEqual([
      { effect: 'allow' },
    ]);
  });

  it('[observe] says so in metrics, status and check, and in its output', async () => {
    expect(await metric('sallyport_observing')).toBe(1);
    const name = 'sallyport_would_refuse_total{stage="authorize",reason="forbidden",server="rec"}';
    const before = await metric(name);
    await call(reader, 'rec__delete');
    expect(await metric(name)).toBe(before + 1);
    expect(gateway.stdout()).toContain('OBSERVING');
    expect(gateway.stderr()).toContain('mode: observe');
    const status = await runSallyport(['status', '-c', gateway.configPath], gateway.dir);
    expect(status.stdout).toMatch(/OBSERVING[^]*would have been refused/);
    const facts = JSON.parse(
      (await runSallyport(['status', '--json', '-c', gateway.configPath], gateway.dir)).stdout,
    ) as object;
    expect(facts).toMatchObject({ mode: 'observe', views: [{ name: 'staff' }, { name: 'find', mode: 'search' }] });
    expect((await runSallyport(['check', '-c', gateway.configPath], gateway.dir)).stdout).toContain('OBSERVING');
  });

  it('[observe] tells what enforcing would break, by role and tool', async () => {
    await call(reader, 'rec__delete');
    const search = ['audit', 'search', '--would-refuse', '-c', gateway.configPath];
    const { stdout } = await runSallyport([...search, '--count', '--json'], gateway.dir);
    const groups = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(groups).toContainEqual({
      count: expect.any(Number),
      roles: ['reader'],
      target: 'rec.delete',
      reason: 'forbidden',
      callers: ['key:reader'],
      callerCount: 1,
    });
    expect(JSON.stringify(groups)).not.toContain('"allow"');
    const shown = await runSallyport([...search, '--target', 'rec.delete'], gateway.dir);
    expect(shown.stdout).toContain('would refuse: not allowed: role reader');
    const id = (await call(reader, 'rec__delete')).headers['sallyport-exchange'] ?? '';
    const told = await waitFor(
      async () => {
        const { stdout: text } = await runSallyport(['explain', id, '-c', gateway.configPath], gateway.dir);
        return text.includes('reply') ? text : undefined;
      },
      { what: 'the record' },
    );
    expect(told).toContain('only observed, would refuse: not allowed: role reader');
    expect(told).toContain("add 'rec.delete' to tools of role reader");
  });

  it('[observe] enforces within a second once the file says so', async () => {
    const text = await readFile(gateway.configPath, 'utf8');
    await writeFile(gateway.configPath, text.replace('"observe"', '"enforce"'));
    await waitFor(async () => (await call(reader, 'rec__delete')).text.includes('Unknown'), { what: 'the reload' });
    const answer = await call(reader, 'rec__delete');
    expect((await recordsOf(answer)).at(-1)).toMatchObject({ kind: 'refusal', decision: { effect: 'deny' } });
    expect(await metric('sallyport_observing')).toBe(0);
    expect(gateway.stderr()).toContain('mode: enforce: policy refuses again');
    await writeFile(gateway.configPath, text);
    await waitFor(async () => passed(await call(reader, 'rec__delete')), { what: 'the reload' });
  });
});
