/** Judges the head of a request before anything is read: address, version, path, Host, Origin, method, type, size. */
import type { DoorKind, HttpHead, Received } from '../exchange.ts';
import { spentFields } from '../limits/quota.ts';
import { senderOf } from '../addresses.ts';
import type { Ports } from '../ports.ts';
import { noteHeadQuirks } from '../quirks.ts';
import { refuse, type Refusal } from '../refusals.ts';
import type { Rules } from '../rules.ts';

/** Bounds the head of a request, or of the upgrade that a message came under. A stdio door has no head and passes. */
export function receive(exchange: Received, ports: Ports): Received | Refusal {
  const { head, rules } = exchange;
  if (head === undefined) return exchange;
  if (exchange.door === 'http') noteHeadQuirks(exchange, head);
  return judgeAddress(exchange, ports) ?? judgeHead(head, exchange.door, rules) ?? exchange;
}

/** Charges the address, which has to be known. */
export function judgeAddress(exchange: Received, ports: Pick<Ports, 'buckets'>): Refusal | undefined {
  if (exchange.isAddressDisputed === true) return refuse('disputed-address');
  const { perAddress } = exchange.rules.limits;
  const charge = ports.buckets.take(`address:${senderOf(exchange.address)}`, perAddress);
  if (charge.isAllowed) return undefined;
  return refuse('address-limited', {
    retryAfterMs: charge.retryAfterMs,
    quota: spentFields('address', perAddress),
  });
}

/** A query that names a credential (RFC 6750 §2.3 has one, and other programs have others). */
const queriedCredential = /[?&](?:access_?token|id_?token|token|bearer|authorization|jwt|api_?key|key|secret)=/i;

/** `uri-host [ ":" port ]` (RFC 9110 §7.2), for names that can be anybody's. */
const hostForm = /^(?:\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})(?::[0-9]{1,5})?$/i;

/** Judges the version and the Host of a request, which is all that matters for what is public. */
export function judgeHost(head: HttpHead, rules: Pick<Rules, 'hosts'>): Refusal | undefined {
  if (head.version !== '1.1') return refuse('bad-http-version');
  const host = head.headers['host'];
  if (host !== undefined && !head.repeated.has('host') && rules.hosts.has(host.toLowerCase())) return undefined;
  const isHost = host !== undefined && !head.repeated.has('host') && hostForm.test(host);
  return refuse(isHost ? 'bad-host' : 'malformed-host');
}

/** Judges a head under these rules, without charging anybody. */
export function judgeHead(head: HttpHead, door: DoorKind, rules: Rules): Refusal | undefined {
  const refused = judgeHost(head, rules);
  if (refused !== undefined) return refused;
  const origin = head.headers['origin'];
  if (origin !== undefined && (head.repeated.has('origin') || !rules.origins.has(origin))) return refuse('bad-origin');
  if (!head.isKnownPath || !isOpen(door, rules)) {
    return refuse(queriedCredential.test(head.target) ? 'credential-in-url' : 'no-such-path');
  }
  if (door === 'websocket') return judgeUpgrade(head);
  if (head.method === 'POST') return judgeBody(head, rules);
  if (door === 'sse') return head.method === 'GET' ? undefined : refuse('method-not-allowed');
  if (head.method === 'GET' || head.method === 'DELETE') {
    return head.headers['mcp-session-id'] === undefined ? refuse('method-not-allowed') : undefined;
  }
  return refuse('method-not-allowed');
}

function isOpen(door: DoorKind, { doors }: Rules): boolean {
  return (door !== 'websocket' || doors.websocket) && (door !== 'sse' || doors.sse);
}

const upgradeHeaders = ['upgrade', 'sec-websocket-key', 'sec-websocket-version', 'sec-websocket-protocol'];

/** 16 bytes in base64. */
const upgradeKey = /^[+/0-9A-Za-z]{22}==$/;

/** The opening handshake (RFC 6455 §4.2.1), with the one subprotocol that is spoken here. */
function judgeUpgrade({ headers, repeated, method }: HttpHead): Refusal | undefined {
  const bad = (detail: string): Refusal => refuse('bad-upgrade', { fill: { detail } });
  if (method !== 'GET') return refuse('method-not-allowed');
  const twice = upgradeHeaders.find((name) => repeated.has(name));
  if (twice !== undefined) return bad(`${twice} was sent twice`);
  if (headers['upgrade']?.toLowerCase() !== 'websocket') return bad('Upgrade must be websocket');
  if (headers['sec-websocket-version'] !== '13') return bad('Sec-WebSocket-Version must be 13');
  if (!upgradeKey.test(headers['sec-websocket-key'] ?? '')) return bad('Sec-WebSocket-Key must be 16 bytes in base64');
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  return offered.includes('mcp') ? undefined : bad('Sec-WebSocket-Protocol must offer mcp');
}

function judgeBody(head: HttpHead, rules: Rules): Refusal | undefined {
  if (head.repeated.has('content-type') || !isJsonType(head.headers['content-type'])) return refuse('bad-content-type');
  const encoding = head.headers['content-encoding'];
  if (encoding !== undefined && encoding.trim().toLowerCase() !== 'identity') return refuse('bad-content-type');
  const declared = head.headers['content-length'];
  if (declared !== undefined && Number(declared) > rules.limits.body) {
    return refuse('body-too-large', { fill: { limit: rules.limits.body } });
  }
  return undefined;
}

/** True for application/json, alone or with parameters of which a charset may only be UTF-8 (RFC 9110 §8.3.1). */
function isJsonType(value: string | undefined): boolean {
  if (value === undefined) return false;
  if (value === 'application/json') return true;
  const [type, ...parameters] = value.toLowerCase().split(';');
  if (type?.trim() !== 'application/json') return false;
  for (const parameter of parameters) {
    const [name, setting] = parameter.split('=');
    if (name?.trim() !== 'charset') continue;
    const charset = setting?.trim();
    if (charset !== 'utf-8' && charset !== '"utf-8"') return false;
  }
  return true;
}
