// Row 4.5: the hosts of the corpus at each place that brings a URL, and a thousand answers of a resolver that lies.
import { corpusOrSkip } from '@sallyport/testkit';
import { runRebinding } from '../attacks/rebinding.ts';
import { failuresOf, runTestFiles } from './test-files.ts';
import type { Prove } from './result.ts';
import { places, readHosts, runControls, runPlace } from '../attacks/ssrf.ts';
import { runUpstreams } from '../attacks/ssrf-upstreams.ts';

/** Cases that need a resolver of their own; each is a test. */
const atConnect = 8;
const answers = 1000;

export const prove: Prove = async () => {
  const corpus = corpusOrSkip('ssrf');
  if (!corpus.isHere) return { figure: corpus.skip, isMet: false };
  const hosts = readHosts(corpus.path);
  const rows: { place: string; cases: number; refused: number; inside: number }[] = [];
  for (const place of places) {
    const { cases, refused, trapped } = await runPlace(hosts, place);
    rows.push({ place: place.name, cases, refused, inside: trapped });
  }
  for (const place of ['endpoint event', 'redirect of a message', 'redirect of an upgrade'] as const) {
    const { cases, refused, elsewhere } = await runUpstreams(hosts, place);
    rows.push({ place: `${place} of a server`, cases, refused, inside: elsewhere.length });
  }
  const controls = await runControls(hosts);
  const rebinding = await runRebinding(answers);
  const outcomes = await runTestFiles('tests/attacks/ssrf.test.ts');
  const judged = outcomes.filter(({ title }) => title.includes('is judged when it is connected to'));
  const connected = judged.filter(({ isPassed }) => isPassed).length;
  const inside = rows.reduce((sum, row) => sum + row.inside, 0);
  const fewest = Math.min(...rows.map(({ refused }) => refused)) + connected;
  const all = 648 + atConnect;
  return {
    figure:
      `${fewest} of ${all} hosts refused at each of ${rows.length} places, ${inside} connects inside; ` +
      `${Math.min(controls.direct, controls.behind)} of 30 controls reached; ` +
      `${rebinding.looks.toLocaleString('en')} answers of a resolver that lies: ${rebinding.inside} connects inside`,
    isMet:
      fewest === all &&
      rows.every(({ cases }) => cases === 648) &&
      inside === 0 &&
      judged.length === atConnect &&
      controls.direct === 30 &&
      controls.behind === 30 &&
      rebinding.inside === 0 &&
      rebinding.crossed === 0 &&
      rebinding.looks >= answers &&
      outcomes.every(({ isPassed }) => isPassed),
    details: [
      ...rows.map(
        ({ place, cases, refused, inside: bad }) => `${place}: ${refused} of ${cases} refused, ${bad} inside`,
      ),
      `a resolver that lies: ${rebinding.requests} requests, ${rebinding.answered} answered, ${rebinding.refused} refused`,
      ...failuresOf(outcomes),
    ],
  };
};
