/**
 * Web pages beside the doors for callers: people's browsers come here, with nothing but a link. The pages themselves are
 * the product's; this file judges the request and makes sure of the headers.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Rules } from '../rules.ts';
import { senderOf } from '../addresses.ts';
import { readHead, type HttpContext } from './request.ts';
import { pageHeaders } from './security-headers.ts';
import { addressOf } from './standing.ts';

/** What a browser asks for. */
export interface PageRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly query: URLSearchParams;
  /** The Cookie header. */
  readonly cookie: string | undefined;
  /** What a form sent; undefined for GET. */
  readonly form: URLSearchParams | undefined;
}

/** What it gets. */
export interface PageAnswer {
  readonly status: number;
  /** Names and values in turn, besides those that every page has. */
  readonly headers: readonly string[];
  readonly body: string;
  /** Default HTML. */
  readonly type?: 'html' | 'json';
}

/** The pages of a product. */
export interface Pages {
  /** What all their paths begin with, so that no other request pays for them. */
  readonly prefix: string;
  /** True for paths that belong to pages, whether there is one or not. */
  owns(path: string): boolean;
  answer(request: PageRequest): Promise<PageAnswer>;
  /** `style-src` of all pages: digests of their style sheets, as a Content-Security-Policy has them. */
  readonly styles: readonly string[];
}

/** Largest form, bytes. */
const LONGEST_FORM = 16 * 1024;

/** The path of a request for pages; undefined for anything else. */
export function pagePathOf(request: IncomingMessage, pages: Pick<Pages, 'prefix' | 'owns'>): string | undefined {
  const target = request.url ?? '';
  if (!target.startsWith(pages.prefix)) return undefined;
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  return pages.owns(path) ? path : undefined;
}

/** Serves one request for a page. */
export async function servePage(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  pages: Pages,
  rules: Rules,
  context: HttpContext,
): Promise<void> {
  const answer = await judge(request, path, pages, rules, context);
  const body = Buffer.from(answer.body);
  if (!request.complete) response.shouldKeepAlive = false;
  const type = answer.type === 'json' ? 'application/json' : 'text/html; charset=utf-8';
  response.writeHead(answer.status, [
    ...answer.headers,
    ...['Content-Type', type],
    ...['Content-Length', String(body.length)],
    ...pageHeaders(rules, pages.styles),
  ]);
  response.end(body);
}

async function judge(
  request: IncomingMessage,
  path: string,
  pages: Pages,
  rules: Rules,
  context: HttpContext,
): Promise<PageAnswer> {
  const address = addressOf(request.socket, request.headers, rules);
  if (address === undefined) return plain(400, 'The proxies disagree about where this comes from.');
  const charge = context.ports.buckets.take(`address:${senderOf(address)}`, rules.limits.perAddress);
  if (!charge.isAllowed) {
    const seconds = Math.ceil((charge.retryAfterMs ?? 1000) / 1000);
    return plain(429, 'Too many requests from this address.', ['Retry-After', String(seconds)]);
  }
  const head = readHead(request, { door: 'http', path: { kind: 'all' } });
  const host = head.headers['host'];
  if (host === undefined || head.repeated.has('host') || !rules.hosts.has(host.toLowerCase())) {
    return plain(403, 'This host is not served here.');
  }
  const isForm = head.method === 'POST';
  if (!isForm && head.method !== 'GET') return plain(405, 'Not allowed here.', ['Allow', 'GET, POST']);
  if (isForm && !isOwnForm(head.headers, rules)) return plain(403, 'This form was not sent by a page of this gateway.');
  const target = head.target;
  const mark = target.indexOf('?');
  const form = isForm ? await readForm(request) : undefined;
  if (isForm && form === undefined) return plain(400, 'The form cannot be read.');
  return pages.answer({
    method: isForm ? 'POST' : 'GET',
    path,
    query: new URLSearchParams(mark === -1 ? '' : target.slice(mark + 1)),
    cookie: head.repeated.has('cookie') ? undefined : head.headers['cookie'],
    form,
  });
}

/** A page of another site may send a form here, but not in our name. */
function isOwnForm(headers: Readonly<Record<string, string | undefined>>, rules: Rules): boolean {
  const origin = headers['origin'];
  // Pages that refer to nobody send `null` for their own forms too; the token of the form decides then.
  if (origin !== undefined && origin !== 'null' && !rules.origins.has(origin)) return false;
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false;
  return headers['content-type']?.split(';')[0]?.trim().toLowerCase() === 'application/x-www-form-urlencoded';
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > LONGEST_FORM) return undefined;
      chunks.push(chunk);
    }
  } catch {
    return undefined;
  }
  return new URLSearchParams(Buffer.concat(chunks).toString());
}

function plain(status: number, words: string, headers: readonly string[] = []): PageAnswer {
  return { status, headers, body: `<!doctype html><title>Sallyport</title><p>${words}</p>\n` };
}
