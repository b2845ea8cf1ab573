/**
 * The hosts of the corpus, at each place where a URL comes from a document, a redirect or a caller. A case holds when
 * nothing but public addresses is dialled for it.
 */
import { join } from 'node:path';
import { readJsonl } from '@sallyport/testkit';
import { answerOf, openStage, type Stage } from './ssrf-stage.ts';

/** One row of the corpus. */
export interface HostCase {
  readonly url: string;
  readonly technique: string;
  readonly target: string;
  readonly expect: 'deny' | 'deny-after-dns' | 'deny-on-hop' | 'deny-at-connect' | 'allow';
}

/** The rows of the corpus. */
export const readHosts = (folder: string): readonly HostCase[] => readJsonl<HostCase>(join(folder, 'hosts.jsonl'));

/** What the table of a resolver says of names that lead inside. */
const answers = new Map([
  ['loopback', ['127.0.0.1']],
  ['metadata', ['169.254.169.254']],
  ['private', ['10.0.0.1']],
  ['metadata rebind', ['169.254.169.254', '1.2.3.4']],
  ['loopback rebind', ['127.0.0.1', '1.1.1.1']],
]);
const PUBLIC = '93.184.215.14';
const FRONT = 'front.example.com';

/** How the cases of one place came out. */
export interface PlaceResult {
  readonly place: string;
  readonly cases: number;
  /** Cases without an answer and without a dial that is not public. */
  readonly refused: number;
  readonly trapped: number;
  /** Requests that reached the public server although the case was to be refused. */
  readonly answered: readonly string[];
}

const bare = (hostname: string): string => hostname.replace(/^\[|\]$/g, '');
const asSpelled = (address: string): string =>
  address.includes(':') ? bare(new URL(`http://[${address}]`).hostname) : address;

/** Opens a stage where only the controls of the corpus are public. */
export const openHosts = (hosts: readonly HostCase[], more: { allow?: readonly string[] } = {}): Promise<Stage> => {
  const controls = hosts.filter(({ expect }) => expect === 'allow').map(({ url }) => bare(new URL(url).hostname));
  const open = new Set([...controls, PUBLIC]);
  const inside = new Map(
    hosts
      .filter(({ expect }) => expect === 'deny-after-dns')
      .map(({ url, target }) => [new URL(url).hostname, answers.get(target) ?? []]),
  );
  const locations = hosts.map(({ url, target }) => (url === 'redirect-chain' ? target : url));
  return openStage({
    names: [...controls, FRONT],
    isPublic: (address) => open.has(asSpelled(address)),
    // Whatever nobody knows leads to this machine.
    lookup: (name) =>
      Promise.resolve(inside.get(name) ?? (controls.includes(name) || name === FRONT ? [PUBLIC] : ['127.0.0.1'])),
    answer: ({ path }) => {
      const [, kind = '', status = '302', index = ''] = path.split('/');
      if (kind !== 'to') return answerOf(200);
      const location = locations[Number(index)] ?? '';
      const spelled = path.endsWith('/secure') ? secure(location) : location;
      return Buffer.from(answerOf(Number(status), { location: spelled })).toString('latin1');
    },
    ...more,
  });
};

/** The same host, asked in the only scheme that is allowed from outside. */
const secure = (url: string): string => url.replace(/^http:/i, 'https:');

/** One way to bring a URL to us. */
interface Place {
  readonly name: string;
  readonly allow?: readonly string[];
  ask(stage: Stage, host: HostCase, index: number): Promise<{ readonly kind: string }>;
}

/** What is to be connected to: rows about redirects hold it as their target. */
export const urlOf = (host: HostCase): string => (host.url === 'redirect-chain' ? host.target : host.url);
const hop = (index: number, status: number, ending = ''): string => `https://${FRONT}/to/${status}/${index}${ending}`;
const statusOf = (host: HostCase): number => Number(/^redirect-(\d+)$/.exec(host.technique)?.[1] ?? 302);

/** Each place, with each host as it is written, and with the scheme that does not refuse it by itself. */
export const places: readonly Place[] = [
  { name: 'document', ask: (stage, host) => stage.egress.request({ url: urlOf(host), trust: 'outside' }) },
  {
    name: 'document, over https',
    ask: (stage, host) => stage.egress.request({ url: secure(urlOf(host)), trust: 'outside' }),
  },
  {
    name: 'document, where a range is allowed',
    allow: ['10.77.0.0/16'],
    ask: (stage, host) => stage.egress.request({ url: urlOf(host), trust: 'outside', maxRedirects: 3 }),
  },
  {
    name: "redirect of an operator's URL",
    ask: (stage, host, index) =>
      stage.egress.request({ url: hop(index, statusOf(host)), trust: 'operator', maxRedirects: 5 }),
  },
  {
    name: "redirect of an operator's URL, over https",
    ask: (stage, host, index) =>
      stage.egress.request({ url: hop(index, statusOf(host), '/secure'), trust: 'operator', maxRedirects: 5 }),
  },
  {
    name: 'redirect of a document, over https, where a range is allowed',
    allow: ['10.77.0.0/16'],
    ask: (stage, host, index) =>
      stage.egress.request({ url: hop(index, statusOf(host), '/secure'), trust: 'outside', maxRedirects: 5 }),
  },
];

/** Brings each host that is to be refused to one place. */
export async function runPlace(hosts: readonly HostCase[], place: Place): Promise<PlaceResult> {
  const stage = await openHosts(hosts, place.allow === undefined ? {} : { allow: place.allow });
  const answered: string[] = [];
  let cases = 0;
  let refused = 0;
  try {
    for (const [index, host] of hosts.entries()) {
      if (host.expect === 'allow' || host.expect === 'deny-at-connect') continue;
      cases += 1;
      const before = stage.hidden().length;
      const outcome = await place.ask(stage, host, index);
      const isFault = outcome.kind === 'fault';
      if (!isFault) answered.push(urlOf(host));
      if (isFault && stage.hidden().length === before) refused += 1;
    }
    return { place: place.name, cases, refused, trapped: stage.trapped() + stage.hidden().length, answered };
  } finally {
    await stage.close();
  }
}

/** Asks each control directly and behind a redirect; returns those that were answered. */
export async function runControls(
  hosts: readonly HostCase[],
): Promise<{ cases: number; direct: number; behind: number }> {
  const stage = await openHosts(hosts);
  const result = { cases: 0, direct: 0, behind: 0 };
  try {
    for (const [index, host] of hosts.entries()) {
      if (host.expect !== 'allow') continue;
      result.cases += 1;
      const direct = await stage.egress.request({ url: host.url, trust: 'outside' });
      if (direct.kind === 'answer' && direct.status === 200) result.direct += 1;
      const behind = await stage.egress.request({ url: hop(index, 302), trust: 'outside', maxRedirects: 1 });
      if (behind.kind === 'answer' && behind.status === 200 && behind.url === new URL(host.url).href)
        result.behind += 1;
    }
    return result;
  } finally {
    await stage.close();
  }
}
