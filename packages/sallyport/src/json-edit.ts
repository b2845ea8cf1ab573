/**
 * Changes one member of a JSON file that belongs to somebody else and leaves every other byte alone. Reads JSON
 * (RFC 8259) and what editors allow beside it: comments, trailing commas, a byte order mark.
 */

/** Says that a text is not JSON even when comments are allowed for. */
export class JsonTextError extends Error {}

/**
 * Reads JSON with comments.
 *
 * @returns the value; throws a JsonTextError, which quotes nothing, where the text is not JSON
 */
export function parseLenientJson(text: string): unknown {
  return read(text).value;
}

/**
 * Sets `holder.name` in a JSON text: in place where it is there already, else behind the other members.
 *
 * @param text the file; an empty one counts as `{}`
 * @param holder the member of the root that holds the entries; made when it is missing
 * @returns the new text; throws a JsonTextError when the text is not JSON or the holder is no object
 */
export function setEntry(text: string, holder: string, name: string, value: unknown): string {
  if (text.replace('\ufeff', '').trim() === '') {
    return `${JSON.stringify({ [holder]: { [name]: value } }, undefined, 2)}\n`;
  }
  const { plain } = read(text);
  const root = rootOf(plain);
  const style = styleOf(text, root);
  const entries = root.members.findLast((member) => member.name === holder);
  if (entries === undefined) return insert(text, plain, root, holder, { [name]: value }, style);
  const object = objectAt(plain, entries.start);
  if (object === undefined) throw new JsonTextError(`"${holder}" is not an object`);
  const existing = object.members.findLast((member) => member.name === name);
  if (existing === undefined) return insert(text, plain, object, name, value, style);
  const isInline = !text.slice(object.start, existing.nameStart).includes('\n');
  const rendered = render(value, isInline ? { ...style, isCompact: true } : style, indentAt(text, existing.nameStart));
  return text.slice(0, existing.start) + rendered + text.slice(existing.end);
}

/** Returns the value text of `holder.name`, or nothing. */
export function entryText(text: string, holder: string, name: string): string | undefined {
  const found = find(text, holder, name);
  return found && text.slice(found.member.start, found.member.end);
}

/** Puts `value`, a piece of JSON, in the place of `holder.name`. Without such a member the text stays as it is. */
export function replaceEntryText(text: string, holder: string, name: string, value: string): string {
  const found = find(text, holder, name);
  return found === undefined ? text : text.slice(0, found.member.start) + value + text.slice(found.member.end);
}

/** Takes `holder.name` out, with one comma. Without such a member the text stays as it is. */
export function removeEntry(text: string, holder: string, name: string): string {
  const found = find(text, holder, name);
  if (found === undefined) return text;
  const { object, member, plain } = found;
  const blank = text.slice(0, member.nameStart).trimEnd().length;
  const comma = commaAfter(plain, member.end);
  let head = text.slice(0, blank);
  if (comma === undefined) {
    const before = object.members[object.members.indexOf(member) - 1];
    const lost = before && commaAfter(plain, before.end);
    if (lost !== undefined) head = text.slice(0, lost) + text.slice(lost + 1, blank);
  }
  const tail = text.slice(comma === undefined ? member.end : comma + 1);
  const rest = text.slice(comma === undefined ? member.end : comma + 1, object.end - 1);
  if (text.slice(object.start + 1, blank).trim() === '' && rest.trim() === '') {
    return `${text.slice(0, object.start)}{}${text.slice(object.end)}`;
  }
  return head + tail;
}

interface ReadJson {
  readonly value: unknown;
  /** As long as the source, with blanks where comments were. */
  readonly plain: string;
}

interface Member {
  readonly name: string;
  readonly nameStart: number;
  readonly start: number;
  readonly end: number;
}

interface JsonObjectSpan {
  readonly start: number;
  readonly end: number;
  readonly members: readonly Member[];
}

interface Style {
  readonly unit: string;
  readonly eol: string;
  readonly isCompact: boolean;
}

function read(text: string): ReadJson {
  const plain: string[] = [];
  const strict: string[] = [];
  let lastComma = -1;
  let position = text.startsWith('\ufeff') ? 1 : 0;
  if (position === 1) {
    plain.push(' ');
    strict.push(' ');
  }
  const keep = (end: number) => {
    const piece = text.slice(position, end);
    plain.push(piece);
    strict.push(piece);
    position = end;
  };
  const blank = (end: number) => {
    const piece = text.slice(position, end).replace(/[^\r\n]/g, ' ');
    plain.push(piece);
    strict.push(piece);
    position = end;
  };
  while (position < text.length) {
    const character = text[position];
    if (character === '"') {
      lastComma = -1;
      keep(stringEnd(text, position));
    } else if (character === '/' && text[position + 1] === '/') {
      const end = text.slice(position).search(/[\r\n]/);
      blank(end === -1 ? text.length : position + end);
    } else if (character === '/' && text[position + 1] === '*') {
      const end = text.indexOf('*/', position + 2);
      blank(end === -1 ? text.length : end + 2);
    } else {
      if (character === ',') lastComma = strict.length;
      else if ((character === '}' || character === ']') && lastComma !== -1) strict[lastComma] = ' ';
      if (character !== ',' && character?.trim() !== '') lastComma = -1;
      keep(position + 1);
    }
  }
  return { value: parseStrict(strict.join('')), plain: plain.join('') };
}

function parseStrict(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    // The engine's own message quotes the text, which may hold secrets; only the place is taken from it, where it has one.
    const at = /position (\d+)/.exec(cause instanceof Error ? cause.message : '')?.[1];
    if (at === undefined) throw new JsonTextError('not JSON');
    const before = text.slice(0, Number(at)).split('\n');
    throw new JsonTextError(`not JSON at line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`);
  }
}

function rootOf(plain: string): JsonObjectSpan {
  const root = objectAt(plain, skipBlank(plain, 0));
  if (root === undefined) throw new JsonTextError('the file holds no JSON object');
  return root;
}

function find(text: string, holder: string, name: string) {
  if (text.replace('\ufeff', '').trim() === '') return undefined;
  const { plain } = read(text);
  const entries = rootOf(plain).members.findLast((member) => member.name === holder);
  const object = entries && objectAt(plain, entries.start);
  const member = object?.members.findLast((one) => one.name === name);
  return object && member && { plain, object, member };
}

// The functions below walk text that JSON.parse accepted, so they need not look for mistakes.

function objectAt(plain: string, start: number): JsonObjectSpan | undefined {
  if (plain[start] !== '{') return undefined;
  const members: Member[] = [];
  let position = skipBlank(plain, start + 1);
  while (plain[position] === '"') {
    const nameStart = position;
    const nameEnd = stringEnd(plain, position);
    const valueStart = skipBlank(plain, plain.indexOf(':', nameEnd) + 1);
    const end = valueEnd(plain, valueStart);
    members.push({ name: String(JSON.parse(plain.slice(nameStart, nameEnd))), nameStart, start: valueStart, end });
    position = skipBlank(plain, (commaAfter(plain, end) ?? end - 1) + 1);
  }
  return { start, end: position + 1, members };
}

function valueEnd(plain: string, start: number): number {
  if (plain[start] === '"') return stringEnd(plain, start);
  if (plain[start] !== '{' && plain[start] !== '[') {
    const length = plain.slice(start).search(/[\s,}\]]/);
    return length === -1 ? plain.length : start + length;
  }
  let depth = 0;
  let position = start;
  do {
    const character = plain[position];
    if (character === '"') {
      position = stringEnd(plain, position);
      continue;
    }
    if (character === '{' || character === '[') depth++;
    else if (character === '}' || character === ']') depth--;
    position++;
  } while (depth > 0);
  return position;
}

function stringEnd(text: string, start: number): number {
  let position = start + 1;
  while (position < text.length && text[position] !== '"') position += text[position] === '\\' ? 2 : 1;
  return Math.min(position + 1, text.length);
}

function skipBlank(plain: string, start: number): number {
  let position = start;
  while (position < plain.length && plain[position]?.trim() === '') position++;
  return position;
}

function commaAfter(plain: string, end: number): number | undefined {
  const position = skipBlank(plain, end);
  return plain[position] === ',' ? position : undefined;
}

function indentAt(text: string, position: number): string {
  const lineStart = text.lastIndexOf('\n', position - 1) + 1;
  return /^[ \t]*/.exec(text.slice(lineStart, position))?.[0] ?? '';
}

function styleOf(text: string, root: JsonObjectSpan): Style {
  const first = root.members[0];
  const isCompact = first !== undefined && !text.slice(root.start, root.end).includes('\n');
  const unit = first === undefined || isCompact ? '  ' : indentAt(text, first.nameStart) || '  ';
  return { unit, eol: text.includes('\r\n') ? '\r\n' : '\n', isCompact };
}

function render(value: unknown, style: Style, indent: string): string {
  if (style.isCompact) return JSON.stringify(value);
  return JSON.stringify(value, undefined, style.unit).replaceAll('\n', style.eol + indent);
}

function insert(
  text: string,
  plain: string,
  object: JsonObjectSpan,
  name: string,
  value: unknown,
  style: Style,
): string {
  const last = object.members.at(-1);
  const outer = indentAt(text, object.start);
  const isInline = last !== undefined && !text.slice(object.start, object.end).includes('\n');
  const indent = last === undefined || isInline ? outer + style.unit : indentAt(text, last.nameStart);
  const used = isInline ? { ...style, isCompact: true } : style;
  const member = `${JSON.stringify(name)}:${used.isCompact ? '' : ' '}${render(value, used, indent)}`;
  const lead = used.isCompact ? '' : style.eol + indent;
  // Behind comments that follow the last member, so that they stay with what they speak of.
  const place = text.slice(0, object.end - 1).trimEnd().length;
  const comma = last && commaAfter(plain, last.end);
  const head =
    last === undefined || comma !== undefined
      ? text.slice(0, place)
      : `${text.slice(0, last.end)},${text.slice(last.end, place)}`;
  const closing = last === undefined && !used.isCompact ? style.eol + outer : text.slice(place, object.end - 1);
  return `${head}${lead}${member}${comma === undefined ? '' : ','}${closing}${text.slice(object.end - 1)}`;
}
