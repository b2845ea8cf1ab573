// The corpus of tokens at the MCP endpoint of a real gateway whose clock stands still and whose connections are watched.
import { join } from 'node:path';
import { corpusOrSkip, postModern, readAudit } from '@sallyport/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTokenBench, readTokens, type TokenBench } from './jwt-corpus.ts';
import { tokenDecisions } from './jwt.policy.ts';

const corpus = corpusOrSkip('jwt');
const cases = corpus.isHere ? readTokens(corpus.path) : [];
const accepted = cases.filter((each) => each.expect === 'accept');
const rejected = cases.filter((each) => each.expect === 'reject');
const open = cases.filter((each) => each.expect !== 'accept' && each.expect !== 'reject');
/** Longer than any head may be. */
const long = rejected.filter(({ token }) => token.length > 16_000);
/** A line break ends a header, so no client can send this one; what comes of trying is another matter. */
const broken = rejected.filter(({ token }) => token.includes('\n'));
const plain = rejected.filter((each) => !long.includes(each) && !broken.includes(each));

let bench: TokenBench;

beforeAll(async () => {
  if (corpus.isHere) bench = await openTokenBench(corpus.path);
}, 60_000);

afterAll(async () => {
  await bench?.stop();
}, 60_000);

const statusOf = async (token: string) => (await bench.send(token)).response?.status;

const callTool = (token: string, name: string) =>
  postModern(bench.gateway.url, { method: 'tools/call', params: { name, arguments: {} }, key: token });

describe.skipIf(!corpus.isHere)('tokens of the corpus', () => {
  it('[jwt] are 242: 4 good, 224 bad, 14 to be decided, each of which docs/tokens.md decides', () => {
    expect(cases).toHaveLength(242);
    expect([accepted.length, rejected.length, open.length]).toEqual([4, 224, 14]);
    expect([plain.length, broken.length, long.length]).toEqual([217, 1, 6]);
    expect(Object.keys(tokenDecisions).sort()).toEqual(open.map(({ id }) => id).sort());
  });

  it.each(accepted)('[jwt] lets $id in', async ({ token }) => {
    expect(await statusOf(token)).toBe(200);
    const answer = await callTool(token, 'rec__echo');
    expect(answer.response?.result?.['isError'] ?? false).toBe(false);
  });

  it.each(long)('[jwt] answers 431 to $id', async ({ token }) => {
    expect(await statusOf(token)).toBe(431);
  });

  it.each(broken)(
    '[jwt] takes no request from $id, and answers 401 where other white space stands for the break',
    async ({ token }) => {
      expect(await statusOf(token)).toBe(400);
      for (const stand of [' ', '\t', '\u00a0', '\u0085'])
        expect(await statusOf(token.replaceAll('\n', stand))).toBe(401);
    },
  );

  it.each(plain)('[jwt] answers 401 with a challenge to $id', async ({ token }) => {
    const { response } = await bench.send(token);
    expect(response?.status).toBe(401);
    expect(response?.headers['www-authenticate']).toMatch(/^Bearer realm="sallyport"/);
    expect(response?.body).not.toMatch(/jwt|claim|signature|issuer|at [a-z]+ \(/i);
  });

  it.each(open)('[jwt] answers as docs/tokens.md says to $id', async ({ id, token }) => {
    expect(await statusOf(token)).toBe(tokenDecisions[id]?.status);
    const answer = await callTool(token, 'rec__drop');
    expect(answer.status === 401 || answer.response?.error !== undefined, 'no right of an administrator').toBe(true);
  });

  it('[jwt] caused no connection and no look-up of a name, and nothing reached the upstream', async () => {
    // The watching works: the gateway has looked for one that may run already.
    expect(bench.before.length).toBeGreaterThan(0);
    expect(await bench.connections()).toEqual(bench.before);
    expect(bench.upstream.of('tools/call').map(({ name }) => name)).toEqual(accepted.map(() => 'echo'));
  });

  it('[jwt] names person and program in the records, and writes no token down', async () => {
    const { gateway } = bench;
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
