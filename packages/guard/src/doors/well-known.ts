/**
 * Metadata documents of the protected resources behind the doors (RFC 9728 §3): public, cacheable, the same for everybody
 * who asks, whatever Host or Origin they name. Made of the rules alone.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CallerStream, HttpHead } from '../exchange.ts';
import { METADATA_PATH, metadataOf } from '../identity/resource.ts';
import { endExchange } from '../pipeline.ts';
import { refuse, type Refusal } from '../refusals.ts';
import type { ResourceRules, Rules } from '../rules.ts';
import { judgeHost } from '../stages/receive.ts';
import { endWhenSpent } from './pace.ts';
import { readHead, receiveRequest, type Arrival, type HttpContext } from './request.ts';
import { publicHeadersUnder } from './security-headers.ts';

/** The document at the root is that of all servers, for clients that look nowhere else. */
const documentPath = new RegExp(`^${METADATA_PATH}(?:/mcp(?:/([a-z][a-z0-9-]{0,23}))?)?$`);

/** Seconds for which a document may be kept. */
const maxAge = 300;

/** True for targets that this door answers; where no tokens are accepted it is not there. */
export function wantsMetadata(target: string, { resource }: Pick<Rules, 'resource'>): boolean {
  return resource !== undefined && target.startsWith(METADATA_PATH);
}

/** Answers a request for a metadata document. */
export async function serveMetadata(
  request: IncomingMessage,
  response: ServerResponse,
  rules: Rules,
  context: HttpContext,
): Promise<void> {
  const head = readHead(request, arrival);
  const exchange = receiveRequest(request, arrival, head, rules, silent, context);
  const charge = context.ports.buckets.take(`address:${exchange.address}`, rules.limits.perAddress);
  const judged = charge.isAllowed
    ? judge(head, rules)
    : refuse('address-limited', { retryAfterMs: charge.retryAfterMs });
  if (judged instanceof Uint8Array) {
    send(response, head.method, judged, rules);
    return;
  }
  exchange.refusedAt = 'receive';
  const replied = await endExchange(Object.assign(exchange, { refusal: judged }), context.ports);
  endWhenSpent(request, response, replied, context);
  const { status, headers, body = new Uint8Array() } = replied.reply;
  // A listed origin is named already, and a browser takes no two answers.
  const open = headers.includes(readable[0]) ? [] : readable;
  response.writeHead(status, [...headers, ...open, 'Content-Length', String(body.length)]);
  response.end(body);
}

const arrival: Arrival = { door: 'http', path: { kind: 'all' } };
const silent: CallerStream = { isOpenable: false, open: () => undefined, send: () => undefined };

/** Any web page may read what is public anyway; nothing is said about credentials, so none are sent. */
const readable = ['Access-Control-Allow-Origin', '*'] as const;

function judge(head: HttpHead, rules: Rules): Uint8Array | Refusal {
  const refused = judgeHost(head, rules);
  if (refused !== undefined) return refused;
  const found = documentPath.exec(head.target);
  const document = found === null ? undefined : documentOf(rules.resource, found[1]);
  if (document === undefined) return refuse('no-such-path');
  return methods.has(head.method) ? document : refuse('method-not-allowed');
}

const methods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

const documents = new WeakMap<ResourceRules, Map<string | undefined, Uint8Array>>();

/** Documents are the same for as long as the rules are. Only those that exist are kept, so there are few. */
function documentOf(resource: ResourceRules | undefined, name: string | undefined): Uint8Array | undefined {
  if (resource === undefined) return undefined;
  let known = documents.get(resource);
  if (known === undefined) {
    known = new Map();
    documents.set(resource, known);
  }
  const kept = known.get(name);
  if (kept !== undefined) return kept;
  const metadata = metadataOf(resource, name);
  if (metadata === undefined) return undefined;
  const made = Buffer.from(JSON.stringify(metadata));
  known.set(name, made);
  return made;
}

function send(response: ServerResponse, method: string, document: Uint8Array, rules: Rules): void {
  const common = [...readable, ...publicHeadersUnder(rules)];
  if (method === 'OPTIONS') {
    const preflight = ['Access-Control-Allow-Methods', 'GET, HEAD', 'Access-Control-Allow-Headers', '*'];
    response.writeHead(204, [...common, ...preflight, 'Access-Control-Max-Age', String(maxAge)]);
    response.end();
    return;
  }
  const facts = ['Content-Type', 'application/json', 'Content-Length', String(document.length)];
  response.writeHead(200, [...common, ...facts, 'Cache-Control', `public, max-age=${maxAge}`]);
  response.end(method === 'HEAD' ? undefined : document);
}
