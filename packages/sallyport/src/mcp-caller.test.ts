import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createMcpCaller } from './mcp-caller.ts';

function door() {
  const toCaller = new PassThrough();
  const fromCaller = new PassThrough();
  return { toCaller, fromCaller, caller: createMcpCaller({ input: toCaller, output: fromCaller }, '1.2.3') };
}

const nextLine = (stream: PassThrough) =>
  new Promise<Record<string, unknown>>((resolve) =>
    stream.once('data', (chunk: Buffer) => resolve(JSON.parse(chunk.toString()))),
  );

describe('createMcpCaller', () => {
  it('sends self-contained requests and finds their answers', async () => {
    const { toCaller, fromCaller, caller } = door();
    const sent = nextLine(fromCaller);
    const answer = caller.request('tools/call', { name: 'x', arguments: { a: 1 } });
    expect(await sent).toMatchObject({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'x', arguments: { a: 1 }, _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } },
    });
    toCaller.write('{"jsonrpc":"2.0","method":"notifications/progress","params":{}}\nnot json\n');
    toCaller.write('{"jsonrpc":"2.0","id":1,"result":{"content":[]}}\n');
    expect(await answer).toEqual({ kind: 'result', result: { content: [] } });
  });

  it('hands on errors', async () => {
    const { toCaller, caller } = door();
    const answer = caller.request('tools/list', {});
    toCaller.write('{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Unknown tool: x"}}\n');
    expect(await answer).toEqual({ kind: 'error', code: -32602, message: 'Unknown tool: x', data: undefined });
  });

  it('fails what waits and what comes when the door closes', async () => {
    const { toCaller, caller } = door();
    const answer = caller.request('tools/list', {});
    toCaller.end();
    await expect(answer).rejects.toThrow('hung up');
    await expect(caller.request('tools/list', {})).rejects.toThrow('hung up');
  });
});
