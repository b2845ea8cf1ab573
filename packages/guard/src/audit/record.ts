/**
 * One audit record: its fields and its encoding as one JSON line. Hand-written, because it runs for each exchange and
 * because strings from outside must neither break the line nor blow it up.
 */

export type RecordKind = 'intent' | 'outcome' | 'refusal' | 'auth' | 'admin' | 'system' | 'checkpoint';

/** Who called, as recorded. */
export interface RecordPrincipal {
  readonly id: string;
  readonly kind: string;
  readonly roles: readonly string[];
  readonly agent?: string | undefined;
}

/** What was aimed at, as recorded. `definition` is the digest of the accepted definition. */
export interface RecordTarget {
  readonly upstream?: string | undefined;
  readonly kind: string;
  readonly name: string;
  readonly definition?: string | undefined;
  /** The effect that an administrator has assigned. */
  readonly effect?: string | undefined;
}

/** What policy said (`allow`, `deny`, or `observe` for what passed although it would be refused): `rule` is the deciding rule, `at` its file:line:column. */
export interface RecordDecision {
  readonly effect: string;
  readonly rule?: string | undefined;
  readonly at?: string | undefined;
  /** With the effect `observe`: the refusal that was not carried out, as `outcome.reason` would say it. */
  readonly would?: string | undefined;
}

/** Arguments: a keyed digest and a size; values only where configuration asks for them. */
export interface RecordArguments {
  readonly digest?: string | undefined;
  readonly bytes?: number | undefined;
  readonly values?: Readonly<Record<string, unknown>> | undefined;
}

/** How it ended: `ms` is the whole time, `stages` the milliseconds of each stage. */
export interface RecordOutcome {
  readonly status: string;
  readonly reason?: string | undefined;
  readonly bytes?: number | undefined;
  readonly ms?: number | undefined;
  readonly stages?: Readonly<Record<string, number>> | undefined;
}

/** What a checkpoint says beyond its seq, time and prev. All of it is signed. */
export interface RecordCheckpoint {
  /** Name of the file that holds it. */
  readonly file: string;
  /** The oldest seq that retention has left in the directory. */
  readonly first: number;
  /** Why it was made. */
  readonly reason: 'open' | 'time' | 'count' | 'rotate' | 'retain' | 'stop';
  /** Id of the signing key. */
  readonly key: string;
  /** Ed25519, base64url. */
  readonly signature: string;
}

/** What the writer of a record knows; the trail adds v, seq, time, prev and hash. */
export interface RecordDraft {
  readonly kind: Exclude<RecordKind, 'checkpoint'>;
  readonly exchange?: string | undefined;
  readonly principal?: RecordPrincipal | undefined;
  readonly client?: string | undefined;
  readonly address?: string | undefined;
  readonly door?: string | undefined;
  readonly era?: string | undefined;
  readonly method?: string | undefined;
  readonly target?: RecordTarget | undefined;
  readonly decision?: RecordDecision | undefined;
  readonly args?: RecordArguments | undefined;
  readonly outcome?: RecordOutcome | undefined;
  /** W3C `traceparent`. */
  readonly trace?: string | undefined;
  /**
   * Not written: true for the outcome of an intent that was accepted. Such a record is owed, so it is kept where
   * others are dropped (a full or failing disk).
   */
  readonly isOwed?: boolean | undefined;
  /** What `encodeFacts` made of this draft's fields, where that was done before. */
  readonly facts?: string | undefined;
}

/** A record as read back. */
export interface AuditRecord extends Omit<RecordDraft, 'kind' | 'isOwed' | 'facts'> {
  readonly v: 1;
  readonly seq: number;
  /** ISO 8601 with milliseconds. */
  readonly time: string;
  readonly kind: RecordKind;
  readonly checkpoint?: RecordCheckpoint;
  readonly prev: string;
  readonly hash: string;
}

/** Longest string from outside, in UTF-16 units; longer ones are cut and carry their length. */
export const LONGEST_STRING = 1024;
/** Most roles and stages that are listed. */
const LONGEST_LIST = 64;
/** Longest encoding of kept argument values, in UTF-16 units. */
export const LONGEST_VALUES = 16_384;

// Beyond what JSON demands: DEL and C1 controls, zero-width and direction marks, line separators and surrogates, so
// that one record is one line in any reader and cannot repaint a terminal.
const UNSAFE =
  /[\u0000-\u001f"\\\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]/;
const ESCAPED =
  /[\u0000-\u001f"\\\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
// For text that JSON.stringify has already made: its quotes and backslashes stand.
const UNSAFE_IN_JSON = /[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g;

function escapeOne(character: string): string {
  if (character === '"') return '\\"';
  if (character === '\\') return '\\\\';
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** A JSON string that stays on one line; cut on a code point boundary when longer than {@link LONGEST_STRING}. */
export function quote(text: string): string {
  let bounded = text;
  if (text.length > LONGEST_STRING) {
    const last = text.charCodeAt(LONGEST_STRING - 1);
    const splitsPair = last >= 0xd800 && last <= 0xdbff;
    bounded = `${text.slice(0, splitsPair ? LONGEST_STRING - 1 : LONGEST_STRING)}…(${text.length})`;
  }
  return UNSAFE.test(bounded) ? `"${bounded.replace(ESCAPED, escapeOne)}"` : `"${bounded}"`;
}

/** `.001` to `.999` without zeros at the end; making a fraction's digits anew costs more than the rest of a number. */
const FRACTIONS = Array.from({ length: 1000 }, (_, thousandths) => String(thousandths / 1000).slice(1));

function number(value: number): string {
  if (!Number.isFinite(value)) return 'null';
  if (Number.isInteger(value)) return String(value);
  const thousandths = Math.round(value * 1000);
  if (thousandths < 0 || thousandths > 1e9) return String(thousandths / 1000);
  const whole = Math.floor(thousandths / 1000);
  return whole + (FRACTIONS[thousandths - whole * 1000] ?? '');
}

/** Names of stages as they are written; there are few, and they are ours. */
const stageTexts = new Map<string, string>();

function stageText(name: string): string {
  const known = stageTexts.get(name);
  if (known !== undefined) return known;
  const text = `${quote(name)}:`;
  if (stageTexts.size < LONGEST_LIST) stageTexts.set(name, text);
  return text;
}

/** Texts of what is the same in many records, by the object that says it; who makes such an object never changes it. */
const texts = new WeakMap<object, string>();

function textOf<Part extends object>(part: Part, encode: (part: Part) => string): string {
  let text = texts.get(part);
  if (text === undefined) {
    text = encode(part);
    texts.set(part, text);
  }
  return text;
}

function principalText(principal: RecordPrincipal): string {
  let text = `,"principal":{"id":${quote(principal.id)},"kind":${quote(principal.kind)},"roles":[`;
  const count = Math.min(principal.roles.length, LONGEST_LIST);
  for (let index = 0; index < count; index++) {
    text += (index === 0 ? '' : ',') + quote(principal.roles[index] ?? '');
  }
  text += ']';
  if (principal.agent !== undefined) text += `,"agent":${quote(principal.agent)}`;
  return text + '}';
}

function targetText(target: RecordTarget): string {
  let text = ',"target":{';
  if (target.upstream !== undefined) text += `"upstream":${quote(target.upstream)},`;
  text += `"kind":${quote(target.kind)},"name":${quote(target.name)}`;
  if (target.definition !== undefined) text += `,"definition":${quote(target.definition)}`;
  if (target.effect !== undefined) text += `,"effect":${quote(target.effect)}`;
  return text + '}';
}

function decisionText(decision: RecordDecision): string {
  let text = `,"decision":{"effect":${quote(decision.effect)}`;
  if (decision.rule !== undefined) text += `,"rule":${quote(decision.rule)}`;
  if (decision.at !== undefined) text += `,"at":${quote(decision.at)}`;
  if (decision.would !== undefined) text += `,"would":${quote(decision.would)}`;
  return text + '}';
}

function valuesText(values: Readonly<Record<string, unknown>>): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(values);
  } catch {
    // A cycle or a BigInt cannot come out of a JSON reader, but a record must not fail over it.
    return '{"$unreadable":true}';
  }
  if (text === undefined) return '{"$unreadable":true}';
  return text.length > LONGEST_VALUES ? `{"$cut":${text.length}}` : text.replace(UNSAFE_IN_JSON, escapeOne);
}

function argumentsText(args: RecordArguments): string {
  let members = '';
  if (args.digest !== undefined) members = `,"digest":${quote(args.digest)}`;
  if (args.bytes !== undefined) members += `,"bytes":${number(args.bytes)}`;
  if (args.values !== undefined) members += `,"values":${valuesText(args.values)}`;
  return `,"args":{${members.slice(1)}}`;
}

function outcomeText(outcome: RecordOutcome): string {
  let text = `,"outcome":{"status":${quote(outcome.status)}`;
  if (outcome.reason !== undefined) text += `,"reason":${quote(outcome.reason)}`;
  if (outcome.bytes !== undefined) text += `,"bytes":${number(outcome.bytes)}`;
  if (outcome.ms !== undefined) text += `,"ms":${number(outcome.ms)}`;
  if (outcome.stages !== undefined) {
    text += ',"stages":{';
    let count = 0;
    for (const stage in outcome.stages) {
      if (count === LONGEST_LIST) break;
      text += (count === 0 ? '' : ',') + stageText(stage) + number(outcome.stages[stage] ?? 0);
      count += 1;
    }
    text += '}';
  }
  return text + '}';
}

/**
 * Encodes what intent and outcome of an exchange have in common: all from `principal` to `args`. Whoever appends both
 * encodes it once and hands it over as `facts`.
 */
export function encodeFacts(draft: RecordDraft): string {
  let text = '';
  if (draft.principal !== undefined) text += textOf(draft.principal, principalText);
  if (draft.client !== undefined) text += `,"client":${quote(draft.client)}`;
  if (draft.address !== undefined) text += `,"address":${quote(draft.address)}`;
  if (draft.door !== undefined) text += `,"door":${quote(draft.door)}`;
  if (draft.era !== undefined) text += `,"era":${quote(draft.era)}`;
  if (draft.method !== undefined) text += `,"method":${quote(draft.method)}`;
  if (draft.target !== undefined) text += textOf(draft.target, targetText);
  if (draft.decision !== undefined) text += textOf(draft.decision, decisionText);
  if (draft.args !== undefined) text += argumentsText(draft.args);
  return text;
}

/**
 * Encodes a record up to and including `prev`; the hash is taken over exactly these bytes.
 *
 * @param draft what happened
 * @param seq place in the trail, from 1
 * @param time ISO 8601 with milliseconds
 * @param prev hash of the record before, hex
 */
export function encodeRecord(draft: RecordDraft, seq: number, time: string, prev: string): string {
  let text = `{"v":1,"seq":${seq},"time":"${time}"`;
  if (draft.exchange !== undefined) text += `,"exchange":${quote(draft.exchange)}`;
  text += `,"kind":"${draft.kind}"${draft.facts ?? encodeFacts(draft)}`;
  if (draft.outcome !== undefined) text += outcomeText(draft.outcome);
  if (draft.trace !== undefined) text += `,"trace":${quote(draft.trace)}`;
  return `${text},"prev":"${prev}"`;
}

/** Encodes a checkpoint up to and including `prev`, as {@link encodeRecord} does for other records. */
export function encodeCheckpoint(checkpoint: RecordCheckpoint, seq: number, time: string, prev: string): string {
  const { file, first, reason, key, signature } = checkpoint;
  return (
    `{"v":1,"seq":${seq},"time":"${time}","kind":"checkpoint","checkpoint":{"file":${quote(file)},"first":${first}` +
    `,"reason":"${reason}","key":"${key}","signature":"${signature}"},"prev":"${prev}"`
  );
}

/** Returns a function that formats wall time as ISO 8601, cheap when called many times within one second. */
export function createTimeFormat(): (milliseconds: number) => string {
  let second = Number.NaN;
  let prefix = '';
  return (milliseconds) => {
    const whole = Math.floor(milliseconds / 1000);
    if (whole !== second) {
      second = whole;
      prefix = new Date(whole * 1000).toISOString().slice(0, 20);
    }
    const rest = Math.floor(milliseconds - whole * 1000);
    return `${prefix}${rest < 10 ? '00' : rest < 100 ? '0' : ''}${rest}Z`;
  };
}
