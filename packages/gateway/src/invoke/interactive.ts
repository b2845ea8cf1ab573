/** Requests during which a server may ask its caller something (2026-07-28 patterns, Multi Round-Trip Requests). */
export const interactiveMethods: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read']);
