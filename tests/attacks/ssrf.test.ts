/** No address that a document, redirect or caller names makes us connect inside; public ones are reached. */
import { setImmediate } from 'node:timers/promises';
import { corpusOrSkip } from '@sallyport/testkit';
import { describe, expect, it } from 'vitest';
import { runRebinding } from './rebinding.ts';
import { openHosts, places, readHosts, runControls, runPlace, type HostCase } from './ssrf.ts';
import { answerOf, openStage } from './ssrf-stage.ts';
import { runUpstreams } from './ssrf-upstreams.ts';

const corpus = corpusOrSkip('ssrf');
const hosts: readonly HostCase[] = corpus.isHere ? readHosts(corpus.path) : [];

describe.skipIf(!corpus.isHere)('the hosts of the corpus', () => {
  it('are all here: 648 to be refused as they are, 8 when they are connected to, 30 to be reached', () => {
    const count = (expected: HostCase['expect']): number => hosts.filter((host) => host.expect === expected).length;
    expect(
      ['deny', 'deny-after-dns', 'deny-on-hop', 'deny-at-connect', 'allow'].map((name) =>
        count(name as HostCase['expect']),
      ),
    ).toEqual([612, 11, 25, 8, 30]);
  });

  it.each(places.map((place) => [place.name, place] as const))(
    '[egress] are never connected to from a %s',
    async (_name, place) => {
      expect(await runPlace(hosts, place)).toEqual({
        place: place.name,
        cases: 648,
        refused: 648,
        trapped: 0,
        answered: [],
      });
    },
  );

  it.each(['endpoint event', 'redirect of a message', 'redirect of an upgrade'] as const)(
    "[egress] are never connected to from the %s of an operator's server",
    async (place) => {
      const { asked, ...result } = await runUpstreams(hosts, place);
      expect(result).toEqual({ cases: 648, refused: 648, elsewhere: [] });
      expect(asked).toBeGreaterThanOrEqual(648);
    },
  );

  it('[egress] are reached where they are public, directly and behind a redirect', async () => {
    expect(await runControls(hosts)).toEqual({ cases: 30, direct: 30, behind: 30 });
  });

  it('are connected to as written where an operator wrote them, so that this test would see it', async () => {
    const stage = await openHosts(hosts);
    let dialled = 0;
    for (const { url, expect: expected } of hosts) {
      if (expected !== 'deny' || !URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) continue;
      if (new URL(url).username !== '') continue;
      const before = stage.hidden().length;
      await stage.egress.request({ url, trust: 'operator' });
      if (stage.hidden().length > before) dialled += 1;
    }
    expect(dialled).toBeGreaterThan(500);
    expect(stage.trapped()).toBeGreaterThan(500);
    await stage.close();
  });
});

describe('a name whose addresses change', () => {
  const open = (answers: readonly (readonly string[] | Error)[], isKept = false) => {
    let count = 0;
    return openStage({
      names: ['name.example.com', 'other.example.com'],
      isPublic: (address) => address === '93.184.215.14',
      lookup: (name) => {
        if (name === 'other.example.com') return Promise.resolve(['127.0.0.1']);
        const answer = answers[Math.min(count, answers.length - 1)] ?? [];
        count += 1;
        return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
      },
      answer: () => answerOf(200, {}, !isKept),
    });
  };
  const PUBLIC = '93.184.215.14';
  const unknown = Object.assign(new Error('not found'), { code: 'ENOTFOUND' });
  const ask = (stage: Awaited<ReturnType<typeof open>>, name = 'name.example.com') =>
    stage.egress.request({ url: `https://${name}/`, trust: 'outside' });

  it.each<[string, readonly (readonly string[] | Error)[], readonly string[]]>([
    ['public first, then loopback', [[PUBLIC], ['127.0.0.1']], ['answer', 'address']],
    ['public and loopback together', [[PUBLIC, '::1']], ['address']],
    ['an alias of localhost', [['127.0.0.1', '::1']], ['address']],
    ['the unspecified address', [['0.0.0.0']], ['address']],
    ['loopback as IPv6', [['::ffff:127.0.0.1']], ['address']],
    ['the metadata of a cloud', [['169.254.169.254']], ['address']],
    ['nothing, then a name of the network', [unknown, ['10.0.0.9']], ['name', 'address']],
    ['no address at all', [[]], ['name']],
  ])('[egress] is judged when it is connected to: %s', async (_what, answers, expected) => {
    const stage = await open(answers);
    const outcomes: string[] = [];
    for (const _ of expected) {
      const outcome = await ask(stage);
      outcomes.push(outcome.kind === 'answer' ? 'answer' : outcome.reason);
    }
    expect(outcomes).toEqual(expected);
    expect([stage.trapped(), stage.hidden()]).toEqual([0, []]);
    await stage.close();
  });

  it('[egress] keeps its open connection to itself: neither another name nor another trust uses it', async () => {
    const stage = await open([[PUBLIC], ['127.0.0.1']], true);
    expect(await ask(stage)).toMatchObject({ kind: 'answer' });
    // A connection is free again one turn of the event loop after its answer.
    await setImmediate();
    expect(await ask(stage, 'other.example.com')).toMatchObject({ reason: 'address' });
    // The connection that was judged is still the public one.
    expect(await ask(stage)).toMatchObject({ kind: 'answer' });
    expect(stage.dialled).toEqual([`${PUBLIC} 443`]);
    expect([stage.trapped(), stage.hidden()]).toEqual([0, []]);
    const trusted = await stage.egress.request({ url: 'https://name.example.com/', trust: 'operator' });
    expect(trusted.kind).toBe('fault');
    expect(stage.hidden()).toEqual(['127.0.0.1 443']);
    await stage.close();
  });

  it('[egress] never leads inside, however often it changes', async () => {
    const result = await runRebinding(200);
    expect(result).toMatchObject({ inside: 0, crossed: 0 });
    expect(result.looks).toBeGreaterThanOrEqual(200);
    expect(result.answered).toBeGreaterThan(30);
    expect(result.refused).toBeGreaterThan(30);
  });
});
