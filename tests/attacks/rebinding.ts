/** Names whose addresses change between two looks: public ones first, private ones when it counts. */
import { answerOf, openStage } from './ssrf-stage.ts';

const PUBLIC = '93.184.215.14';
const PRIVATE = ['127.0.0.1', '10.0.0.1', '169.254.169.254', '::1', '::ffff:192.168.0.1', 'fd00::1', '0.0.0.0'];

/** What came of a run. */
export interface RebindingResult {
  /** Answers that the resolver gave. */
  readonly looks: number;
  readonly requests: number;
  readonly answered: number;
  readonly refused: number;
  /** Connects to an address that is not public. */
  readonly inside: number;
  /** Requests that reached the public server over a connection that was opened under another name. */
  readonly crossed: number;
}

/**
 * Asks until the resolver was asked `looks` times. Its answers alternate: public, private, both. Some connections are
 * kept open between, some requests are redirected to the name itself, and two names share each address.
 */
export async function runRebinding(looks: number): Promise<RebindingResult> {
  let count = 0;
  const names = ['one.example.com', 'two.example.com'];
  const stage = await openStage({
    names,
    isPublic: (address) => address === PUBLIC,
    lookup: () => {
      count += 1;
      const inside = PRIVATE[count % PRIVATE.length] ?? '127.0.0.1';
      return Promise.resolve(count % 3 === 0 ? [PUBLIC, inside] : count % 2 === 0 ? [inside] : [PUBLIC]);
    },
    answer: ({ host, path }) => {
      if (path.startsWith('/again')) return answerOf(302, { location: `https://${host}/` });
      return answerOf(200, {}, !path.startsWith('/kept'));
    },
  });
  const result = { requests: 0, answered: 0, refused: 0, crossed: 0 };
  try {
    for (;;) {
      if (count >= looks) break;
      const name = names[result.requests % 2] ?? '';
      const path = ['', 'again', 'kept'][result.requests % 3] ?? '';
      const before = stage.asked.length;
      const outcome = await stage.egress.request({ url: `https://${name}/${path}`, trust: 'outside', maxRedirects: 2 });
      result.requests += 1;
      if (outcome.kind === 'answer') result.answered += 1;
      else result.refused += 1;
      if (stage.asked.slice(before).some(({ host }) => host !== name)) result.crossed += 1;
    }
    return { looks: count, ...result, inside: stage.trapped() + stage.hidden().length };
  } finally {
    await stage.close();
  }
}
