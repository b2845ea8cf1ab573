/**
 * What a caller said that it can be asked, and whether a server's question may reach it: of a kind that `ask` allows, and
 * in a form that this caller declared for this request (2026-07-28 patterns, Multi Round-Trip Requests; 2025-11-25
 * client features).
 */
import type { Intended, Session } from '@sallyport/guard';
import { CLIENT_CAPABILITIES_KEY, isObject, metaOf, type JsonObject } from '@sallyport/protocol';
import { askKindOf, type AskKind } from '../upstreams/link.ts';

type Asked = Pick<Intended, 'era' | 'message' | 'session' | 'connection' | 'caller'>;

/** The first revisions with a feature; what a caller of an older one declares cannot mean it. */
const ELICITATION_SINCE = '2025-06-18';
const PAGES_SINCE = '2025-11-25';

const nothing: JsonObject = Object.freeze({});

/**
 * Returns what this caller declared: a modern one with the request, a legacy one when its session began. A legacy caller
 * that takes no messages before the answer cannot be asked, whatever it declared.
 */
export function declaredBy(exchange: Asked): JsonObject {
  if (exchange.era === 'modern') {
    const declared = metaOf(exchange.message.params)?.[CLIENT_CAPABILITIES_KEY];
    return isObject(declared) ? declared : nothing;
  }
  const session = (exchange.session ?? exchange.connection) as Session | undefined;
  const handshake = session?.handshake;
  if (handshake === undefined || !exchange.caller.isOpenable) return nothing;
  return ofRevision(handshake.clientCapabilities, handshake.revision);
}

function ofRevision(declared: JsonObject, revision: string): JsonObject {
  if (revision >= PAGES_SINCE) return declared;
  const { elicitation, ...others } = declared;
  return revision < ELICITATION_SINCE || !isObject(elicitation) ? others : { ...others, elicitation: {} };
}

/**
 * Says why a server's question may not reach a caller.
 *
 * @param method - what the server asks for, e.g. `elicitation/create`
 * @param params - with which parameters
 * @param ask - what the server's entry allows
 * @param declared - what the caller declared
 * @returns `undefined` when it may
 */
export function findBar(
  method: string,
  params: JsonObject | undefined,
  ask: readonly AskKind[],
  declared: JsonObject,
): string | undefined {
  const kind = askKindOf(method);
  if (kind === undefined) return 'it is no question that callers know';
  if (!ask.includes(kind)) return `its \`ask\` does not allow ${kind}`;
  const capability = declared[kind];
  if (!isObject(capability)) return `you did not declare ${kind}`;
  if (kind === 'elicitation') return findModeBar(params, capability);
  if (kind === 'sampling' && (params?.['tools'] !== undefined || params?.['toolChoice'] !== undefined)) {
    return isObject(capability['tools']) ? undefined : 'you did not declare sampling with tools';
  }
  return undefined;
}

/** A caller that names no mode knows forms only. */
function findModeBar(params: JsonObject | undefined, capability: JsonObject): string | undefined {
  const mode = params?.['mode'] ?? 'form';
  if (mode === 'url') return isObject(capability['url']) ? undefined : 'you did not declare elicitation by URL';
  if (mode !== 'form') return 'it is no mode of elicitation that callers know';
  const isForm = isObject(capability['form']) || !isObject(capability['url']);
  return isForm ? undefined : 'you did not declare elicitation by form';
}

/** True where some question could reach this caller. */
export function canAsk(ask: readonly AskKind[], declared: JsonObject): boolean {
  return ask.some((kind) => isObject(declared[kind]));
}
