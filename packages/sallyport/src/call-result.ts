/** Shows what a tool answered, as a person reads it. Pure. */
import { isRecord } from './mcp-caller.ts';

/** Returns the lines of a tool result: its text as it is, other content named. Text is not yet cleaned for a terminal. */
export function resultLines(result: Readonly<Record<string, unknown>>): string[] {
  const content = Array.isArray(result['content']) ? result['content'] : [];
  const lines = content.flatMap((block: unknown) => (isRecord(block) ? blockLines(block) : []));
  const structured = result['structuredContent'];
  if (lines.length === 0 && structured !== undefined) return JSON.stringify(structured, undefined, 2).split('\n');
  return lines;
}

function blockLines(block: Readonly<Record<string, unknown>>): string[] {
  const { type, text, data, mimeType, uri, name, resource } = block;
  if (type === 'text' && typeof text === 'string') return text.split('\n');
  if (type === 'resource' && isRecord(resource)) {
    const inside = resource['text'];
    return [`[resource ${String(resource['uri'])}]`, ...(typeof inside === 'string' ? inside.split('\n') : [])];
  }
  if (type === 'resource_link') return [`[resource ${String(uri)}${typeof name === 'string' ? ` ${name}` : ''}]`];
  const bytes = typeof data === 'string' ? `, ${Math.floor((data.length * 3) / 4)} bytes` : '';
  return [`[${String(type)} ${typeof mimeType === 'string' ? mimeType : ''}${bytes}]`];
}

/** Returns the exchange id of a refusal, where the answer carries one. */
export function refusalExchange(data: unknown): string | undefined {
  const id = isRecord(data) ? data['exchange'] : undefined;
  return typeof id === 'string' ? id : undefined;
}
