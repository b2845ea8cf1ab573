/**
 * What becomes of each part of the protocol where a caller and a server speak different eras: carried, changed, dropped
 * or refused, and what proves it. docs/bridging.md is made from this table, and a test holds it against the tests.
 */
import type { RefusalName } from '@sallyport/guard';
import type { Era } from '@sallyport/protocol';

/** What becomes of a part of the protocol on its way between the eras. */
export type Fate =
  /** It works, in the other era's form. */
  | 'carried'
  /** It is left out, because the other side has no place for it and nothing is lost that somebody waits for. */
  | 'dropped'
  /** The caller is told that it cannot be had. */
  | 'refused';

/** One part of the protocol between two eras. */
export interface Bridging {
  readonly what: string;
  /** Era of the caller. */
  readonly from: Era;
  /** Era of the server. */
  readonly to: Era;
  readonly fate: Fate;
  /** How, or why not. */
  readonly how: string;
  /** The row of the table of refusals that the caller gets, where it can be refused. */
  readonly refusal?: RefusalName;
  /** A test that shows it: file from the root, and a part of its title. */
  readonly test: readonly [file: string, title: string];
}

const invoke = (file: string, title: string): Bridging['test'] => [
  `packages/gateway/src/invoke/${file}.test.ts`,
  title,
];
const eras = (file: string, title: string): Bridging['test'] => [`packages/protocol/src/eras/${file}.test.ts`, title];
const conformance: Bridging['test'] = [
  'tests/conformance/cross-era.test.ts',
  'fails the checks that the baseline explains',
];

const legacyToModern = { from: 'legacy', to: 'modern' } as const;
const modernToLegacy = { from: 'modern', to: 'legacy' } as const;

/** Every part, legacy callers first. */
export const bridgings: readonly Bridging[] = [
  {
    what: 'initialize, initialized, ping',
    ...legacyToModern,
    fate: 'carried',
    how: 'Answered here from what the servers said of themselves; the session belongs to the caller and its door.',
    test: invoke('handshake', 'begins a session of the caller at this path'),
  },
  {
    what: 'requests',
    ...legacyToModern,
    fate: 'carried',
    how: 'Get the envelope: revision, our name, what the caller declared as far as `ask` allows, the log level.',
    test: invoke('params', 'get an envelope of our own on the way from a legacy caller'),
  },
  {
    what: 'results',
    ...legacyToModern,
    fate: 'carried',
    how: 'Without resultType, cache hints and reserved `_meta`; structured content that is no object becomes `{"result": …}`.',
    test: eras('results', 'takes out what only modern results have'),
  },
  {
    what: 'a resource that is not there',
    ...legacyToModern,
    fate: 'carried',
    how: '-32602 with `data.uri` becomes -32002.',
    test: eras('errors', 'turns a missing resource into the code of the other era'),
  },
  {
    what: 'questions (elicitation, sampling, roots)',
    ...legacyToModern,
    fate: 'carried',
    how: '`input_required` becomes requests of ours on the call’s own stream, at most 16 at once, in at most 10 rounds; the answers go back with the next try.',
    test: invoke('rounds', 'has its questions put on the call’s own stream'),
  },
  {
    what: 'questions that `ask` does not allow or the caller did not declare',
    ...legacyToModern,
    fate: 'refused',
    how: 'All questions of a round are judged before the first is asked.',
    refusal: 'cannot-ask',
    test: invoke('rounds', 'and nothing is asked'),
  },
  {
    what: 'elicitation by URL',
    ...legacyToModern,
    fate: 'carried',
    how: 'The page gets an elicitation id of ours, and the caller hears of its completion once the server’s next answer is a result: later than the visit.',
    test: invoke('rounds', 'that wants a page visited has it named by an id of ours'),
  },
  {
    what: 'an error as answer to sampling or roots',
    ...legacyToModern,
    fate: 'refused',
    how: 'A modern server cannot be told of it, so the call ends. An error to an elicitation becomes `cancel`.',
    refusal: 'unbridgeable',
    test: invoke('rounds', 'hears of an error as a cancelled form'),
  },
  {
    what: 'a server that asks again and again',
    ...legacyToModern,
    fate: 'refused',
    how: 'After 10 rounds. One that only wants to be tried again is given growing time between tries.',
    refusal: 'unbridgeable',
    test: invoke('rounds', 'may ask only so often'),
  },
  {
    what: 'a missing client capability (-32021)',
    ...legacyToModern,
    fate: 'refused',
    how: 'It speaks about our request, so the caller reads what it did not declare or `ask` does not allow.',
    refusal: 'cannot-ask',
    test: invoke('answer', 'that we kept from the server is a refusal of ours, in either era'),
  },
  {
    what: 'resources/subscribe and unsubscribe',
    ...legacyToModern,
    fate: 'carried',
    how: 'One listen stream for all that is wanted of a server; a wider one is open before the narrower ends; answered once the server has acknowledged the resource.',
    test: invoke('subscriptions', 'a legacy caller subscribes at a modern server'),
  },
  {
    what: 'a subscription that the server does not acknowledge',
    ...legacyToModern,
    fate: 'refused',
    how: 'Nothing is promised that the server has not.',
    refusal: 'unbridgeable',
    test: invoke('subscriptions', 'a legacy caller is refused what a modern server does not confirm'),
  },
  {
    what: 'changed lists',
    ...legacyToModern,
    fate: 'carried',
    how: 'We listen once for each server; sessions hear of it on their GET stream.',
    test: invoke('subscriptions', 'is told to sessions whose path leads to the server'),
  },
  {
    what: 'logging/setLevel',
    ...legacyToModern,
    fate: 'carried',
    how: 'Kept with the session and sent as `logLevel` with each request; `info` before a level is set, because the older revision lets the server choose.',
    test: invoke('params', 'get an envelope of our own on the way from a legacy caller'),
  },
  {
    what: 'notifications/cancelled',
    ...legacyToModern,
    fate: 'carried',
    how: 'Ends the request upstream. A connection that breaks does not: the older revision lets callers resume.',
    test: invoke('notices', 'cancels the call of its own conversation with that id'),
  },
  {
    what: 'notifications/roots/list_changed',
    ...legacyToModern,
    fate: 'dropped',
    how: 'A modern server asks for roots whenever it needs them.',
    test: invoke('notices', 'is the only notification that does anything'),
  },
  {
    what: 'core tasks (`task` parameter, tasks/get, tasks/result, tasks/cancel)',
    ...legacyToModern,
    fate: 'dropped',
    how: 'Not offered. The parameter is taken out, and the call runs as a plain one.',
    test: eras('params', 'takes out what means something in the other era only'),
  },
  {
    what: 'a tool that runs as a task only',
    ...legacyToModern,
    fate: 'refused',
    how: 'The server demands the tasks extension, which a legacy caller cannot declare.',
    refusal: 'unbridgeable',
    test: invoke('answer', 'that is the tasks extension cannot be had by a legacy caller'),
  },
  {
    what: 'batches (2025-03-26)',
    ...legacyToModern,
    fate: 'refused',
    how: 'One message at a time, whatever the server speaks.',
    refusal: 'invalid-request',
    test: ['packages/protocol/src/read-message.test.ts', "['batch', -32600"],
  },
  {
    what: 'server/discover',
    ...modernToLegacy,
    fate: 'carried',
    how: 'Answered here from what the servers said at initialize, for this caller only.',
    test: invoke('handshake', 'tells a modern caller all revisions'),
  },
  {
    what: 'requests',
    ...modernToLegacy,
    fate: 'carried',
    how: 'Without the envelope, over a session that is opened for the caller (`share`) and for what it declares, so that no caller’s capabilities are taken for another’s.',
    test: eras('params', 'takes the envelope out and keeps the rest as written'),
  },
  {
    what: 'results',
    ...modernToLegacy,
    fate: 'carried',
    how: 'Get resultType, `ttlMs: 0`, `cacheScope: private` and the server’s name.',
    test: eras('results', 'says that the result is complete'),
  },
  {
    what: 'a resource that is not there',
    ...modernToLegacy,
    fate: 'carried',
    how: '-32002 becomes -32602 with `data.uri`.',
    test: eras('errors', 'turns a missing resource into the code of the other era'),
  },
  {
    what: 'questions (elicitation, sampling, roots)',
    ...modernToLegacy,
    fate: 'carried',
    how: 'The call waits upstream and the caller gets `input_required`; its next try goes on with the very same call. At most 8 waiting calls of one caller, 256 in all, each round at most 15 minutes.',
    test: invoke('parking', 'has its call parked: the caller gets the question'),
  },
  {
    what: 'keys of questions',
    ...modernToLegacy,
    fate: 'dropped',
    how: 'Legacy questions have no key, so they are called `q1`, `q2`, …',
    test: conformance,
  },
  {
    what: 'the next try of a call that does not wait any more',
    ...modernToLegacy,
    fate: 'refused',
    how: 'Its time is over, the process was restarted, or it was answered already. It is never run again.',
    refusal: 'bad-handle',
    test: invoke('parking', 'never has a call run again that is not parked any more'),
  },
  {
    what: 'questions that `ask` does not allow or the caller did not declare',
    ...modernToLegacy,
    fate: 'refused',
    how: 'The server is answered -32601 and decides how its call ends.',
    test: invoke('parking', 'is told that nobody can be asked for'),
  },
  {
    what: 'questions outside of a call, or that could belong to two calls',
    ...modernToLegacy,
    fate: 'refused',
    how: 'The server is answered -32601. On stdio and on a GET stream a question names no call, so it is carried only while one call that can ask is in flight. While a call waits for its answer, further ones of the same caller get a conversation beside it, eight at most.',
    test: [
      'packages/gateway/src/upstreams/attribution.test.ts',
      'belongs to the one interactive call of a conversation',
    ],
  },
  {
    what: 'pages that have to be visited first (-32042)',
    ...modernToLegacy,
    fate: 'carried',
    how: 'Become `input_required` with URL elicitations; the next try begins the call again once the caller has agreed to all.',
    test: invoke('parking', 'have the call begun again once the caller has agreed'),
  },
  {
    what: 'a missing client capability (-32021)',
    ...modernToLegacy,
    fate: 'dropped',
    how: 'A legacy server has no such error: it knows what was declared and answers in its own words.',
    test: conformance,
  },
  {
    what: 'notifications/elicitation/complete',
    ...modernToLegacy,
    fate: 'dropped',
    how: 'Modern callers have no such notification; their next try finds out.',
    test: invoke('relay', 'is nothing but progress and logs for a modern caller'),
  },
  {
    what: 'subscriptions/listen: resources',
    ...modernToLegacy,
    fate: 'carried',
    how: 'resources/subscribe once for all who want it, made again when the session is opened anew; acknowledged is only what the server confirmed. Each that nobody listens to yet costs the caller, its grant and the server what a resources/subscribe would; what they cannot pay is not acknowledged.',
    test: invoke('subscriptions', 'a modern caller listens at a legacy server'),
  },
  {
    what: 'subscriptions/listen: lists',
    ...modernToLegacy,
    fate: 'carried',
    how: 'Under the subscription’s id; what was not asked for is swallowed.',
    test: invoke('subscriptions', 'is told first what was honoured'),
  },
  {
    what: 'logLevel',
    ...modernToLegacy,
    fate: 'carried',
    how: 'The most verbose that anybody of the session wanted is set upstream; each request hears from its own level on. Logs that belong to no request are dropped.',
    test: invoke('subscriptions', 'tells a legacy server what a modern request asks for'),
  },
  {
    what: 'progress',
    ...modernToLegacy,
    fate: 'carried',
    how: 'Under the caller’s own token; after a question, under that of its newest try.',
    test: invoke('parking', 'is heard by whoever of the same caller waits now'),
  },
  {
    what: 'closing the connection',
    ...modernToLegacy,
    fate: 'carried',
    how: 'The server is sent notifications/cancelled, as also when a caller over stdio or WebSocket sends one. Between a question and the next try nothing is cancelled until its time is over.',
    test: invoke('parking', 'has its call cancelled upstream when the caller goes while it waits'),
  },
  {
    what: 'a stream that breaks upstream',
    ...modernToLegacy,
    fate: 'carried',
    how: 'Resumed with Last-Event-ID where the server names its events; the caller does not see it.',
    test: ['packages/gateway/src/upstreams/http/listening.test.ts', 'resumes after a break from the last event'],
  },
  {
    what: 'a stream that breaks at the caller',
    ...modernToLegacy,
    fate: 'dropped',
    how: 'Modern streams cannot be resumed: the caller sends the call again, and it may run twice.',
    test: invoke('parking', 'is not cancelled by a caller that has its question'),
  },
  {
    what: 'the tasks extension',
    ...modernToLegacy,
    fate: 'dropped',
    how: 'Not offered for a legacy server; calls run as plain ones, and a `task` parameter is taken out.',
    test: invoke('tasks', 'is not begun for a modern caller'),
  },
  {
    what: 'a tool that runs as a task only',
    ...modernToLegacy,
    fate: 'carried',
    how: 'The task is begun for the caller and the call is held until it has ended, within `maxTime`; it is cancelled when nobody waits any more.',
    test: invoke('tasks', 'whose call is held until the task has ended'),
  },
  {
    what: 'what a server remembers of a conversation',
    ...modernToLegacy,
    fate: 'dropped',
    how: 'Modern requests name no conversation: all requests of a caller that declare the same share one (`share: caller`), which is renewed when it was idle.',
    test: ['packages/gateway/src/servers.test.ts', 'whose conversation a caller uses'],
  },
];
